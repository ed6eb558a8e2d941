import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { FakeTime } from "@std/testing/time";

Deno.test("delay() resolves after its time, even if no timer can wait that long", async () => {
  using time = new FakeTime(0);
  for (const ms of [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 33]) {
    const start = time.now;
    let tookMs: number | undefined;
    delay(ms).then(() => tookMs = time.now - start);
    if (ms > 0) {
      time.tick(ms - 1);
      await time.runMicrotasks();
      assertEquals(tookMs, undefined, `before ${ms}`);
      time.tick(1);
    } else time.tick(0);
    await time.runMicrotasks();
    assertEquals(tookMs, ms);
  }
});

Deno.test("delay() treats a negative time and NaN as 0", async () => {
  using time = new FakeTime();
  const delays = [delay(-1), delay(NaN)];
  time.tick(0);
  await Promise.all(delays);
});
