import { assert, assertEquals } from "@std/assert";
import { Bucket, Buckets } from "./rate_limit.ts";

Deno.test("Bucket.take() allows the burst at once, and then one token at a time", () => {
  const bucket = new Bucket({ perS: 5, burst: 10 });
  const take = (nowMs: number) => {
    let taken = 0;
    while (taken < 20 && bucket.take(nowMs)) taken++;
    return taken;
  };
  assertEquals([take(1000), take(1000), take(1199)], [10, 0, 0]);
  assertEquals([bucket.waitMs(1000), bucket.fullMs(1000)], [200, 2000]);
  assertEquals([take(1200), take(1600), take(9000)], [1, 2, 10]);
});

Deno.test("Bucket.take() allows everything if the rate is infinite", () => {
  const bucket = new Bucket({ perS: Infinity, burst: Infinity });
  for (let n = 0; n < 100; n++) assert(bucket.take(0));
});

/** Takes a token. Returns 0, or the time until there is one. */
function take(buckets: Buckets, key: string, nowMs: number): number {
  class Refusal extends Error {
    constructor(readonly retryAfterMs: number) {
      super();
    }
  }
  try {
    buckets.takeOrThrow(key, { nowMs, makeError: (waitMs) => new Refusal(waitMs) });
    return 0;
  } catch (error) {
    if (error instanceof Refusal) return error.retryAfterMs;
    throw error;
  }
}

Deno.test("Buckets.takeOrThrow() counts each key by itself, and an empty one not at all", () => {
  const buckets = new Buckets({ perS: 9, burst: 2 }, 10);
  const waits = (key: string) => [0, 0, 0].map(() => take(buckets, key, 1000));
  assertEquals([waits("a"), waits("b"), waits("")], [[0, 0, 112], [0, 0, 112], [0, 0, 0]]);
});

Deno.test("Buckets.takeOrThrow() keeps a bounded number of buckets, and those that are in use", () => {
  const buckets = new Buckets({ perS: 1, burst: 1 }, 10);
  for (let n = 0; n < 9; n++) take(buckets, `idle ${n}`, 0);
  take(buckets, "busy", 1000);
  for (let n = 0; n < 9; n++) take(buckets, `more ${n}`, 1000);
  assertEquals(
    take(buckets, "busy", 1000),
    1000,
    "full buckets are as good as new, so they go first",
  );
  for (let n = 0; n < 1000; n++) take(buckets, `taker ${n}`, 1000);
  const remembered = Array.from({ length: 1000 }, (_, n) => `taker ${999 - n}`)
    .filter((key) => take(buckets, key, 1000) > 0);
  assert(remembered.length > 5 && remembered.length <= 10, `${remembered.length}`);
});

Deno.test("Bucket.take() of several tokens leaves a debt, which delays the next one", () => {
  const bucket = new Bucket({ perS: 10, burst: 5 });
  assert(bucket.take(1000, 20));
  assertEquals([bucket.waitMs(1000), bucket.waitMs(1000, -15), bucket.waitMs(1000, -14)], [
    ...[1600, 0, 100],
  ]);
  assert(!bucket.take(2599));
  assert(bucket.take(2600));
  assert(!bucket.take(2600));
});
