import { assertEquals, assertLess, assertThrows } from "@std/assert";
import { ChatError } from "../protocol/errors.ts";
import { Throttle } from "./login_throttle.ts";

/** Returns how long an address has to wait, in milliseconds. */
function waitOf(throttle: Throttle, ...networks: string[]): number {
  try {
    throttle.check(networks);
    return 0;
  } catch (error) {
    return (error as ChatError).retryAfterMs!;
  }
}

Deno.test("Throttle.check() refuses an address after too many wrong attempts, for longer each time, and no other address", () => {
  let now = 0;
  const throttle = new Throttle(() => now);
  const waits: number[] = [];
  for (let i = 0; i < 15; i++) {
    const waitMs = waitOf(throttle, "a");
    waits.push(waitMs);
    now += waitMs;
    throttle.check(["a"]);
    throttle.count(["a"]);
  }
  const seconds = waits.map((ms) => ms / 1000);
  assertEquals(seconds, [0, 0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  const error = assertThrows(() => throttle.check(["a"]), ChatError);
  assertEquals(error.code, "too_many_attempts");
  assertEquals(waitOf(throttle, "b"), 0);
  now += 3_600_000;
  assertEquals(waitOf(throttle, "a"), 0);
});

Deno.test("Throttle.count() counts for the networks around an address, which have more attempts and shorter waits", () => {
  let now = 0;
  const throttle = new Throttle(() => now);
  /** Sends guesses, each from another /64 of a /56, and returns how many were not delayed. */
  const spray = (guesses: number, netOf: (i: number) => string) => {
    let passed = 0;
    for (let i = 0; i < guesses; i++) {
      const networks = [`host ${netOf(i)} ${i}`, netOf(i), "/48"];
      if (waitOf(throttle, ...networks) > 0) continue;
      throttle.count(networks);
      passed++;
    }
    return passed;
  };
  assertEquals(spray(200, () => "/56"), 20);
  assertEquals(waitOf(throttle, "new", "/56", "/48"), 2_000);
  assertEquals(waitOf(throttle, "new", "other /56", "/48"), 0);
  assertEquals(spray(500, (i) => `/56 ${i}`), 20);
  assertEquals(waitOf(throttle, "new", "new", "/48"), 2_000);
  assertEquals(waitOf(throttle, "new", "new", "other /48"), 0);
  // An hour of guesses from the whole /48: one in thirty seconds.
  let passed = 0;
  for (; now < 3_600_000; now += 1_000) passed += spray(1, () => `/56 at ${now}`);
  assertLess(passed, 130);
  assertLess(waitOf(throttle, "new", "new", "/48"), 30_001);
});

Deno.test("Throttle.count() tracks 30,000 networks and forgets the oldest", () => {
  const throttle = new Throttle(() => 0);
  const countFive = (address: string) => {
    for (let i = 0; i < 5; i++) throttle.count([address]);
  };
  countFive("first");
  countFive("second");
  for (let i = 0; i < 29_999; i++) throttle.count([`${i}`]);
  assertEquals([waitOf(throttle, "first"), waitOf(throttle, "second")], [0, 2_000]);
});
