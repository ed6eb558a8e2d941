// What the entries of a room come to: edits, deletions and reactions, applied to what was said. Knows no document.
// A change may come before what it changes, because history is read backwards.

import { fullTime } from "./time.js";

/** @import { EntryLine, From } from "./types.d.ts" */

/**
 * @typedef {object} ShownMessage
 * @property {number} seq
 * @property {From} from
 * @property {number} at
 * @property {string} text
 * @property {number} [replyTo]
 * @property {number} editSeq of the last edit; 0 for none
 * @property {boolean} isDeleted
 * @property {boolean} [isRemoved] deleted by somebody else
 * @property {Map<string, Map<string, { name: string, seq: number, on: boolean }>>} reactions by emoji, then tag
 */

export class Messages {
  /** @type {Map<number, ShownMessage>} */
  #bySeq = new Map();
  /** Changes of what has not come yet, by its seq. @type {Map<number, EntryLine[]>} */
  #early = new Map();

  /** @param {number} seq */
  get(seq) {
    return this.#bySeq.get(seq);
  }

  /**
   * Returns what was said, or what the change is of; undefined when that is not here.
   * @param {EntryLine} entry
   */
  add(entry) {
    if (entry.kind === "close" || entry.kind === "ban") return undefined;
    if (entry.kind !== "say") return this.#change(entry);
    const known = this.#bySeq.get(entry.seq);
    if (known) return known;
    const message = { ...entry, editSeq: 0, isDeleted: false, reactions: new Map() };
    this.#bySeq.set(entry.seq, message);
    for (const change of this.#early.get(entry.seq) ?? []) apply(message, change);
    this.#early.delete(entry.seq);
    return message;
  }

  /** What was changed is kept: history, read again, would bring it without its changes. @param {number} seq */
  forget(seq) {
    const message = this.#bySeq.get(seq);
    const isChanged = message?.editSeq || message?.isDeleted || message?.reactions.size;
    if (!isChanged) this.#bySeq.delete(seq);
  }

  all() {
    return [...this.#bySeq.values()];
  }

  clear() {
    this.#bySeq.clear();
    this.#early.clear();
  }

  /** @param {Exclude<EntryLine, { kind: "say" | "close" | "ban" }>} entry */
  #change(entry) {
    const message = this.#bySeq.get(entry.ref);
    if (message) apply(message, entry);
    else this.#early.set(entry.ref, [...this.#early.get(entry.ref) ?? [], entry]);
    return message;
  }
}

/** What an operator has done, in words; empty for any other entry. @param {EntryLine} entry */
export function tellAct(entry) {
  const { kind, from: { name } } = entry;
  if (kind === "close") return `${name} ${entry.on ? "closed" : "opened"} the room.`;
  if (kind !== "ban") return "";
  const whom = `${entry.who.name} (${entry.who.tag})`;
  if (!entry.on) return `${name} lifted the ban on ${whom}.`;
  return `${name} banned ${whom} until ${fullTime(entry.until)}.`;
}

/**
 * The change of the highest seq counts, whichever comes last.
 * @param {ShownMessage} message
 * @param {EntryLine} change
 */
function apply(message, change) {
  if (change.kind === "delete") {
    message.isDeleted = true;
    message.isRemoved ||= !isSame(change.from, message.from.tag);
  } else if (change.kind === "edit" && change.seq > message.editSeq) {
    message.editSeq = change.seq;
    message.text = change.text;
  } else if (change.kind === "react") {
    const { emoji, from: { name, tag }, seq, on } = change;
    const people = message.reactions.get(emoji) ?? new Map();
    message.reactions.set(emoji, people);
    if (seq > (people.get(tag)?.seq ?? 0)) people.set(tag, { name, seq, on });
  }
}

/** A person may have a longer tag in one entry than in another. @param {From} me @param {string} tag */
export function isSame(me, tag) {
  return tag !== "" && (me.tag.startsWith(tag) || tag.startsWith(me.tag));
}
