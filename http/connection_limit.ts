// ConnectionLimit counts open connections, in all and by address, and limits the rate of new ones by address. Each must be
// released, on every path.
import type { AddressBudgets, LimitLog } from "../base/address_budget.ts";
import { ChatError } from "../protocol/errors.ts";
import type { Limits } from "../base/limits.ts";

/** Wait that a refused client is asked for. */
const RETRY_AFTER_MS = 5_000;

/** Ends the count of one connection. A second call has no effect. */
export type Release = () => void;

export type ConnectionCounts = Pick<Limits, "connections" | "connectionsPerAddress">;

export interface ConnectionLimitOptions {
  /** Rate of new connections, by address. Undefined: no rate. */
  readonly budgets?: AddressBudgets;
  readonly limitLog?: LimitLog;
}

export class ConnectionLimit {
  readonly #limits: ConnectionCounts;
  readonly #budgets: AddressBudgets | undefined;
  readonly #limitLog: LimitLog | undefined;
  #count = 0;
  readonly #counts = new Map<string, number>();

  constructor(limits: ConnectionCounts, { budgets, limitLog }: ConnectionLimitOptions = {}) {
    this.#limits = limits;
    this.#budgets = budgets;
    this.#limitLog = limitLog;
  }

  /**
   * Counts a connection until it is released.
   * @param key as `Proxies.keyOf` returns it
   * @throws {ChatError} `too_many_connections`, or `rate_limited` if the address has opened too many in a short time
   */
  acquire(key: string): Release {
    const countOfKey = this.#counts.get(key) ?? 0;
    const { connections, connectionsPerAddress } = this.#limits;
    if (this.#count >= connections) throw this.#refuse("--max-connections");
    if (key && countOfKey >= connectionsPerAddress) throw this.#refuse("--per-address", key);
    const waitMs = this.#budgets?.of(key)?.take("connections") ?? 0;
    if (waitMs > 0) {
      const message = "Too many new connections from this address in a short time";
      throw new ChatError("rate_limited", { message, retryAfterMs: waitMs });
    }
    this.#count++;
    this.#counts.set(key, countOfKey + 1);
    let isOpen = true;
    return () => {
      if (isOpen) this.#release(key);
      isOpen = false;
    };
  }

  #refuse(flag: string, key?: string): ChatError {
    this.#limitLog?.warn(flag, key);
    return new ChatError("too_many_connections", { retryAfterMs: RETRY_AFTER_MS });
  }

  #release(key: string): void {
    this.#count--;
    const rest = this.#counts.get(key)! - 1;
    if (rest > 0) this.#counts.set(key, rest);
    else this.#counts.delete(key);
  }
}
