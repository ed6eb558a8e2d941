import { assertEquals, assertThrows } from "@std/assert";
import { ChatError } from "../protocol/errors.ts";
import { Throttle } from "./login_throttle.ts";

/** Returns how long an address has to wait, in milliseconds. */
function waitOf(throttle: Throttle, address: string): number {
  try {
    throttle.check(address);
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
    throttle.check("a");
    throttle.count("a");
  }
  const seconds = waits.map((ms) => ms / 1000);
  assertEquals(seconds, [0, 0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  const error = assertThrows(() => throttle.check("a"), ChatError);
  assertEquals(error.code, "too_many_attempts");
  assertEquals(waitOf(throttle, "b"), 0);
  now += 3_600_000;
  assertEquals(waitOf(throttle, "a"), 0);
});

Deno.test("Throttle.count() counts simultaneous attempts one by one, and can be undone", () => {
  const throttle = new Throttle(() => 0);
  const undo = Array.from({ length: 5 }, () => throttle.count("a"));
  assertEquals(waitOf(throttle, "a"), 2_000);
  undo[2]!();
  assertEquals(waitOf(throttle, "a"), 0);
});

Deno.test("Throttle.count() tracks 10,000 addresses and forgets the oldest", () => {
  const throttle = new Throttle(() => 0);
  const countFive = (address: string) => {
    for (let i = 0; i < 5; i++) throttle.count(address);
  };
  countFive("first");
  countFive("second");
  for (let i = 0; i < 9_999; i++) throttle.count(`${i}`);
  assertEquals([waitOf(throttle, "first"), waitOf(throttle, "second")], [0, 2_000]);
});
