// Throttle limits wrong sign-in attempts by address: some are free, then each one makes the address wait longer. Addresses do
// not delay each other. A trusted secret, which was right from an address before, is not delayed by others at that address.
import { ChatError } from "../protocol/errors.ts";

/** Wrong attempts that cost no wait. */
const FREE_ATTEMPTS = 5;

/** Wait after the first attempt that is not free. Each further one doubles it, up to the maximum. */
const MIN_WAIT_MS = 2_000;
const MAX_WAIT_MS = 5 * 60_000;

/**
 * Time after which an address is forgotten if it made no wrong attempt, and trust in a secret if it was not used. Must exceed
 * `MAX_WAIT_MS`.
 */
const MEMORY_MS = 60 * 60_000;

/** Addresses that are tracked. Beyond it the one whose last wrong attempt is the oldest is forgotten. */
const MAX_ADDRESSES = 10_000;

/** Number of wrong attempts, and the time of the latest. */
interface Attempts {
  readonly count: number;
  readonly at: number;
}

/** Limits wrong attempts by address. */
export class Throttle {
  readonly #now: () => number;
  /** Wrong attempts by address, the latest last. */
  readonly #attempts = new Map<string, Attempts>();

  /** Times when secrets were right, by key (address and secret), the latest last. */
  readonly #trusted = new Map<string, number>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Checks that an address need not wait. @throws {ChatError} `too_many_attempts` with the time to wait. */
  check(address: string): void {
    const { count, at } = this.#find(address);
    const beyond = count - FREE_ATTEMPTS;
    if (beyond < 0) return;
    const waitMs = Math.min(MIN_WAIT_MS * 2 ** beyond, MAX_WAIT_MS);
    const retryAfterMs = at + waitMs - this.#now();
    if (retryAfterMs > 0) throw new ChatError("too_many_attempts", { retryAfterMs });
  }

  /**
   * Counts an attempt as wrong before it is checked; otherwise many at once would all count as the first. Returns a function
   * that undoes it if the attempt was right.
   */
  count(address: string): () => void {
    const before = this.#find(address);
    this.#put(address, { count: before.count + 1, at: this.#now() });
    return () => {
      const { count, at } = this.#find(address);
      // Restore the time as well, so that a right attempt causes no wait.
      this.#put(address, { count: count - 1, at: count - 1 === before.count ? before.at : at });
    };
  }

  /** Makes {@linkcode isTrusted} return true for this key for a while. */
  trust(key: string): void {
    this.#trusted.delete(key);
    this.#trusted.set(key, this.#now());
    if (this.#trusted.size > MAX_ADDRESSES) {
      this.#trusted.delete(this.#trusted.keys().next().value!);
    }
  }

  /** Returns whether a key need not be throttled. */
  isTrusted(key: string): boolean {
    const at = this.#trusted.get(key);
    return at !== undefined && this.#now() - at < MEMORY_MS;
  }

  #find(address: string): Attempts {
    const known = this.#attempts.get(address);
    if (known && this.#now() - known.at < MEMORY_MS) return known;
    return { count: 0, at: 0 };
  }

  #put(address: string, attempts: Attempts): void {
    this.#attempts.delete(address);
    if (attempts.count <= 0) return;
    this.#attempts.set(address, attempts);
    if (this.#attempts.size > MAX_ADDRESSES) {
      this.#attempts.delete(this.#attempts.keys().next().value!);
    }
  }
}
