// The memory journal ends with the process. It serves tests, and servers that must not write anything.
import Denque from "denque";
import { findFreeTag, isAnonymous } from "../protocol/names.ts";
import type { Entry } from "../protocol/message.ts";
import { ChatError } from "../protocol/errors.ts";
import { hashContent, hashEntry } from "../protocol/content_hash.ts";
import {
  answerKnown,
  type AppendResult,
  type Ban,
  type Draft,
  ENDED_IDS_PER_APPEND,
  type Journal,
  KEYLESS_ID_MS,
  type KnownId,
  MAX_EMOJI_READ,
  NO_TAG,
  type Range,
  type Reactions,
  type ReadLimit,
  type Shortage,
} from "./journal.ts";

/** Entries beyond retention to keep for lagging readers. More would cost too much memory. */
const MAX_HELD = 50_000;

interface MemoryRoom {
  /** Entries without a hole; the first is `floor + 1`. */
  readonly entries: Denque<Entry>;
  floor: number;
  /** Messages by author and id. Those of authors without a key have a hash; others are compared with their entries. */
  readonly ids: Map<string, KnownId>;
  /** Authors by tag, and tags by author. Authors without a key share one tag. */
  readonly authors: Map<string, string>;
  readonly tags: Map<string, string>;
  /** Seqs of the edits of each message that is kept, oldest first. */
  readonly edits: Map<number, number[]>;
  /** Emoji, and number of reactions by author, by the entry that they refer to. */
  readonly reactions: Map<number, { emoji: Set<string>; byAuthor: Map<string, number> }>;
  /** Authors with their names. */
  readonly people: Set<string>;
}

/** An id of an author without a key. */
interface EndingId {
  readonly at: number;
  readonly ids: Map<string, KnownId>;
  readonly key: string;
}

/** A journal in memory. */
export class MemoryJournal implements Journal {
  readonly epoch = crypto.randomUUID();
  readonly maxHeld = MAX_HELD;
  /** The limit is one of the data folder. */
  readonly usage = { storedBytes: 0, fileBytes: 0, maxBytes: Infinity };
  readonly #rooms = new Map<string, MemoryRoom>();
  /** Position by room and reader. */
  readonly #cursors = new Map<string, number>();
  readonly #closed = new Set<string>();
  /** Bans by author and address. */
  readonly #bans = new Map<string, Ban>();
  /** Ids that end, oldest first. */
  readonly #endingIds = new Denque<EndingId>();

  reserve(): Shortage | undefined {
    return undefined;
  }

  append(drafts: readonly Draft[]): Promise<AppendResult[]> {
    this.#endIds(drafts);
    return Promise.resolve(drafts.map((draft) => this.#append(draft)));
  }

  rooms(): string[] {
    return [...this.#rooms.keys()].filter((room) => this.head(room) > 0);
  }

  head(room: string): number {
    const found = this.#rooms.get(room);
    return found ? found.floor + found.entries.length : 0;
  }

  floor(room: string): number {
    return this.#rooms.get(room)?.floor ?? 0;
  }

  read(room: string, range: Range, limit: ReadLimit): Entry[] {
    const found = this.#rooms.get(room);
    if (!found) return [];
    const isForward = "after" in range;
    const step = isForward ? 1 : -1;
    const { entries, floor } = found;
    let index = isForward
      ? Math.max(range.after - floor, 0)
      : Math.min(range.before - floor - 2, entries.length - 1);
    const read: Entry[] = [];
    for (let chars = 0; read.length < limit.entries && chars < limit.chars; index += step) {
      // `peekAt` takes a negative index from the end.
      const entry = index >= 0 ? entries.peekAt(index) : undefined;
      if (!entry) break;
      read.push(entry);
      chars += entry.text.length;
    }
    return isForward ? read : read.reverse();
  }

  lastEdits(room: string, first: number, last: number): Entry[] {
    const found = this.#rooms.get(room);
    const edits: Entry[] = [];
    for (let seq = first; found && seq <= last; seq++) {
      const edit = entryAt(found, found.edits.get(seq)?.at(-1));
      if (edit?.on) edits.push(edit);
    }
    return edits;
  }

  find(room: string, author: string, id: string): KnownId | undefined {
    const found = this.#rooms.get(room);
    const known = found?.ids.get(pair(author, id));
    const entry = found && entryAt(found, known?.seq);
    return known && entry ? { seq: known.seq, contentHash: hashEntry(entry) } : known;
  }

  prune(room: string, through: number): void {
    const found = this.#rooms.get(room);
    while (found && found.floor < through && found.entries.shift()) {
      found.edits.delete(++found.floor);
      found.reactions.delete(found.floor);
    }
  }

  reactions(room: string, ref: number, author: string): Reactions {
    const { emoji, byAuthor } = this.#rooms.get(room)?.reactions.get(ref) ?? {};
    return {
      emoji: [...emoji ?? []].slice(0, MAX_EMOJI_READ),
      own: byAuthor?.get(author) ?? 0,
    };
  }

  tagOf(room: string, author: string, isReserved = (_tag: string) => false): string {
    const { tags, authors } = this.#rooms.get(room) ?? NO_ROOM;
    return tags.get(author) ?? findFreeTag(author, (tag) => authors.has(tag) || isReserved(tag));
  }

  claimTag(room: string, author: string, name: string, wish?: string): string {
    const { authors, tags, people } = this.#room(room);
    people.add(pair(author, name));
    const known = tags.get(author);
    if (known !== undefined) return known;
    const isFree = wish !== undefined && !authors.has(wish);
    const tag = isFree ? wish : this.tagOf(room, author);
    tags.set(author, tag);
    if (!isAnonymous(author)) authors.set(tag, author);
    return tag;
  }

  hasName(room: string, author: string, name: string): boolean {
    return this.#rooms.get(room)?.people.has(pair(author, name)) ?? false;
  }

  cursor(reader: string, room: string): number | undefined {
    return this.#cursors.get(pair(room, reader));
  }

  moveCursor(reader: string, room: string, seq: number): void {
    this.#cursors.set(pair(room, reader), seq);
  }

  closedRooms(): string[] {
    return [...this.#closed];
  }

  bans(): Ban[] {
    return [...this.#bans.values()];
  }

  [Symbol.dispose](): void {}

  #append(draft: Draft): AppendResult {
    const room = this.#room(draft.room);
    const { author, name, id } = draft;
    const known = id ? this.find(draft.room, author, id) : undefined;
    if (known) return answerKnown(known, draft);
    if (author && !room.people.has(pair(author, name))) {
      return new ChatError("internal", { cause: new Error(NO_TAG) });
    }
    const entry = number(draft, room.floor + room.entries.length + 1);
    room.entries.push(entry);
    if (id) this.#addId(room, draft, entry.seq);
    if (draft.kind === "edit") this.#addEdit(room, entry);
    if (draft.kind === "delete") erase(room, draft.ref);
    if (draft.kind === "react") countReaction(room, entry);
    this.#enforce(draft);
    return { seq: entry.seq, entry };
  }

  #addId({ ids }: MemoryRoom, draft: Draft, seq: number): void {
    const key = pair(draft.author, draft.id);
    const isEnding = isAnonymous(draft.author);
    ids.set(key, { seq, contentHash: isEnding ? hashContent(draft) : undefined });
    if (isEnding) this.#endingIds.push({ at: draft.at, ids, key });
  }

  /** Removes ids that are old enough, a limited number at once. */
  #endIds(drafts: readonly Draft[]): void {
    const before = (drafts[0]?.at ?? 0) - KEYLESS_ID_MS;
    for (let n = drafts.length + ENDED_IDS_PER_APPEND; n > 0; n--) {
      const oldest = this.#endingIds.peekFront();
      if (!oldest || oldest.at >= before) return;
      this.#endingIds.shift();
      oldest.ids.delete(oldest.key);
    }
  }

  #addEdit(room: MemoryRoom, edit: Entry): void {
    const edits = room.edits.get(edit.ref);
    if (edits) edits.push(edit.seq);
    else room.edits.set(edit.ref, [edit.seq]);
    const message = entryAt(room, edit.ref);
    if (message?.kind === "say" && !message.on) blank(edit);
  }

  /** Applies the entry of an operator. */
  #enforce({ kind, room, at, on, bans = [] }: Draft): void {
    if (kind === "close") this.#closed[on ? "add" : "delete"](room);
    if (kind !== "ban") return;
    const authors = new Set(bans.map(({ author }) => author));
    for (const [key, { author, until }] of this.#bans) {
      if (until <= at || !on && authors.has(author)) this.#bans.delete(key);
    }
    for (const ban of on ? bans : []) this.#bans.set(pair(ban.author, ban.address), ban);
  }

  #room(name: string): MemoryRoom {
    let room = this.#rooms.get(name);
    if (!room) {
      room = makeRoom();
      this.#rooms.set(name, room);
    }
    return room;
  }
}

function makeRoom(): MemoryRoom {
  return {
    entries: new Denque(),
    floor: 0,
    ids: new Map(),
    authors: new Map(),
    tags: new Map(),
    edits: new Map(),
    reactions: new Map(),
    people: new Set(),
  };
}

/** Stands for a room that has nothing. */
const NO_ROOM: Pick<MemoryRoom, "authors" | "tags"> = makeRoom();

function countReaction({ reactions }: MemoryRoom, { ref, text, on, author }: Entry): void {
  const known = reactions.get(ref) ?? { emoji: new Set(), byAuthor: new Map() };
  reactions.set(ref, known);
  if (on) known.emoji.add(text);
  known.byAuthor.set(author, (known.byAuthor.get(author) ?? 0) + 1);
}

function entryAt({ entries, floor }: MemoryRoom, seq = 0): Entry | undefined {
  return seq > floor ? entries.peekAt(seq - floor - 1) : undefined;
}

/** Blanks a message and its edits. */
function erase(room: MemoryRoom, seq: number): void {
  const message = entryAt(room, seq);
  if (message?.kind !== "say" || !message.on) return;
  const key = pair(message.author, message.id);
  if (room.ids.has(key)) room.ids.set(key, { seq, contentHash: undefined });
  for (const part of [seq, ...room.edits.get(seq) ?? []]) blank(entryAt(room, part));
}

/** Blanks the entry itself, so that it is blank for everybody who has read it and has not passed it on. */
function blank(entry: Entry | undefined): void {
  if (entry) Object.assign(entry, { text: "", on: false });
}

/** Neither authors nor rooms contain a space, so no two pairs have one key. */
function pair(first: string, second: string): string {
  return `${first} ${second}`;
}

function number(draft: Draft, seq: number): Entry {
  const { at, kind, author, name, tag, id, text, ref, on, banned } = draft;
  const entry = { seq, at, kind, author, name, tag, id, text, ref, on };
  return banned ? { ...entry, banned } : entry;
}
