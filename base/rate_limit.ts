// How often something may be done: so much at once, and then so much a second.
import { BURST_S, type Limits } from "./limits.ts";

/** What a bucket allows. */
export interface Rate {
  readonly perS: number;
  readonly burst: number;
}

/** Of what may be done `perMessage` times for each message. */
export function rateOf({ messagesPerS }: Pick<Limits, "messagesPerS">, perMessage = 1): Rate {
  const perS = perMessage * messagesPerS;
  return { perS, burst: BURST_S * perS };
}

/** Of buckets that are too many, so many stay: to look through them for each that comes would cost too much. */
const KEPT_PART = 0.9;

/** A bucket of as many tokens as may be used at once, filled at a steady rate: one number, the time when it is full. */
export class Bucket {
  readonly #rate: Rate;
  #fullAtMs = 0;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Takes a token. False leaves the bucket as it is, for there is none. */
  take(nowMs: number): boolean {
    const { perS } = this.#rate;
    if (perS === Infinity) return true;
    if (this.waitMs(nowMs) > 0) return false;
    this.#fullAtMs = Math.max(this.#fullAtMs, nowMs) + 1000 / perS;
    return true;
  }

  /** Time until there is a token. */
  waitMs(nowMs: number): number {
    const { perS, burst } = this.#rate;
    return Math.max(0, this.#fullAtMs - nowMs - (burst - 1) * 1000 / perS);
  }

  /** Time until it is full. */
  fullMs(nowMs: number): number {
    return Math.max(0, this.#fullAtMs - nowMs);
  }
}

/** Buckets by a key that anybody may make up, a bounded number of them. */
export class Buckets {
  readonly #rate: Rate;
  readonly #maxKeys: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate, maxKeys: number) {
    this.#rate = rate;
    this.#maxKeys = maxKeys;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** The bucket of the key. Where there are too many the full ones go, which are as good as new, or else the oldest. */
  of(key: string, nowMs: number): Bucket {
    let bucket = this.#buckets.get(key);
    if (bucket) return bucket;
    if (this.#buckets.size >= this.#maxKeys) this.#prune(nowMs);
    this.#buckets.set(key, bucket = new Bucket(this.#rate));
    return bucket;
  }

  /** Takes a token of the key's bucket. Gives 0, or the time until there is one; an empty key is not counted. */
  take(key: string, nowMs: number): number {
    if (key === "") return 0;
    const bucket = this.of(key, nowMs);
    return bucket.take(nowMs) ? 0 : bucket.waitMs(nowMs);
  }

  #prune(nowMs: number): void {
    for (const [key, bucket] of this.#buckets) {
      if (bucket.fullMs(nowMs) === 0) this.#buckets.delete(key);
    }
    for (const key of this.#buckets.keys()) {
      if (this.#buckets.size <= this.#maxKeys * KEPT_PART) break;
      this.#buckets.delete(key);
    }
  }
}
