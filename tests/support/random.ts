// Random numbers that the same seed makes again, for tests. Not for secrets.

/** A new seed, for a test to print. `CONFAB_SEED` is one that was printed before. */
export function chooseSeed(): number {
  return Number(Deno.env.get("CONFAB_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
}

/** A sequence of random numbers: mulberry32, by Tommy Ettinger, in the public domain. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A number from 0 up to, not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }
}
