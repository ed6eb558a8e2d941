// Folds the entries of a room into messages: applies edits, deletions and reactions. Knows no document.
// A change may arrive before its message, because history is read backwards.

import { fullTime } from "./time.js";

/** @import { EntryLine, From } from "./types.d.ts" */

/**
 * Message in its current state.
 * @typedef {object} ShownMessage
 * @property {number} seq
 * @property {From} from
 * @property {number} at
 * @property {string} text
 * @property {number} [replyTo]
 * @property {number} editSeq `seq` of the last edit; 0 for none
 * @property {boolean} isDeleted
 * @property {boolean} [isRemoved] whether somebody else than its author deleted it
 * @property {Map<string, Map<string, { name: string, seq: number, on: boolean }>>} reactions by emoji, then tag
 */

export class Messages {
  /** @type {Map<number, ShownMessage>} */
  #bySeq = new Map();
  /** Changes whose message has not arrived, by its `seq`. @type {Map<number, EntryLine[]>} */
  #early = new Map();

  /** @param {number} seq */
  get(seq) {
    return this.#bySeq.get(seq);
  }

  /**
   * Applies an entry. Returns the message that it is or changes; undefined when that message is not here.
   * @param {EntryLine} entry
   */
  add(entry) {
    if (entry.kind === "close" || entry.kind === "ban") return undefined;
    if (entry.kind !== "say") return this.#change(entry);
    const known = this.#bySeq.get(entry.seq);
    if (known) return known;
    const { seq: editSeq = 0, text = entry.text } = entry.edited ?? {};
    const isDeleted = entry.deleted === true;
    const message = { ...entry, text, editSeq, isDeleted, reactions: new Map() };
    this.#bySeq.set(entry.seq, message);
    for (const change of this.#early.get(entry.seq) ?? []) apply(message, change);
    this.#early.delete(entry.seq);
    return message;
  }

  /**
   * Forgets an unchanged message. A changed one is kept: reading history again would not bring its changes.
   * @param {number} seq
   */
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
    const early = this.#early.get(entry.ref);
    if (message) apply(message, entry);
    else if (early) early.push(entry);
    else this.#early.set(entry.ref, [entry]);
    return message;
  }
}

/** Describes an operator's `close` or `ban`. Empty for any other entry. @param {EntryLine} entry */
export function describeModeration(entry) {
  const { kind, from } = entry;
  const name = personOf(from);
  if (kind === "close") return `${name} ${entry.on ? "closed" : "opened"} the room.`;
  if (kind !== "ban") return "";
  const whom = personOf(entry.who);
  if (!entry.on) return `${name} lifted the ban on ${whom}.`;
  return `${name} banned ${whom} until ${fullTime(entry.until)}.`;
}

/**
 * Applies a change. The change with the highest `seq` counts, in whichever order they arrive.
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

/**
 * Whether a tag is this person's. A person has one tag in a room, and nobody else has it.
 * @param {From} me
 * @param {string} tag
 */
export function isSame(me, tag) {
  return tag !== "" && tag === me.tag;
}

/** Returns name and tag: several people may have one name. No name can end in the tag of somebody else. @param {From} from */
export function personOf({ name, tag }) {
  const shown = name.replace(/[(（﹙❨⟮](?=[0-9a-z]{4,26}\W)/g, "_") || "no name";
  return tag ? `${shown} (${tag})` : shown;
}

/** Formats a message as text. Its further lines are indented: none looks like another message. @param {From} from @param {string} text */
export function toLines(from, text) {
  return `${personOf(from)}: ${text.replace(/\r\n|[\n-\r\x85\u2028\u2029]/g, "\n  ")}`;
}
