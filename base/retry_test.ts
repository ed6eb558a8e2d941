import { assertEquals } from "@std/assert";
import { backOffMs } from "./retry.ts";

Deno.test("backOffMs() doubles from half a second to thirty, and spreads", () => {
  const waits = (random: number) => [1, 2, 3, 4, 5, 6, 7, 5000].map((n) => backOffMs(n, random));
  assertEquals(waits(0), [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  assertEquals(waits(1), [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
});
