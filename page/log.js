// The log: entries in the order of `seq`, then what waits to be sent. Everything is added as text, never as HTML, and the
// reader's place is kept.

/** @import { Entry, Outcome } from "./session.js" */
/** @import { Pending } from "./outbox.js" */

/** Distance from the bottom within which the log counts as being read at the bottom. */
const PINNED_PX = 30;

/** Entries kept in the page. The oldest go, and only while the log is pinned: nothing moves under a reader. */
const MAX_ITEMS = 5000;

/** The list of what was said in a room. */
export class RoomLog {
  #log;
  #actions;
  /** Messages of ours that are not entries yet, by id: they stay at the end. @type {Map<string, HTMLElement>} */
  #waiting = new Map();
  #lastSeq = 0;
  /** What is to be done to the log before the browser paints it next. @type {(() => void)[]} */
  #acts = [];

  /**
   * @param {HTMLElement} log
   * @param {{ onRetry: (id: string) => void, onDelete: (id: string) => void }} actions
   */
  constructor(log, actions) {
    this.#log = log;
    this.#actions = actions;
  }

  /** @param {Entry} entry */
  addEntry(entry) {
    this.#lastSeq = entry.seq;
    if (entry.kind !== "say") return this.#change(entry);
    const item = makeItem(entry.from.name, entry.text);
    item.dataset["seq"] = String(entry.seq);
    this.#keepPlace(() => {
      if (entry.id !== undefined) this.#remove(entry.id);
      this.#insert(item);
    });
  }

  /**
   * Shows what has become of a message of ours.
   * @param {Outcome} message
   * @param {string} name
   */
  showPending(message, name) {
    // Its entry takes its place, before or after the acknowledgement, unless it came too long ago to be shown.
    const isGone = message.state === "sent" && message.seq <= this.#lastSeq;
    if (isGone || message.state === "discarded") return this.#remove(message.id);
    if (message.state === "sent") return this.#setState(message.id, "");
    if (message.type === "say" && !this.#waiting.has(message.id)) {
      const item = makeItem(name, message.text);
      this.#waiting.set(message.id, item);
      this.#log.append(item);
      this.#log.scrollTop = this.#log.scrollHeight;
    }
    if (message.state === "pending") return this.#setState(message.id, "Sending…");
    this.#setState(message.id, `Failed: ${message.error?.message ?? "refused"}`);
    this.#offer(message.id);
  }

  /** A line about the room itself. @param {string} text */
  addNotice(text) {
    const item = document.createElement("div");
    item.className = "notice";
    item.textContent = text;
    this.#keepPlace(() => this.#insert(item));
  }

  /** Forgets all entries; what waits stays. */
  clear() {
    this.#lastSeq = 0;
    this.#keepPlace(() => this.#log.replaceChildren(...this.#waiting.values()));
  }

  /** An edit or a deletion of an entry that is shown. @param {Entry} entry */
  #change(entry) {
    if (entry.kind !== "edit" && entry.kind !== "delete") return;
    this.#keepPlace(() => {
      const item = this.#log.querySelector(`[data-seq="${entry.ref}"]`);
      const text = item?.querySelector(".text");
      if (!(item instanceof HTMLElement) || !text || item.dataset["state"] === "deleted") return;
      item.dataset["state"] = entry.kind === "edit" ? "edited" : "deleted";
      text.textContent = entry.kind === "edit" ? entry.text : "";
    });
  }

  /** @param {HTMLElement} item */
  #insert(item) {
    const [firstWaiting] = this.#waiting.values();
    this.#log.insertBefore(item, firstWaiting?.isConnected ? firstWaiting : null);
  }

  /**
   * Read at the bottom, the log stays there; anywhere else it stays where it is. What one message brings is done at once:
   * to measure costs a layout.
   * @param {() => void} act
   */
  #keepPlace(act) {
    if (this.#acts.push(act) === 1) queueMicrotask(() => this.#act());
  }

  #act() {
    const log = this.#log;
    const isPinned = log.scrollHeight - log.clientHeight - log.scrollTop <= PINNED_PX;
    for (const act of this.#acts.splice(0)) act();
    if (!isPinned) return;
    while (log.childElementCount > MAX_ITEMS) log.firstElementChild?.remove();
    log.scrollTop = log.scrollHeight;
  }

  /**
   * @param {string} id
   * @param {string} state
   */
  #setState(id, state) {
    const item = this.#waiting.get(id);
    if (!item) return;
    const [shown = document.createElement("span")] = item.getElementsByClassName("state");
    shown.className = "state";
    shown.textContent = state;
    item.append(shown);
    for (const button of item.querySelectorAll("button")) button.remove();
  }

  /** @param {string} id */
  #offer(id) {
    const { onRetry, onDelete } = this.#actions;
    const item = this.#waiting.get(id);
    item?.append(makeButton("Retry", () => onRetry(id)), makeButton("Delete", () => onDelete(id)));
  }

  /** @param {string} id */
  #remove(id) {
    this.#waiting.get(id)?.remove();
    this.#waiting.delete(id);
  }
}

/**
 * @param {string} name empty for somebody without one
 * @param {string} text
 */
function makeItem(name, text) {
  const item = document.createElement("div");
  item.dir = "auto";
  if (name) {
    const author = document.createElement("bdi");
    author.className = "name";
    author.textContent = name;
    item.append(author, " ");
  }
  const said = document.createElement("span");
  said.className = "text";
  said.textContent = text;
  item.append(said);
  return item;
}

/**
 * @param {string} label
 * @param {() => void} onClick
 */
function makeButton(label, onClick) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "small";
  button.textContent = label;
  button.addEventListener("click", onClick);
  return button;
}
