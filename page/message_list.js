// The list shows messages in the order of `seq`, then those that wait to be sent. It owns its elements and the messages that
// they are drawn from; scroll.js keeps the scroll position. Everything is added as text, never as HTML.
import { arrange, dayOf, dropDay, keepDaysRight } from "./grouping.js";
import { el, makeButton } from "./dom.js";
import { drawItem, makeItem } from "./message_view.js";
import { describeModeration, isSame, Messages } from "../sdk/messages.js";
import { Names } from "../sdk/names.js";
import { makeScrollPosition } from "./scroll.js";

/** @import { EntryLine, From, HistoryPage, Outcome, Timer } from "../sdk/types.d.ts" */
/** @import { Actions } from "./message_view.js" */
/** @import { ShownMessage } from "../sdk/messages.js" */

/** Maximum number of elements. The oldest are removed, and only while the list is pinned: nothing moves under a reader. */
const MAX_ITEMS = 5000;

/** Time after which a screen reader has noticed the elements that it should not read out. */
const QUIET_MS = 1_000;

const UNSAVED = "This browser has no room to keep it: leave this tab open.";

export class MessageList {
  #root;
  #messages = new Messages();
  /** Elements by `seq`. @type {Map<number, HTMLElement>} */
  #items = new Map();
  /** Elements of own messages that are not entries yet, by id: they stay at the end. @type {Map<string, HTMLElement>} */
  #waiting = new Map();
  /** Line above the messages that arrived while the page was hidden. */
  #newLine = el("div", "new-line", "New messages");
  #wantsNewLine = false;
  /** Last line about people who joined and left. */
  #comings = { line: el("div", ""), changes: new Map() };
  /** @type {Timer} */
  #quietTimer;
  #isLoading = false;
  /** Element that a link led to. @type {HTMLElement | undefined} */
  #target;

  me = { name: "", tag: "" };
  /** Called when people turn out to have names that look alike. */
  onShared = () => {};
  /** People who are here or have sent a message. */
  names = new Names();
  /** First and last entry that was read; 0 for none. */
  first = 0;
  last = 0;

  /** @param {HTMLElement} root @param {Actions} actions @param {() => void} onMove */
  constructor(root, actions, onMove) {
    this.#root = root;
    this.actions = actions;
    this.scroll = makeScrollPosition(root, onMove);
    keepDaysRight(root);
  }

  get isEmpty() {
    return this.last === 0 && this.#waiting.size === 0;
  }

  /** @param {number} seq */
  find(seq) {
    return this.#messages.get(seq);
  }

  /** Finds the newest own message that is not deleted. */
  findLastOwn() {
    const own = this.#articles().findLast((item) => item.matches(".mine[data-seq]:not(.deleted)"));
    return this.find(Number(own?.dataset["seq"]));
  }

  /** Returns the `seq` of the first message of a day or a later one. @param {string} day */
  findDay(day) {
    return Number(this.#articles().find((item) => dayOf(item) >= day)?.dataset["seq"]);
  }

  /** @param {string} day */
  startsBefore(day) {
    const [first] = this.#articles();
    return !!first && dayOf(first) < day;
  }

  /** Adds the next entry. @param {EntryLine} entry */
  addEntry(entry) {
    this.first ||= entry.seq;
    this.last = entry.seq;
    const act = describeModeration(entry);
    if (act) return this.addNotice(act);
    const message = this.#messages.add(entry);
    if (!message) return;
    const { id } = entry;
    this.#add(() => entry.kind === "say" ? this.#insertMessage(message, id) : this.#draw(message));
  }

  /**
   * Adds entries before the first. Screen readers do not announce them: they are no news.
   * @param {HistoryPage<EntryLine>} page
   */
  addOlder({ entries }) {
    for (const entry of entries) this.#messages.add(entry);
    this.first = entries[0]?.seq ?? this.first;
    this.#root.setAttribute("aria-live", "off");
    this.scroll.keep(() => {
      const [next = null] = this.#articles();
      for (const entry of entries) {
        const act = describeModeration(entry);
        if (act) this.#root.insertBefore(el("div", "notice", act), next);
        if (entry.kind === "say") this.#insert(this.#make(entry.seq), next);
      }
      if (next) arrange(next);
      for (const quote of this.#root.querySelectorAll(".unknown")) this.#redraw(quote);
    });
    this.announce();
  }

  /** Makes screen readers announce what is added from now on. Delayed, for the last additions may not be painted yet. */
  announce() {
    clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => this.#root.setAttribute("aria-live", "polite"), QUIET_MS);
  }

  /** Shows the state of an own message. @param {Outcome} message */
  showPending(message) {
    const { id, state, type } = message;
    // Its entry replaces it, before or after the acknowledgement, unless it is too old to be shown.
    const isGone = state === "discarded" || (state === "sent" && message.seq <= this.last);
    this.scroll.keep(() => {
      const known = this.#waiting.get(id);
      // Its buttons disappear.
      if (known?.contains(document.activeElement)) this.#root.focus();
      known?.querySelector(".state")?.remove();
      // An edit, deletion or reaction shows once it is accepted, or when it has failed.
      if (isGone || (type !== "say" && state !== "failed")) return this.#removeWaiting(id);
      const item = known ?? makeItem();
      if (!known) {
        drawItem(item, { ...message, from: this.me, text: describe(message) }, this);
        this.#waiting.set(id, item);
        this.#insert(item, null);
      }
      if (state === "pending") {
        item.append(el("div", "state", message.isUnsaved ? `Sending… ${UNSAVED}` : "Sending…"));
      }
      if (state === "failed") item.append(this.#makeFailure(id, message.error?.message));
    });
    if (type === "say" && state === "pending") this.scroll.toBottom();
  }

  /** Adds a line about the room itself. @param {string} text */
  addNotice(text, isAtTop = false) {
    const line = el("div", "notice", text);
    this.#add(() => {
      this.#root.insertBefore(line, isAtTop ? this.#root.firstChild : this.#firstWaiting);
    });
  }

  /**
   * Changes the line about people who joined and left if it is the last line; otherwise adds one.
   * @param {(changes: Map<string, string>) => string} change returns the text; empty for no line
   */
  addComings(change) {
    this.#add(() => {
      const next = this.#firstWaiting;
      const last = next ? next.previousElementSibling : this.#root.lastElementChild;
      if (last !== this.#comings.line) {
        this.#comings = { line: el("div", "notice comings"), changes: new Map() };
      }
      const { line, changes } = this.#comings;
      line.textContent = change(changes);
      if (line.textContent) this.#root.insertBefore(line, next);
      else line.remove();
    });
  }

  /** Sets whether the next message by somebody else gets a line above it. @param {boolean} isUnread */
  markUnread(isUnread) {
    this.#wantsNewLine = isUnread;
  }

  /** Forgets all entries. Messages that wait to be sent stay. */
  clear(last = 0) {
    this.first = 0;
    this.last = last;
    this.#messages.clear();
    this.#items.clear();
    this.scroll.keep(() => {
      // The entry of an acknowledged message is among the forgotten ones, and will not arrive.
      for (const [id, item] of this.#waiting) {
        if (!item.querySelector(".state")) this.#waiting.delete(id);
      }
      this.#root.replaceChildren(...this.#waiting.values());
    });
  }

  /** Scrolls to a message and focuses it. Returns false when it is not here. @param {number} seq */
  show(seq) {
    const item = this.#items.get(seq);
    if (!item) return false;
    this.scroll.show(item);
    item.focus({ preventScroll: true });
    this.#target?.classList.remove("target");
    this.#target = item;
    item.classList.add("target");
    return true;
  }

  /** Adds to the list, and trims it. @param {() => void} act */
  #add(act) {
    this.scroll.keep((isPinned) => {
      act();
      if (isPinned) this.#trim();
    });
  }

  #articles() {
    return [...this.#root.querySelectorAll("article")];
  }

  get #firstWaiting() {
    const [item = null] = this.#waiting.values();
    return item;
  }

  /** @param {ShownMessage} message @param {string | undefined} id */
  #insertMessage({ seq, from }, id = "") {
    const next = this.#firstWaiting;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.querySelector(".state")?.remove();
    if (this.#wantsNewLine && !isSame(this.me, from.tag)) {
      this.#wantsNewLine = false;
      this.#root.insertBefore(this.#newLine, next);
    }
    const item = this.#make(seq, waiting);
    if (waiting && waiting === next) arrange(item);
    else this.#insert(item, next);
  }

  /** Draws a message as an element, a new one or the one that waited. @param {number} seq @param {HTMLElement} [waiting] */
  #make(seq, waiting) {
    const message = /** @type {ShownMessage} */ (this.#messages.get(seq));
    this.addPerson(message.from);
    const item = waiting ?? makeItem();
    item.id = `m${seq}`;
    item.dataset["seq"] = String(seq);
    this.#items.set(seq, item);
    drawItem(item, message, this);
    return item;
  }

  /** Adds a person, and marks the tags of those whose names look like this one. @param {From} person */
  addPerson(person) {
    if (this.names.add(person)) this.#drawShared();
    if (this.names.needsLookalikes) void this.#loadLookalikes();
  }

  /** Draws the messages of people whose names look alike. */
  #drawShared() {
    const shared = this.#messages.all().filter(({ from }) => this.names.isShared(from.name));
    for (const message of shared) this.#draw(message);
    this.onShared();
  }

  /** Loads the list of lookalikes. A failed import is retried with the next person. */
  async #loadLookalikes() {
    if (this.#isLoading) return;
    this.#isLoading = true;
    try {
      const { LOOKALIKES } = await import("../sdk/lookalikes.js");
      this.names.compareBy(LOOKALIKES);
      this.#drawShared();
    } catch {
      // See above.
    }
    this.#isLoading = false;
  }

  /** @param {ShownMessage} message */
  #draw(message) {
    const item = this.#items.get(message.seq);
    const hadFocus = item?.contains(document.activeElement);
    if (item) drawItem(item, message, this);
    if (hadFocus && !item?.contains(document.activeElement)) item?.focus({ preventScroll: true });
    for (const quote of this.#root.querySelectorAll(`[href="#${message.seq}"]`)) {
      this.#redraw(quote);
    }
  }

  /** Redraws the message that contains a quote. @param {Element} quote */
  #redraw(quote) {
    const item = quote.closest("article");
    const message = this.find(Number(item?.dataset["seq"]));
    if (item && message) drawItem(item, message, this);
  }

  /** @param {HTMLElement} item @param {Element | null} next */
  #insert(item, next) {
    this.#root.insertBefore(item, next);
    arrange(item);
    if (next && next === this.#firstWaiting) arrange(this.#firstWaiting);
  }

  #trim() {
    const root = this.#root;
    let excess = root.childElementCount - MAX_ITEMS;
    // In steps: what follows reads the whole list.
    if (excess < 100) return;
    while (excess-- > 0 || root.firstElementChild?.tagName !== "ARTICLE") {
      const oldest = /** @type {HTMLElement} */ (root.firstElementChild);
      const seq = Number(oldest.dataset["seq"]);
      this.#items.delete(seq);
      this.#messages.forget(seq);
      oldest.remove();
    }
    const first = /** @type {HTMLElement} */ (root.firstElementChild);
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
