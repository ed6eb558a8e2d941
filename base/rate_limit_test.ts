import { assert, assertEquals } from "@std/assert";
import { Bucket, Buckets } from "./rate_limit.ts";

Deno.test("Bucket.take() gives the burst at once, and then one at a time", () => {
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

Deno.test("Bucket.take() gives all there is where nothing is limited", () => {
  const bucket = new Bucket({ perS: Infinity, burst: Infinity });
  for (let n = 0; n < 100; n++) assert(bucket.take(0));
});

Deno.test("Buckets.take() counts each key by itself, and an empty one not at all", () => {
  const buckets = new Buckets({ perS: 10, burst: 2 }, 10);
  const take = (key: string) => [0, 0, 0].map(() => buckets.take(key, 1000));
  assertEquals([take("a"), take("b"), take("")], [[0, 0, 100], [0, 0, 100], [0, 0, 0]]);
});

Deno.test("Buckets.of() keeps a bounded number, and those that are in use", () => {
  const buckets = new Buckets({ perS: 1, burst: 2 }, 10);
  for (let n = 0; n < 10; n++) buckets.of(`idle ${n}`, 0);
  const busy = buckets.of("busy", 0);
  busy.take(0);
  for (let n = 0; n < 9; n++) buckets.of(`more ${n}`, 0);
  assert(buckets.of("busy", 0) === busy, "full ones are as good as new, so they go first");
  for (let n = 0; n < 1000; n++) buckets.of(`taker ${n}`, 0).take(0);
  assert(buckets.size <= 10, `${buckets.size}`);
});
