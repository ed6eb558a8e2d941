// Stand-in for jsr:@std/async/delay: the part that Confab uses. It must go through the global setTimeout, because
// FakeTime replaces that one.

/** Longest time that a timer waits, in milliseconds: a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Resolves after `ms` milliseconds, however many. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const wait = (restMs: number) => {
      if (restMs <= MAX_TIMER_MS) setTimeout(resolve, restMs);
      else setTimeout(wait, MAX_TIMER_MS, restMs - MAX_TIMER_MS);
    };
    wait(Math.trunc(Math.max(ms, 0) || 0));
  });
}
