// Wraps the browser's storage, which may be full, disabled, or throw at every call. Then the values live in memory until the
// page closes, and callers need no error handling.

/** @import { StorageLike } from "./types.d.ts" */

/** Maps keys to texts: in the storage as far as it works, otherwise in memory. Never throws. */
export class SafeStorage {
  /** @type {StorageLike | undefined} */
  #storage;
  /** Values that the storage refused. @type {Map<string, string>} */
  #memory = new Map();

  /** @param {StorageLike} [storage] the browser's own by default */
  constructor(storage) {
    this.#storage = storage ?? attempt(() => globalThis.localStorage);
  }

  /** Returns the storage of this tab, which survives a reload. */
  static ofTab() {
    return new SafeStorage(attempt(() => globalThis.sessionStorage));
  }

  /** @param {string} key */
  get(key) {
    return this.#memory.get(key) ?? attempt(() => this.#storage?.getItem(key)) ?? undefined;
  }

  /**
   * Sets a value. Returns whether it survives the page: false if the storage is full or does not work.
   * @param {string} key
   * @param {string} value
   */
  set(key, value) {
    this.#memory.set(key, value);
    attempt(() => {
      this.#storage?.setItem(key, value);
      // A copy in memory would hide what another tab stores later.
      if (this.#storage) this.#memory.delete(key);
    });
    return !this.#memory.has(key);
  }

  /** @param {string} key */
  remove(key) {
    this.#memory.delete(key);
    attempt(() => this.#storage?.removeItem(key));
  }

  /** Lists the keys with this prefix. @param {string} prefix */
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
 * Calls a function. Returns undefined when it throws.
 * @template T
 * @param {() => T} act
 * @returns {T | undefined}
 */
function attempt(act) {
  try {
    return act();
  } catch {
    // A storage that fails counts as empty.
    return undefined;
  }
}
