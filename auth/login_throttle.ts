// How often an address may be wrong: some times for nothing, then after a growing wait. Addresses do not hold each other up;
// and who shares one is not held up by the others' guesses, with a secret that was right from there.
import { ChatError } from "../protocol/errors.ts";

/** Wrong attempts that cost no wait. */
const FREE_ATTEMPTS = 5;

/** The wait after one more; each further one doubles it, up to the second value. */
const MIN_WAIT_MS = 2_000;
const MAX_WAIT_MS = 5 * 60_000;

/** Without a wrong attempt for so long an address is forgotten, and what was right without another one. Must exceed `MAX_WAIT_MS`. */
const MEMORY_MS = 60 * 60_000;

/** Addresses that are remembered. Beyond it the one that was wrong the longest ago is forgotten. */
const MAX_ADDRESSES = 10_000;

/** Wrong attempts, and when the latest was. */
interface Attempts {
  readonly count: number;
  readonly at: number;
}

export class Throttle {
  readonly #now: () => number;
  /** Wrong attempts by address, the latest last. */
  readonly #attempts = new Map<string, Attempts>();

  /** When something was right, by what it was and from where, the latest last. */
  readonly #right = new Map<string, number>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** @throws {ChatError} `too_many_attempts`, while the address has to wait. */
  check(address: string): void {
    const { count, at } = this.#find(address);
    const beyond = count - FREE_ATTEMPTS;
    if (beyond < 0) return;
    const waitMs = Math.min(MIN_WAIT_MS * 2 ** beyond, MAX_WAIT_MS);
    const retryAfterMs = at + waitMs - this.#now();
    if (retryAfterMs > 0) throw new ChatError("too_many_attempts", { retryAfterMs });
  }

  /** Counts an attempt as wrong before it is looked at, or many at once would all be the first. Gives what takes it back. */
  count(address: string): () => void {
    const before = this.#find(address);
    this.#put(address, { count: before.count + 1, at: this.#now() });
    return () => {
      const { count, at } = this.#find(address);
      // Its time as well: whoever is right is not held up by having been so.
      this.#put(address, { count: count - 1, at: count - 1 === before.count ? before.at : at });
    };
  }

  /** Has this pass by {@linkcode isKnown} for a while. */
  know(key: string): void {
    this.#right.delete(key);
    this.#right.set(key, this.#now());
    if (this.#right.size > MAX_ADDRESSES) this.#right.delete(this.#right.keys().next().value!);
  }

  isKnown(key: string): boolean {
    const at = this.#right.get(key);
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
