import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";

Deno.test("FakeTime moves Date and timers only when told", async () => {
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
