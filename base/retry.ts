// When to retry after a failure: back-off with jitter, and what a server asks for. Pure functions.

export interface BackOff {
  /** Longest wait after the first failure. It doubles with each further one. */
  readonly firstMs: number;
  /** Upper bound of every wait. */
  readonly maxMs: number;
}

/** Returns the longest wait after so many failures in a row, 1 or more. */
export function maxBackOffMs(failures: number, { firstMs, maxMs }: BackOff): number {
  return Math.min(firstMs * 2 ** (failures - 1), maxMs);
}

/**
 * Returns the wait after so many failures in a row: the longest one, less a random part of up to one half. Clients that
 * failed together therefore do not retry together. Half of the wait is certain, so that all waits together are never nothing.
 * @param random from 0 to 1
 */
export function backOffMs(failures: number, backOff: BackOff, random: number): number {
  const maxMs = maxBackOffMs(failures, backOff);
  return jitterMs({ minMs: maxMs / 2, maxMs }, random);
}

/** Returns the upper bound, less a random part of the span down to the lower one. @param random from 0 to 1 */
export function jitterMs(
  { minMs, maxMs }: { readonly minMs: number; readonly maxMs: number },
  random: number,
): number {
  return maxMs - random * (maxMs - minMs);
}

/**
 * Parses a `Retry-After` header (RFC 9110, section 10.2.3): seconds, or a date. Returns the wait, `maxMs` at most; 0 when
 * there is no header or it cannot be parsed.
 */
export function parseRetryAfterMs(
  header: string | null,
  { nowMs, maxMs }: { readonly nowMs: number; readonly maxMs: number },
): number {
  if (header === null) return 0;
  const waitMs = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(waitMs) ? 0 : Math.min(Math.max(waitMs, 0), maxMs);
}
