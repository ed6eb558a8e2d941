import { assertEquals } from "@std/assert";
import { ChatPeople } from "./people.ts";

const ANN = { name: "Ann", tag: "k3f9ab" };
const BEN = { name: "B\x1ben", tag: "b0b0b0" };

Deno.test("ChatPeople shows who is present and who is typing", () => {
  const people = new ChatPeople();
  assertEquals(people.draw(0), "-- not connected --");
  people.show({ count: 3, people: [ANN, BEN] });
  people.showTyping(ANN, 0);
  people.showTyping(BEN, 2_000);
  assertEquals(
    people.draw(3_999),
    "-- here: Ann#k3f9ab (typing), B\ufffden#b0b0b0 (typing), 1 without a name --",
  );
  assertEquals(
    people.draw(4_000),
    "-- here: Ann#k3f9ab, B\ufffden#b0b0b0 (typing), 1 without a name --",
  );
  people.stopTyping(BEN);
  assertEquals(people.draw(4_000), "-- here: Ann#k3f9ab, B\ufffden#b0b0b0, 1 without a name --");
  people.show({ count: 312 });
  assertEquals(people.draw(0), "-- here: 312 people --");
  people.show(undefined);
  assertEquals(people.draw(0), "-- not connected --");
});
