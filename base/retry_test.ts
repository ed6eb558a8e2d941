import { assertEquals } from "@std/assert";
import { backOffMs, jitterMs, maxBackOffMs, parseRetryAfterMs } from "./retry.ts";

const BACK_OFF = { firstMs: 1_000, maxMs: 30_000 };

Deno.test("maxBackOffMs() doubles from the first wait up to the bound", () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 5000].map((n) => maxBackOffMs(n, BACK_OFF));
  assertEquals(waits, [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
});

Deno.test("backOffMs() takes a random part from the longest wait, up to one half", () => {
  const waits = (random: number) => [1, 2, 6, 5000].map((n) => backOffMs(n, BACK_OFF, random));
  assertEquals(waits(0), [1000, 2000, 30000, 30000]);
  assertEquals(waits(0.5), [750, 1500, 22500, 22500]);
  assertEquals(waits(1), [500, 1000, 15000, 15000]);
});

Deno.test("jitterMs() returns a time between both bounds", () => {
  const waits = [0, 0.5, 1].map((random) => jitterMs({ minMs: 500, maxMs: 2_000 }, random));
  assertEquals(waits, [2000, 1250, 500]);
});

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
    assertEquals(parseRetryAfterMs(header, { nowMs, maxMs: 300_000 }), expected, String(header));
  }
});
