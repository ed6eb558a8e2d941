import { assertEquals } from "@std/assert";
import { parseRetryAfterMs } from "./retry_after.ts";

Deno.test("parseRetryAfterMs() reads seconds and dates, up to a bound", () => {
  const nowMs = Date.parse("2026-11-21T20:58:45Z");
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
    assertEquals(parseRetryAfterMs(header, { nowMs, mostMs: 300_000 }), expected, String(header));
  }
});
