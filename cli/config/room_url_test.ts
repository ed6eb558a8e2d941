import { assert, assertEquals, assertThrows } from "@std/assert";
import { ChatError } from "../../protocol/errors.ts";
import { parseRoomUrl } from "./room_url.ts";

Deno.test("parseRoomUrl() finds the room, and the server with the path that it is below", () => {
  const cases: [given: string, base: string, room: string][] = [
    ["http://h:1/r/ops", "http://h:1/", "ops"],
    ["http://h:1/r/ops/", "http://h:1/", "ops"],
    ["https://h/r/ops#m7", "https://h/", "ops"],
    ["https://h/r/ops?", "https://h/", "ops"],
    ["localhost#m7", "http://localhost/", "lobby"],
    [":8821", "http://localhost:8821/", "lobby"],
    [":8821/r/ops", "http://localhost:8821/", "ops"],
    ["http://h:1", "http://h:1/", "lobby"],
    ["http://h:1/", "http://h:1/", "lobby"],
    ["https://h/chat/", "https://h/chat/", "lobby"],
    ["https://h/chat/r/ops", "https://h/chat/", "ops"],
    ["https://h/r/r/r/ops", "https://h/r/r/", "ops"],
    ["HTTPS://H/r/k%C3%BCche", "https://h/", "küche"],
    ["http://h/r/küche", "http://h/", "küche"],
    ["h:1", "http://h:1/", "lobby"],
    ["h:1/r/ops", "http://h:1/", "ops"],
    ["localhost", "http://localhost/", "lobby"],
    ["chat.example/r/ops", "http://chat.example/", "ops"],
    ["[::1]:8080", "http://[::1]:8080/", "lobby"],
  ];
  for (const [given, base, room] of cases) {
    const url = `${base}r/${encodeURIComponent(room)}`;
    assertEquals(parseRoomUrl(given), { base, room, url, name: undefined }, given);
  }
});

Deno.test("parseRoomUrl() refuses what is no room's address", () => {
  const wrong = [
    "",
    "ops",
    "/r/ops",
    "ftp://h/r/ops",
    "ws://h/r/ops",
    "http://",
    "http://h/ops",
    "http://h/r/",
    "http://h/chat/r/",
    "h:1/r/",
    "h:x",
    ":",
    ":x",
  ];
  for (const given of wrong) {
    const { code, message } = assertThrows(() => parseRoomUrl(given), ChatError);
    assertEquals(code, "bad_usage");
    assertEquals(
      message,
      `Cannot parse URL: expected http://HOST:PORT/r/ROOM, received "${given}"`,
    );
  }
  const { message } = assertThrows(() => parseRoomUrl("http://h/r/Ops"), ChatError);
  assert(message.endsWith('received "Ops"'), message);
});

Deno.test("parseRoomUrl() takes the name from a query where there may be one, and refuses the rest", () => {
  const nameIn = (text: string) => parseRoomUrl(text, { hasName: true }).name;
  assertEquals(nameIn("http://h/r/ops?name=Ann%20B#m7"), "Ann B");
  assertEquals(nameIn("localhost?name=Ann"), "Ann");
  assertEquals([nameIn("h:1/?name="), nameIn("h:1")], [undefined, undefined]);
  assertEquals(parseRoomUrl("h:1/r/ops?name=Ann", { hasName: true }).url, "http://h:1/r/ops");
  const complain = (text: string, hasName: boolean) =>
    assertThrows(() => parseRoomUrl(text, { hasName }), ChatError).message;
  assertEquals(
    complain("h:1?name=Ann&after=2", true),
    'Cannot parse URL: expected only "name" in the query, received "after"',
  );
  assertEquals(
    complain("h:1?name=Ann", false),
    'Cannot parse URL: expected no query, received "name"',
  );
});

Deno.test("parseRoomUrl() shows no password", () => {
  const { message } = assertThrows(() => parseRoomUrl("ftp://ann:secret@h/r/ops"), ChatError);
  assert(!message.includes("secret"), message);
});
