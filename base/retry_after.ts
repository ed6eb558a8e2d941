// When a server says to come back. A pure function.

/** What a `Retry-After` header asks for (RFC 9110, section 10.2.3): seconds, or a date. 0 for none, `mostMs` at most. */
export function parseRetryAfterMs(
  header: string | null,
  { nowMs, mostMs }: { readonly nowMs: number; readonly mostMs: number },
): number {
  if (header === null) return 0;
  const waitMs = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(waitMs) ? 0 : Math.min(Math.max(waitMs, 0), mostMs);
}
