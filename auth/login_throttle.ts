// Throttle limits wrong sign-in attempts by network: some are free, then each one makes the network wait longer. An attempt
// counts for the address and for the wider networks around it, which have more free attempts and shorter waits, because
// other people use them too. A trusted key, such as a secret that was right from an address, is not delayed.
import { SYSTEM_CLOCK } from "../base/clock.ts";
import { ChatError } from "../protocol/errors.ts";

/** Wait after the first attempt that is not free. Each further one doubles it, up to the maximum. */
const MIN_WAIT_MS = 2_000;
const MAX_WAIT_MS = 5 * 60_000;

/** Free attempts and longest wait: of an address, of its IPv6 /56 and of its IPv6 /48. */
const TIERS = [
  { freeAttempts: 5, maxWaitMs: MAX_WAIT_MS },
  { freeAttempts: 20, maxWaitMs: 60_000 },
  { freeAttempts: 40, maxWaitMs: 30_000 },
] as const;

/**
 * Time after which a network is forgotten if it made no wrong attempt, and trust in a key if it was not used. Must exceed
 * `MAX_WAIT_MS`.
 */
const MEMORY_MS = 60 * 60_000;

/** Networks and trusted keys that are tracked. Beyond it the one whose last attempt is the oldest is forgotten. */
const MAX_TRACKED = 30_000;

/** Number of wrong attempts, and the time of the latest. */
interface Attempts {
  readonly count: number;
  readonly at: number;
}

/** Limits wrong attempts by network. */
export class Throttle {
  readonly #now: () => number;
  /** Wrong attempts by network, the latest last. */
  readonly #attempts = new Map<string, Attempts>();

  /** Times when keys were trusted, the latest last. */
  readonly #trusted = new Map<string, number>();

  /** @param now monotonic, in milliseconds */
  constructor(now: () => number = SYSTEM_CLOCK.now) {
    this.#now = now;
  }

  /**
   * Checks that an address need not wait.
   * @param networks the address and the networks around it, the narrowest first
   * @throws {ChatError} `too_many_attempts` with the time to wait.
   */
  check(networks: readonly string[]): void {
    const waits = networks.map((network, i) => this.#waitMs(network, TIERS[i]!));
    const retryAfterMs = Math.max(...waits);
    if (retryAfterMs > 0) throw new ChatError("too_many_attempts", { retryAfterMs });
  }

  /** Counts a wrong attempt. */
  count(networks: readonly string[]): void {
    for (const network of networks) {
      const { count } = this.#find(network);
      putLast(this.#attempts, network, { count: count + 1, at: this.#now() });
    }
  }

  /** Makes {@linkcode isTrusted} return true for this key for a while. */
  trust(key: string): void {
    putLast(this.#trusted, key, this.#now());
  }

  /** Returns whether a key need not be throttled. */
  isTrusted(key: string): boolean {
    const at = this.#trusted.get(key);
    return at !== undefined && this.#now() - at < MEMORY_MS;
  }

  #waitMs(network: string, { freeAttempts, maxWaitMs }: typeof TIERS[number]): number {
    const { count, at } = this.#find(network);
    const beyond = count - freeAttempts;
    return beyond < 0 ? 0 : at + Math.min(MIN_WAIT_MS * 2 ** beyond, maxWaitMs) - this.#now();
  }

  #find(network: string): Attempts {
    const known = this.#attempts.get(network);
    if (known && this.#now() - known.at < MEMORY_MS) return known;
    return { count: 0, at: 0 };
  }
}

/** Puts an entry at the end of a map, and removes the first one if there are too many. */
function putLast<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MAX_TRACKED) map.delete(map.keys().next().value!);
}
