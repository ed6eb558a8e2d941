// The log: what was said in the order of `seq`, then what waits to be sent. Owns the elements in it and the messages
// that they are drawn from; place.js keeps the reader's place. Everything is added as text, never as HTML.
import { arrange, dayOf, dropDay, keepDaysRight } from "./grouping.js";
import { el, makeButton } from "./dom.js";
import { drawItem, makeItem } from "./message_view.js";
import { isSame } from "../sdk/messages.js";
import { Messages, tellAct } from "../sdk/messages.js";
import { makePlace } from "./scroll.js";

/** @import { EntryLine, HistoryPage, Outcome, Timer } from "../sdk/types.d.ts" */
/** @import { Actions } from "./message_view.js" */
/** @import { ShownMessage } from "../sdk/messages.js" */

/** Elements kept in the page. The oldest go, and only while the log is pinned: nothing moves under a reader. */
const MAX_ITEMS = 5000;

/** Time after which a screen reader has seen what it need not read out. */
const QUIET_MS = 1_000;

export class MessageList {
  #log;
  #messages = new Messages();
  /** By seq. @type {Map<number, HTMLElement>} */
  #items = new Map();
  /** Messages of ours that are not entries yet, by id: they stay at the end. @type {Map<string, HTMLElement>} */
  #waiting = new Map();
  /** The line above what came while nobody looked. */
  #newLine = el("div", "new-line", "New messages");
  #wantsNewLine = false;
  /** The last line of comings and goings. */
  #comings = { line: el("div", ""), changes: new Map() };
  /** @type {Timer} */
  #quietTimer;
  /** What a link led to. @type {HTMLElement | undefined} */
  #target;

  me = { name: "", tag: "" };
  /** Those who are here or have said something, with a tag of each. @type {Map<string, string>} */
  names = new Map();
  /** The entries that were read: from the first, up to the last. Zero for none. */
  first = 0;
  last = 0;

  /** @param {HTMLElement} log @param {Actions} actions @param {() => void} onMove */
  constructor(log, actions, onMove) {
    this.#log = log;
    this.actions = actions;
    this.place = makePlace(log, onMove);
    keepDaysRight(log);
  }

  get isEmpty() {
    return this.last === 0 && this.#waiting.size === 0;
  }

  /** @param {number} seq */
  find(seq) {
    return this.#messages.get(seq);
  }

  /** The newest message of ours that stands. */
  findLastOwn() {
    const own = this.#articles().findLast((item) => item.matches(".mine[data-seq]:not(.deleted)"));
    return this.find(Number(own?.dataset["seq"]));
  }

  /** Seq of the first message of that day or a later one. @param {string} day */
  findDay(day) {
    return Number(this.#articles().find((item) => dayOf(item) >= day)?.dataset["seq"]);
  }

  /** @param {string} day */
  startsBefore(day) {
    const [first] = this.#articles();
    return !!first && dayOf(first) < day;
  }

  /** The next entry. @param {EntryLine} entry */
  addEntry(entry) {
    this.first ||= entry.seq;
    this.last = entry.seq;
    const act = tellAct(entry);
    if (act) return this.addNotice(act);
    const message = this.#messages.add(entry);
    if (!message) return;
    const { id } = entry;
    this.#add(() => entry.kind === "say" ? this.#insertSaid(message, id) : this.#draw(message));
  }

  /** Entries from before the first. Announced to nobody: they are no news. @param {HistoryPage<EntryLine>} page */
  addOlder({ entries }) {
    for (const entry of entries) this.#messages.add(entry);
    this.first = entries[0]?.seq ?? this.first;
    this.#log.setAttribute("aria-live", "off");
    this.place.keep(() => {
      const [next = null] = this.#articles();
      for (const entry of entries) {
        const act = tellAct(entry);
        if (act) this.#log.insertBefore(el("div", "notice", act), next);
        if (entry.kind === "say") this.#insert(this.#make(entry.seq), next);
      }
      if (next) arrange(next);
      for (const quote of this.#log.querySelectorAll(".unknown")) this.#redraw(quote);
    });
    this.announce();
  }

  /** From here on what comes is news; what came just now may not be painted yet. */
  announce() {
    clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => this.#log.setAttribute("aria-live", "polite"), QUIET_MS);
  }

  /** Shows what has become of a message of ours. @param {Outcome} message */
  showPending(message) {
    const { id, state, type } = message;
    // Its entry takes its place, before or after the acknowledgement, unless it came too long ago to be shown.
    const isGone = state === "discarded" || (state === "sent" && message.seq <= this.last);
    this.place.keep(() => {
      const known = this.#waiting.get(id);
      // Its buttons go.
      if (known?.contains(document.activeElement)) this.#log.focus();
      known?.querySelector(".state")?.remove();
      // A change of what was said shows once it is made, or when it has failed.
      if (isGone || (type !== "say" && state !== "failed")) return this.#removeWaiting(id);
      const item = known ?? makeItem();
      if (!known) {
        drawItem(item, { ...message, from: this.me, text: describe(message) }, this);
        this.#waiting.set(id, item);
        this.#insert(item, null);
      }
      if (state === "pending") item.append(el("div", "state", "Sending…"));
      if (state === "failed") item.append(this.#makeFailure(id, message.error?.message));
    });
    if (type === "say" && state === "pending") this.place.toBottom();
  }

  /** A line about the room itself. @param {string} text */
  addNotice(text, isAtTop = false) {
    const line = el("div", "notice", text);
    this.#add(() => {
      this.#log.insertBefore(line, isAtTop ? this.#log.firstChild : this.#firstWaiting);
    });
  }

  /**
   * Changes the line of comings and goings, when it is the last one; else adds one.
   * @param {(changes: Map<string, string>) => string} change returns the text; empty for no line
   */
  addComings(change) {
    this.#add(() => {
      const next = this.#firstWaiting;
      const last = next ? next.previousElementSibling : this.#log.lastElementChild;
      if (last !== this.#comings.line) {
        this.#comings = { line: el("div", "notice comings"), changes: new Map() };
      }
      const { line, changes } = this.#comings;
      line.textContent = change(changes);
      if (line.textContent) this.#log.insertBefore(line, next);
      else line.remove();
    });
  }

  /** Whether the next message of somebody else's gets a line above it. @param {boolean} isUnread */
  markUnread(isUnread) {
    this.#wantsNewLine = isUnread;
  }

  /** Forgets all entries; what waits stays. */
  clear(last = 0) {
    this.first = 0;
    this.last = last;
    this.#messages.clear();
    this.#items.clear();
    this.place.keep(() => {
      // What is acknowledged was said before, and its entry does not come.
      for (const [id, item] of this.#waiting) {
        if (!item.querySelector(".state")) this.#waiting.delete(id);
      }
      this.#log.replaceChildren(...this.#waiting.values());
    });
  }

  /** Brings a message into view, and the focus to it. Returns false when it is not here. @param {number} seq */
  show(seq) {
    const item = this.#items.get(seq);
    if (!item) return false;
    this.place.show(item);
    item.focus({ preventScroll: true });
    this.#target?.classList.remove("target");
    this.#target = item;
    item.classList.add("target");
    return true;
  }

  /** Makes the log longer, and keeps it short enough. @param {() => void} act */
  #add(act) {
    this.place.keep((isPinned) => {
      act();
      if (isPinned) this.#trim();
    });
  }

  #articles() {
    return [...this.#log.querySelectorAll("article")];
  }

  get #firstWaiting() {
    const [item = null] = this.#waiting.values();
    return item;
  }

  /** @param {ShownMessage} message @param {string | undefined} id */
  #insertSaid({ seq, from }, id = "") {
    const next = this.#firstWaiting;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.querySelector(".state")?.remove();
    if (this.#wantsNewLine && !isSame(this.me, from.tag)) {
      this.#wantsNewLine = false;
      this.#log.insertBefore(this.#newLine, next);
    }
    const item = this.#make(seq, waiting);
    if (waiting && waiting === next) arrange(item);
    else this.#insert(item, next);
  }

  /** The element of what was said, drawn. @param {number} seq @param {HTMLElement} [waiting] */
  #make(seq, waiting) {
    const message = /** @type {ShownMessage} */ (this.#messages.get(seq));
    const { from } = message;
    const item = waiting ?? makeItem();
    item.id = `m${seq}`;
    item.dataset["seq"] = String(seq);
    this.#items.set(seq, item);
    // Two people with one name are told apart by their tags.
    if ((this.names.get(from.name) ?? from.tag) !== from.tag) this.#log.classList.add("has-twins");
    this.names.set(from.name, from.tag);
    drawItem(item, message, this);
    return item;
  }

  /** @param {ShownMessage} message */
  #draw(message) {
    const item = this.#items.get(message.seq);
    const hadFocus = item?.contains(document.activeElement);
    if (item) drawItem(item, message, this);
    if (hadFocus && !item?.contains(document.activeElement)) item?.focus({ preventScroll: true });
    for (const quote of this.#log.querySelectorAll(`[href="#${message.seq}"]`)) this.#redraw(quote);
  }

  /** Draws the message that a quote is in. @param {Element} quote */
  #redraw(quote) {
    const item = quote.closest("article");
    const message = this.find(Number(item?.dataset["seq"]));
    if (item && message) drawItem(item, message, this);
  }

  /** @param {HTMLElement} item @param {Element | null} next */
  #insert(item, next) {
    this.#log.insertBefore(item, next);
    arrange(item);
    if (next && next === this.#firstWaiting) arrange(this.#firstWaiting);
  }

  #trim() {
    const log = this.#log;
    let excess = log.childElementCount - MAX_ITEMS;
    // In steps: what follows looks at the whole log.
    if (excess < 100) return;
    while (excess-- > 0 || log.firstElementChild?.tagName !== "ARTICLE") {
      const oldest = /** @type {HTMLElement} */ (log.firstElementChild);
      const seq = Number(oldest.dataset["seq"]);
      this.#items.delete(seq);
      this.#messages.forget(seq);
      oldest.remove();
    }
    const first = /** @type {HTMLElement} */ (log.firstElementChild);
    this.first = Number(first.dataset["seq"]);
    arrange(first);
  }

  /** @param {string} id */
  #makeFailure(id, reason = "refused") {
    const { retry, discard } = this.actions;
    const buttons = [
      makeButton("Retry", () => retry(id)),
      " · ",
      makeButton("Delete", () => discard(id)),
    ];
    return el("div", "state", `Failed: ${reason} · `, ...buttons);
  }

  /** @param {string} id */
  #removeWaiting(id) {
    const item = this.#waiting.get(id);
    if (item) dropDay(item);
    item?.remove();
    this.#waiting.delete(id);
    if (this.#firstWaiting) arrange(this.#firstWaiting);
  }
}

/** @param {Outcome} message */
function describe(message) {
  if ("text" in message) return message.text;
  return message.type === "react" ? message.emoji : `To ${message.type}`;
}
