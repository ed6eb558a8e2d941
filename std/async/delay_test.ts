import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { FakeTime } from "@std/testing/time";

Deno.test("delay() resolves after its time, also after more than a timer can wait", async () => {
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

Deno.test("delay() takes a negative time, and what is no number, for none", async () => {
  using time = new FakeTime();
  const delays = [delay(-1), delay(NaN)];
  time.tick(0);
  await Promise.all(delays);
});
