import { assertEquals } from "@std/assert";
import { rotate } from "./plan.ts";

Deno.test("rotate() begins each round elsewhere, and contains every item", () => {
  const items = ["a", "b", "c", "d", "e", "f"];
  const orders = [0, 1, 2].map((round) => rotate(items, { round, rounds: 3 }).join(""));
  assertEquals(orders, ["abcdef", "cdefab", "efabcd"]);
  assertEquals(rotate(["a", "b"], { round: 2, rounds: 3 }), ["b", "a"]);
  assertEquals(rotate([], { round: 1, rounds: 3 }), []);
});
