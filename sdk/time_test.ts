import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { clock, dayKey, dayLabel, fullTime, msUntilMidnight, startOfDay } from "./time.js";

const HOUR_MS = 3_600_000;

/** Local time, whatever the zone. */
function local(year: number, month: number, day: number, hour = 0, minute = 0): number {
  return new Date(year, month - 1, day, hour, minute).getTime();
}

Deno.test("clock() shows hour and minute", () => {
  assertMatch(clock(local(2026, 3, 5, 14, 40)), /^(14|0?2)\D40\b/);
  assertMatch(clock(local(2026, 3, 5, 11, 5)), /^11\D05\b/);
});

Deno.test("fullTime() shows date and time", () => {
  const told = fullTime(local(2026, 3, 25, 14, 40));
  for (const part of ["2026", "25", "40"]) assertStringIncludes(told, part);
});

Deno.test("dayKey() is the local day, in digits that sort", () => {
  assertEquals(dayKey(local(2026, 3, 5)), "2026-03-05");
  assertEquals(dayKey(local(2026, 12, 31, 23, 59)), "2026-12-31");
});

Deno.test("startOfDay() is the first moment of a day", () => {
  assertEquals(startOfDay("2026-03-05"), local(2026, 3, 5));
  assertEquals(dayKey(startOfDay("2024-02-29")), "2024-02-29");
  assertEquals(dayKey(startOfDay("2024-02-29") - 1), "2024-02-28");
});

Deno.test("dayLabel() names today and yesterday", () => {
  for (const now of [local(2026, 3, 1), local(2026, 3, 1, 23, 59)]) {
    assertEquals(dayLabel("2026-03-01", now), "Today");
    assertEquals(dayLabel("2026-02-28", now), "Yesterday");
  }
  assertEquals(dayLabel("2025-12-31", local(2026, 1, 1, 12)), "Yesterday");
  assertEquals(dayLabel(dayKey(Date.now())), "Today");
});

Deno.test("dayLabel() shows the date of other days, and the year of other years", () => {
  const now = local(2026, 3, 1, 12);
  const date = dayLabel("2026-02-27", now);
  assertStringIncludes(date, "27");
  const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
  assertStringIncludes(date, weekday.format(local(2026, 2, 27)));
  assert(!date.includes("2026"), date);
  assert(date !== dayLabel("2026-03-27", now), "the month, where the weekday is the same");
  assertStringIncludes(dayLabel("2025-03-01", now), "2025");
  assert(!dayLabel("2026-03-02", now).includes("2026"));
});

Deno.test("msUntilMidnight() ends with the day, and is never 0", () => {
  assertEquals(msUntilMidnight(local(2026, 12, 31, 23, 59)), 60_000);
  const midnight = local(2026, 1, 15);
  assertEquals(msUntilMidnight(midnight), local(2026, 1, 16) - midnight);
  assertEquals(msUntilMidnight(midnight - 1), 1);
});

/** Evaluates an expression in another time zone, in a process of its own: Deno reads the zone once. */
async function evaluateIn(zone: string, expression: string): Promise<unknown> {
  const module = new URL("time.js", import.meta.url);
  const code = `const { dayKey, dayLabel, msUntilMidnight, startOfDay } = await import("${module}");
    console.log(JSON.stringify(${expression}));`;
  const args = ["eval", "--no-config", code];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, env: { TZ: zone } }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("time: days with a clock change have 23 or 25 hours", async () => {
  const expression = `["2026-03-08", "2026-11-01", "2026-06-01"].map((key) => {
    const start = startOfDay(key);
    const next = start + msUntilMidnight(start);
    return [dayKey(start), msUntilMidnight(start), dayKey(next), dayLabel(key, next)];
  })`;
  assertEquals(await evaluateIn("America/New_York", expression), [
    ["2026-03-08", 23 * HOUR_MS, "2026-03-09", "Yesterday"],
    ["2026-11-01", 25 * HOUR_MS, "2026-11-02", "Yesterday"],
    ["2026-06-01", 24 * HOUR_MS, "2026-06-02", "Yesterday"],
  ]);
});

Deno.test("time: a day that has no midnight starts at 1:00", async () => {
  const expression = `["2018-11-03", "2018-11-04"].map((key) => {
    const start = startOfDay(key);
    return [new Date(start).getHours(), dayKey(start), msUntilMidnight(start)];
  })`;
  assertEquals(await evaluateIn("America/Sao_Paulo", expression), [
    [0, "2018-11-03", 24 * HOUR_MS],
    [1, "2018-11-04", 23 * HOUR_MS],
  ]);
});
