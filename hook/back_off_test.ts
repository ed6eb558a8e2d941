import { assertEquals } from "@std/assert";
import { backOffMs, parseRetryAfterMs } from "./back_off.ts";

Deno.test("backOffMs() doubles from half a second to thirty, and spreads", () => {
  const waits = (random: number) => [1, 2, 3, 4, 5, 6, 7, 5000].map((n) => backOffMs(n, random));
  assertEquals(waits(0), [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  assertEquals(waits(1), [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
});

Deno.test("parseRetryAfterMs() reads seconds and dates, up to five minutes", () => {
  const now = Date.parse("2026-11-21T20:58:45Z");
  const cases: [string | null, number][] = [
    [null, 0],
    ["0", 0],
    ["7", 7_000],
    ["301", 300_000],
    ["99999999999999999999", 300_000],
    ["Sat, 21 Nov 2026 20:58:55 GMT", 10_000],
    ["Sat, 21 Nov 2026 20:58:35 GMT", 0],
    ["Sat, 21 Nov 2099 20:58:45 GMT", 300_000],
    ["soon", 0],
    ["", 0],
  ];
  for (const [header, expected] of cases) {
    assertEquals(parseRetryAfterMs(header, now), expected, String(header));
  }
});
