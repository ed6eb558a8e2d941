// When to post again what was not taken. Pure functions.

/** The first wait is at least half of the first, no wait is longer than the second. */
const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 30_000;

/** A receiver may ask for more patience than that, up to this. */
const MAX_RETRY_AFTER_MS = 5 * 60_000;

/**
 * How long to wait after so many failures in a row: twice as long after each, less a random part of up to one half,
 * so that those who failed together do not come back together. `random` is from 0 to 1.
 */
export function backOffMs(failures: number, random: number): number {
  const longest = Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), MAX_WAIT_MS);
  return longest * (1 - random / 2);
}

/** What a `Retry-After` header asks for (RFC 9110, section 10.2.3): seconds, or a date. 0 for none. */
export function parseRetryAfterMs(header: string | null, nowMs: number): number {
  if (header === null) return 0;
  const waitMs = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(waitMs) ? 0 : Math.min(Math.max(waitMs, 0), MAX_RETRY_AFTER_MS);
}
