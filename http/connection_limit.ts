// ConnectionLimit counts open connections, in all and by address. Each must be released, on every path.
import { ChatError } from "../protocol/errors.ts";
import type { Limits } from "../base/limits.ts";

/** Wait that a refused client is asked for. */
const RETRY_AFTER_MS = 5_000;

/** Ends the count of one connection. A second call has no effect. */
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
   * Counts a connection until it is released.
   * @param key as `Proxies.keyOf` returns it
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
    let isOpen = true;
    return () => {
      if (isOpen) this.#release(key);
      isOpen = false;
    };
  }

  #release(key: string): void {
    this.#count--;
    const rest = this.#counts.get(key)! - 1;
    if (rest > 0) this.#counts.set(key, rest);
    else this.#counts.delete(key);
  }
}
