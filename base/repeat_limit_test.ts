import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { fakeMonotonic } from "../tests/support/monotonic.ts";
import { EVENT_RATE, type Omission, RepeatLimit, REPORT_PERIOD_MS } from "./repeat_limit.ts";

function setUp() {
  const time = new FakeTime();
  const clock = fakeMonotonic();
  const omissions: Omission[] = [];
  const limit = new RepeatLimit((omission) => omissions.push(omission));
  return {
    time,
    clock,
    omissions,
    limit,
    /** Number of events that are allowed out of so many. */
    flood: (level: string, event: string, count: number) =>
      Array.from({ length: count }).filter(() => limit.allows(level, event)).length,
    [Symbol.dispose]() {
      limit.flush();
      clock[Symbol.dispose]();
      time.restore();
    },
  };
}

Deno.test("RepeatLimit.allows() a burst and then one a second of each event, and reports the rest", () => {
  using scene = setUp();
  const { time, omissions, flood } = scene;
  assertEquals(flood("warn", "wrong password", 1_000), EVENT_RATE.burst);
  time.tick(1_000);
  assertEquals(flood("warn", "wrong password", 1_000), 1);
  assertEquals(omissions, []);
  time.tick(REPORT_PERIOD_MS - 1_000);
  const count = 2_000 - EVENT_RATE.burst - 1;
  assertEquals(omissions, [{ level: "warn", event: "wrong password", count }]);
  time.tick(10 * REPORT_PERIOD_MS);
  assertEquals(omissions.length, 1); // each of them once
});

Deno.test("RepeatLimit.allows() an event whatever other events and levels have used up", () => {
  using scene = setUp();
  const { flood } = scene;
  flood("info", "page", 1_000);
  assertEquals(flood("info", "client closed", 10), 10);
  assertEquals(flood("error", "page", 10), 10);
});

for (const hours of [-24, -1, 2]) {
  Deno.test(`RepeatLimit.allows() the same if the date jumps by ${hours} h`, () => {
    using scene = setUp();
    const { time, clock, flood } = scene;
    flood("info", "page", 1_000);
    clock.jumpDate(hours * 3_600_000);
    assertEquals(flood("info", "page", 10), 0);
    time.tick(5_000);
    assertEquals(flood("info", "page", 10), 5);
  });
}
