// The outbox stores messages that are not yet acknowledged, oldest first. It survives a reload: each message is one item of
// the storage, so that tabs never overwrite each other's. Owned by the session; never sends anything itself.

/** @import { Line, Pending, Refusal } from "./types.d.ts" */
/** @import { SafeStorage } from "./storage.js" */

export class Outbox {
  #storage;
  #prefix;
  /** By id, oldest first. @type {Map<string, Pending>} */
  #messages = new Map();
  #lastAt = 0;

  /**
   * Loads the messages that are stored for the room, from whichever tab.
   * @param {SafeStorage} storage
   * @param {string} room
   */
  constructor(storage, room) {
    this.#storage = storage;
    this.#prefix = `confab.outbox.${room}.`;
    const stored = storage.keys(this.#prefix).flatMap((key) => this.#read(key));
    stored.sort((one, other) => one.at - other.at || (one.id < other.id ? -1 : 1));
    for (const message of stored) this.#messages.set(message.id, message);
    this.#lastAt = stored.at(-1)?.at ?? 0;
  }

  /** Messages, oldest first. */
  get messages() {
    return [...this.#messages.values()];
  }

  /** @param {string} id */
  has(id) {
    return this.#messages.has(id);
  }

  /** Adds a message as pending. It is stored when this returns, or `isUnsaved`. @param {Line} line */
  add(line) {
    // A clock may stand still or be set back; the order of messages must not change.
    this.#lastAt = Math.max(Date.now(), this.#lastAt + 1);
    return this.#put({ ...line, at: this.#lastAt, state: "pending" });
  }

  /**
   * Marks a message as failed with an error, as pending without one. Undefined when there is no such message.
   * @param {string} id
   * @param {Refusal} [error]
   */
  mark(id, error) {
    const message = this.#messages.get(id);
    return message && this.#put({ ...message, state: error ? "failed" : "pending", error });
  }

  /** @param {string} id */
  remove(id) {
    const message = this.#messages.get(id);
    if (!message) return undefined;
    this.#messages.delete(id);
    this.#storage.remove(this.#prefix + id);
    return message;
  }

  /** @param {Pending} message */
  #put({ isUnsaved: _, ...item }) {
    const isSaved = this.#storage.set(this.#prefix + item.id, JSON.stringify(item));
    const message = isSaved ? item : { ...item, isUnsaved: true };
    this.#messages.set(message.id, message);
    return message;
  }

  /**
   * Reads an item. One that is not an outbox message, or is of an unknown version, stays untouched.
   * @param {string} key
   * @returns {Pending[]}
   */
  #read(key) {
    try {
      const message = JSON.parse(this.#storage.get(key) ?? "");
      return this.#prefix + message.id === key && Number.isFinite(message.at) ? [message] : [];
    } catch {
      // Not JSON: see above.
      return [];
    }
  }
}

/** Returns random bytes in hexadecimal. Works without a secure context, which `randomUUID` requires. @param {number} bytes */
export function randomHex(bytes) {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
