// A token bucket limits a rate: a burst at once, then a steady number of tokens per second. The handlers in client/ hold the
// buckets of a connection; the router makes those of an address for http/room/.
import { BURST_S, type Limits } from "./limits.ts";

export interface Rate {
  /** Tokens per second. Infinity for no limit. */
  readonly perS: number;
  /** Tokens that can be taken at once. */
  readonly burst: number;
}

/** Returns the rate of something that costs a token and is allowed `perMessage` times for each message. */
export function rateOf({ messagesPerS }: Pick<Limits, "messagesPerS">, perMessage = 1): Rate {
  const perS = perMessage * messagesPerS;
  return { perS, burst: BURST_S * perS };
}

/** Prune to this share of the limit, so that a full map is not scanned for every new key. */
const PRUNED_SHARE = 0.9;

/** A bucket of `burst` tokens, filled at a steady rate. Its only state is the time at which it is full. */
export class Bucket {
  readonly #rate: Rate;
  #fullAtMs = 0;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /**
   * Takes tokens. Returns false when there is not even one, and leaves the bucket as it is. Several tokens may leave a debt,
   * which delays the next ones: so a cost above the burst is possible, and the rate in the long run is exact.
   */
  take(nowMs: number, cost = 1): boolean {
    if (this.waitMs(nowMs) > 0) return false;
    this.charge(nowMs, cost);
    return true;
  }

  /** Takes tokens whether they are there or not. */
  charge(nowMs: number, cost: number): void {
    this.#fullAtMs = Math.max(this.#fullAtMs, nowMs) + cost * 1000 / this.#rate.perS;
  }

  /** Time until there are as many tokens, one by default. A negative number is a debt that is accepted. */
  waitMs(nowMs: number, tokens = 1): number {
    const { perS, burst } = this.#rate;
    if (perS === Infinity) return 0;
    return Math.max(0, this.#fullAtMs - nowMs - (burst - tokens) * 1000 / perS);
  }

  /** Time until the bucket is full. */
  fullMs(nowMs: number): number {
    return Math.max(0, this.#fullAtMs - nowMs);
  }
}

/** A bounded number of buckets, by a key that anybody may make up. */
export class Buckets {
  readonly #rate: Rate;
  readonly #maxKeys: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate, maxKeys: number) {
    this.#rate = rate;
    this.#maxKeys = maxKeys;
  }

  /**
   * Takes a token of the key's bucket. An empty key is not counted.
   * @throws the error that `makeError` returns for the time until there is a token, in whole milliseconds.
   */
  takeOrThrow(
    key: string,
    { nowMs, makeError }: {
      readonly nowMs: number;
      readonly makeError: (retryAfterMs: number) => Error;
    },
  ): void {
    if (key === "") return;
    const bucket = this.#open(key, nowMs);
    if (!bucket.take(nowMs)) throw makeError(Math.ceil(bucket.waitMs(nowMs)));
  }

  /** Returns the bucket of the key, and makes it if necessary. */
  #open(key: string, nowMs: number): Bucket {
    let bucket = this.#buckets.get(key);
    if (bucket) return bucket;
    if (this.#buckets.size >= this.#maxKeys) this.#prune(nowMs);
    this.#buckets.set(key, bucket = new Bucket(this.#rate));
    return bucket;
  }

  /** Drops full buckets, which are as good as new, and then the oldest until few enough are left. */
  #prune(nowMs: number): void {
    for (const [key, bucket] of this.#buckets) {
      if (bucket.fullMs(nowMs) === 0) this.#buckets.delete(key);
    }
    for (const key of this.#buckets.keys()) {
      if (this.#buckets.size <= this.#maxKeys * PRUNED_SHARE) break;
      this.#buckets.delete(key);
    }
  }
}
