// ByteLimit counts bytes that wait for somebody, in all and by address. They must be released, on every path.
import { ChatError } from "../protocol/errors.ts";
import type { Release } from "./connection_limit.ts";

export interface ByteCounts {
  readonly bytes: number;
  readonly bytesPerAddress: number;
}

export class ByteLimit {
  readonly #limits: ByteCounts;
  #bytes = 0;
  readonly #bytesByKey = new Map<string, number>();

  constructor(limits: ByteCounts) {
    this.#limits = limits;
  }

  /**
   * Counts bytes until they are released.
   * @param key as `Proxies.keyOf` returns it
   * @throws {ChatError} `too_many_connections`
   */
  acquire(key: string, bytes: number): Release {
    const ofKey = this.#bytesByKey.get(key) ?? 0;
    const { bytes: most, bytesPerAddress } = this.#limits;
    if (this.#bytes + bytes > most || key && ofKey + bytes > bytesPerAddress) {
      throw new ChatError("too_many_connections");
    }
    this.#bytes += bytes;
    this.#bytesByKey.set(key, ofKey + bytes);
    let isHeld = true;
    return () => {
      if (isHeld) this.#release(key, bytes);
      isHeld = false;
    };
  }

  #release(key: string, bytes: number): void {
    this.#bytes -= bytes;
    const rest = this.#bytesByKey.get(key)! - bytes;
    if (rest > 0) this.#bytesByKey.set(key, rest);
    else this.#bytesByKey.delete(key);
  }
}
