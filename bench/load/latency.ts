// Measures latencies: stores when each line was sent, and counts durations until delivery in a histogram. Its size is
// fixed for any load, and it is cheap enough to count every delivery.

/** Buckets of each power of two: the width of a bucket is at most 1/128 of its value. */
const BUCKET_BITS = 7;
const BUCKETS_PER_POWER = 1 << BUCKET_BITS;
const POWERS = 31 - BUCKET_BITS;

/**
 * Lines of one sender whose send times are kept: a power of two. A line delivered later than that counts as
 * `LONGEST_US`.
 */
const KEPT_MOMENTS = 1 << 16;

const KEPT_MASK = KEPT_MOMENTS - 1;

const LONGEST_US = 2 ** 31 - 1;

/** Histogram of durations in microseconds. */
export class Histogram {
  readonly #counts = new Uint32Array((POWERS + 1) * BUCKETS_PER_POWER);
  #longestUs = 0;

  record(us: number): void {
    const shift = Math.max(0, 31 - BUCKET_BITS - Math.clz32(us));
    this.#counts[(shift << BUCKET_BITS) + (us >>> shift)]!++;
    if (us > this.#longestUs) this.#longestUs = us;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#longestUs = 0;
  }

  /** Returns the duration in ms that a share of all, such as 0.99, does not exceed; undefined if there are none. */
  percentileMs(share: number): number | undefined {
    const total = this.#counts.reduce((sum, count) => sum + count, 0);
    if (total === 0) return undefined;
    let left = Math.ceil(total * share);
    const bucket = this.#counts.findIndex((count) => (left -= count) <= 0);
    const shift = Math.max(0, (bucket >> BUCKET_BITS) - 1);
    const us = (bucket - (shift << BUCKET_BITS) + 1) * 2 ** shift - 1;
    return Math.min(us, this.#longestUs) / 1000;
  }

  get longestMs(): number {
    return this.#longestUs / 1000;
  }
}

/** Latencies of lines, from just before they are written until a client has read them. */
export class Latencies {
  readonly histogram = new Histogram();
  readonly #startedMs = performance.now();
  readonly #saidUs: Int32Array;
  readonly #said: Int32Array;
  #nowUs = 0;

  constructor(senders: number) {
    this.#saidUs = new Int32Array(senders * KEPT_MOMENTS);
    this.#said = new Int32Array(senders);
  }

  /** Reads the clock, once for all lines that are delivered together. */
  tick(): void {
    this.#nowUs = (performance.now() - this.#startedMs) * 1000 | 0;
  }

  /** Records that the sender is about to send its next so many lines. */
  say(sender: number, count: number): void {
    this.tick();
    for (let line = 0; line < count; line++) {
      const number = this.#said[sender]!++;
      this.#saidUs[sender * KEPT_MOMENTS + (number & KEPT_MASK)] = this.#nowUs;
    }
  }

  /** Records that a line was delivered to one of the clients now. */
  deliver(sender: number, number: number): void {
    const isKept = this.#said[sender]! - number <= KEPT_MOMENTS;
    const saidUs = this.#saidUs[sender * KEPT_MOMENTS + (number & KEPT_MASK)]!;
    this.histogram.record(isKept ? this.#nowUs - saidUs : LONGEST_US);
  }
}
