import { assertEquals } from "@std/assert";
import { cutBytes } from "./payload.ts";

Deno.test("cutBytes() cuts a long text at a character boundary", () => {
  for (const [char, bytes] of [["a", 1], ["é", 2], ["€", 3], ["🙂", 4]] as const) {
    for (const before of ["", "!", "!!"]) {
      const expected = char.repeat(Math.floor((100 - 3 - before.length) / bytes));
      assertEquals(cutBytes(before + char.repeat(200), 100), `${before}${expected}…`);
    }
  }
  assertEquals(cutBytes("a".repeat(100), 100), "a".repeat(100));
});
