// What a browser keeps for this site. It may be full, switched off, or throw at every touch; then this object remembers
// for as long as the page lives, and nobody who uses it has to care.

/** @import { StorageLike } from "./types.d.ts" */

/** Texts by key, in a storage as far as that works and in memory otherwise. Never throws. */
export class SafeStorage {
  /** @type {StorageLike | undefined} */
  #storage;
  /** What the storage refused. @type {Map<string, string>} */
  #memory = new Map();

  /** @param {StorageLike} [storage] the browser's own, unless told otherwise */
  constructor(storage) {
    this.#storage = storage ?? attempt(() => globalThis.localStorage);
  }

  /** @param {string} key */
  get(key) {
    return this.#memory.get(key) ?? attempt(() => this.#storage?.getItem(key)) ?? undefined;
  }

  /**
   * @param {string} key
   * @param {string} value
   */
  set(key, value) {
    this.#memory.set(key, value);
    attempt(() => {
      this.#storage?.setItem(key, value);
      // Kept no longer than needed: another tab may change what is stored.
      if (this.#storage) this.#memory.delete(key);
    });
  }

  /** @param {string} key */
  remove(key) {
    this.#memory.delete(key);
    attempt(() => this.#storage?.removeItem(key));
  }

  /** The keys that begin so. @param {string} prefix */
  keys(prefix) {
    const stored = attempt(() => {
      const { length } = this.#storage ?? { length: 0 };
      return Array.from({ length }, (_, index) => this.#storage?.key(index) ?? "");
    });
    const keys = new Set([...this.#memory.keys(), ...stored ?? []]);
    return [...keys].filter((key) => key.startsWith(prefix));
  }
}

/**
 * @template T
 * @param {() => T} act
 * @returns {T | undefined}
 */
function attempt(act) {
  try {
    return act();
  } catch {
    // A storage that fails is one that holds nothing.
    return undefined;
  }
}
