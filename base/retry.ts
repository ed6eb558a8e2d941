// When to post again what was not taken. A pure function.

/** The first wait is at least half of the first, no wait is longer than the second. */
const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 30_000;

/**
 * How long to wait after so many failures in a row: twice as long after each, less a random part of up to one half,
 * so that those who failed together do not come back together. `random` is from 0 to 1.
 */
export function backOffMs(failures: number, random: number): number {
  const longest = Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), MAX_WAIT_MS);
  return longest * (1 - random / 2);
}
