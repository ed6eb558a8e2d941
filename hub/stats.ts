// Stats counts events since the start, once per batch, however many entries and receivers the batch has. The hub, its rooms
// and the clients add to it; only /metrics reads it.
import type { ErrorCode } from "../protocol/errors.ts";

/** Distribution of values: the number of values up to each bound, and their sum. */
export class Histogram {
  /** Ascending. */
  readonly bounds: readonly number[];
  /** Values above the previous bound and up to this one. The last counter is for values above all bounds. */
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
  /** Entries per delivered batch. Their sum is the number of stored entries. */
  readonly batchEntries = new Histogram([1, 2, 5, 10, 25, 50, 100, 250, 1000]);
  /** Duration of each commit in seconds. */
  readonly commitSeconds = new Histogram([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2]);
  /** Commits that failed, for example because the disk was full. */
  failedCommits = 0;
  /** Entries that were queued for members, counted once for each member. */
  delivered = 0;
  /** Messages that were not accepted, by code. */
  readonly refused = new Map<ErrorCode, number>();
  /** Connections that the server closed for a reason, by code. */
  readonly closed = new Map<ErrorCode, number>();
}

/** Adds one to the counter of a code. */
export function increment(counts: Map<ErrorCode, number>, code: ErrorCode): void {
  counts.set(code, (counts.get(code) ?? 0) + 1);
}
