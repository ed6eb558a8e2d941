// Stand-in for jsr:@std/async/delay: the part that Confab uses. It must go through the global setTimeout, because
// FakeTime replaces that one.

/** Resolves after `ms` milliseconds. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
