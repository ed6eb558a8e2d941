import { assert, assertEquals, assertThrows } from "@std/assert";
import { FakeTime, TimeError } from "@std/testing/time";

Deno.test("FakeTime moves Date and timers only on tick()", async () => {
  const fired: number[] = [];
  {
    using time = new FakeTime(1000);
    setTimeout(() => fired.push(Date.now()), 20);
    const interval = setInterval(() => fired.push(Date.now()), 15);
    time.tick(14);
    assertEquals(fired, []);
    await time.tickAsync(16);
    assertEquals([time.now, Date.now(), ...fired], [1030, 1030, 1015, 1020, 1030]);
    clearInterval(interval);
  }
  assert(Date.now() > 1_600_000_000_000);
});

Deno.test("FakeTime.tick() runs timers in the order of their due times, then of their creation", () => {
  using time = new FakeTime(0);
  const fired: string[] = [];
  const note = (name: string) => () => fired.push(`${name} ${time.now}`);
  setTimeout(note("b"), 10);
  const interval = setInterval(note("interval"), 5);
  setTimeout(note("c"), 10);
  setTimeout(note("a"), 2.9);
  clearTimeout(setTimeout(note("never"), 1));
  time.tick(10);
  clearInterval(interval);
  time.tick(10);
  assertEquals(fired, ["a 2", "interval 5", "b 10", "c 10", "interval 10"]);
});

Deno.test("FakeTime.tick() runs timers that a timer sets on the way, even without a delay", () => {
  using time = new FakeTime(0);
  const fired: unknown[] = [];
  setTimeout(
    (name: string) => {
      fired.push(name, time.now);
      setTimeout(() => fired.push("at once", time.now), 0);
      setTimeout(() => fired.push("later", time.now), 1);
    },
    5,
    "first",
  );
  time.tick(5);
  assertEquals(fired, ["first", 5, "at once", 5]);
  time.tick(1);
  assertEquals(fired.slice(4), ["later", 6]);
});

Deno.test("FakeTime.tick() lets an interval clear itself, and uses a minimum period of 1 ms", () => {
  using time = new FakeTime(0);
  const fired: number[] = [];
  const interval = setInterval(() => {
    fired.push(time.now);
    if (fired.length === 3) clearInterval(interval);
  }, 0);
  time.tick(100);
  assertEquals(fired, [1, 2, 3]);
});

Deno.test("FakeTime.tick() refuses to go back", () => {
  using time = new FakeTime();
  assertThrows(() => time.tick(-1), RangeError);
});

Deno.test("FakeTime replaces the present in all functions of Date, and nothing else of it", () => {
  using _time = new FakeTime("2026-11-21T20:58:45Z");
  assertEquals(new Date().toISOString(), "2026-11-21T20:58:45.000Z");
  assertEquals(new Date(0).getTime(), 0);
  assertEquals(Date(), new Date().toString());
  assertEquals(Date.UTC(1970, 0, 2), 86_400_000);
  assert(new Date() instanceof Date);
});

Deno.test("FakeTime exists once at a time, and is restored once", () => {
  const time = new FakeTime();
  assertThrows(() => new FakeTime(), TimeError, "already faked");
  time.restore();
  assertThrows(() => time.restore(), TimeError, "already restored");
  assertThrows(() => new FakeTime("no time"), TypeError);
  new FakeTime().restore();
});

Deno.test("FakeTime.restore() restores the real Date, even if a test has replaced it", () => {
  const RealDate = Date;
  {
    using time = new FakeTime(5);
    globalThis.Date = new Proxy(Date, {});
    time.tick(1);
    assertEquals(Date.now(), 6);
  }
  assert(Date === RealDate);
  globalThis.Date = class extends Date {
    static override now = () => 7;
  } as DateConstructor;
  using time = new FakeTime();
  assert(time.now > 1_600_000_000_000);
});

Deno.test("FakeTime times out an AbortSignal", () => {
  using time = new FakeTime();
  const signal = AbortSignal.timeout(10);
  time.tick(9);
  assert(!signal.aborted);
  time.tick(1);
  assertEquals((signal.reason as Error).name, "TimeoutError");
});
