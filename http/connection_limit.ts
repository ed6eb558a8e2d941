// How many are connected, in all and from one address. Whoever enters has to leave, on every way out.
import { ChatError } from "../protocol/errors.ts";
import type { Limits } from "../base/limits.ts";

/** When there may be room again. */
const RETRY_AFTER_MS = 5_000;

/** Gives the place back. Once is enough, and more does no harm. */
export type Release = () => void;

export type ConnectionCounts = Pick<Limits, "connections" | "connectionsPerAddress">;

export class ConnectionLimit {
  readonly #limits: ConnectionCounts;
  #count = 0;
  readonly #counts = new Map<string, number>();

  constructor(limits: ConnectionCounts) {
    this.#limits = limits;
  }

  /**
   * Takes a place.
   * @param key of `Proxies.keyOf`
   * @throws {ChatError} `too_many_connections`
   */
  acquire(key: string): Release {
    const countOfKey = this.#counts.get(key) ?? 0;
    const { connections, connectionsPerAddress } = this.#limits;
    if (this.#count >= connections || key && countOfKey >= connectionsPerAddress) {
      throw new ChatError("too_many_connections", { retryAfterMs: RETRY_AFTER_MS });
    }
    this.#count++;
    this.#counts.set(key, countOfKey + 1);
    let isIn = true;
    return () => {
      if (isIn) this.#leave(key);
      isIn = false;
    };
  }

  #leave(key: string): void {
    this.#count--;
    const rest = this.#counts.get(key)! - 1;
    if (rest > 0) this.#counts.set(key, rest);
    else this.#counts.delete(key);
  }
}
