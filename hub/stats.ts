// What has happened since the start, in plain numbers: counted once for a batch, however many lines and receivers it has.
// The hub, its rooms and the clients add to it; only /metrics reads it.
import type { ErrorCode } from "../protocol/errors.ts";

/** How values are spread: how many were at most each bound, and their sum. */
export class Histogram {
  /** Ascending. */
  readonly bounds: readonly number[];
  /** How many values were above the bound before and not above this one; the last is for those above all. */
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  add(value: number): void {
    let n = 0;
    while (n < this.bounds.length && value > this.bounds[n]!) n++;
    this.counts[n]!++;
    this.sum += value;
  }
}

export class Stats {
  /** Entries of each batch that was delivered. Their sum is the entries stored. */
  readonly batchEntries = new Histogram([1, 2, 5, 10, 25, 50, 100, 250, 1000]);
  /** Seconds that each commit took. */
  readonly commitSeconds = new Histogram([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2]);
  /** Commits that failed: a full disk, say. */
  failedCommits = 0;
  /** Entries that were queued for members, each member's counted. */
  delivered = 0;
  /** Messages that were not accepted. */
  readonly refused = new Map<ErrorCode, number>();
  /** Connections that the server has closed for a reason. */
  readonly closed = new Map<ErrorCode, number>();
}

/** One more with this code. */
export function increment(counts: Map<ErrorCode, number>, code: ErrorCode): void {
  counts.set(code, (counts.get(code) ?? 0) + 1);
}
