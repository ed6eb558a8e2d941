// The batches that the room still holds, so that a reader who fell behind can catch up. Owned by the hub.
// Bounded twice, by count and by bytes: the oldest go first, and what is gone stays gone.
import Denque from "denque";
import type { Batch } from "./wire/message.ts";

/** How much a {@linkcode Backlog} holds at most. */
export interface BacklogLimits {
  readonly maxBatches: number;
  readonly maxBytes: number;
}

/** The latest batches of a room, oldest first, without a hole between them. */
export class Backlog {
  readonly #limits: BacklogLimits;
  readonly #batches = new Denque<Batch>();
  #bytes = 0;

  constructor(limits: BacklogLimits) {
    this.#limits = limits;
  }

  /** Adds the next batch. The newest is held whatever its size. */
  push(batch: Batch): void {
    this.#batches.push(batch);
    this.#bytes += batch.byteLength;
    while (this.#isOverLimit() && this.#batches.length > 1) {
      this.#bytes -= this.#batches.shift()!.byteLength;
    }
  }

  /** Whether everything after message `seq` is still held. */
  reachesBackTo(seq: number): boolean {
    const oldest = this.#batches.peekFront();
    return !oldest || seq >= oldest.firstSeq - 1;
  }

  /** The batch that follows message `seq`, which ended a batch; undefined when there is none yet. */
  after(seq: number): Batch | undefined {
    const newest = this.#batches.peekBack();
    if (!newest || newest.lastSeq <= seq) return undefined;
    return this.#batches.peekAt(this.#indexAfter(seq));
  }

  #isOverLimit(): boolean {
    return this.#batches.length > this.#limits.maxBatches || this.#bytes > this.#limits.maxBytes;
  }

  /** Binary search for the first batch that ends after `seq`. */
  #indexAfter(seq: number): number {
    let low = 0;
    let high = this.#batches.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#batches.peekAt(middle)!.lastSeq > seq) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
