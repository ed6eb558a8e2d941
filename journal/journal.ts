// A journal stores the entries of all rooms. One test suite (journal_test.ts) runs on every implementation. In a
// server, the hub is the only caller, and makes no call while an append is under way.
//
// Another journal is one more case in main.ts and a choice of `--journal`. Reads are synchronous: a remote journal needs a
// local copy.
import { type Content, hashContent } from "../protocol/content_hash.ts";
import { ChatError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/message.ts";

/** A ban of an author, or of everybody at one of the author's addresses. */
export interface Ban {
  readonly author: string;
  /** Empty for the author alone. */
  readonly address: string;
  /** End of the ban in milliseconds since 1970. */
  readonly until: number;
}

/** An entry before it is numbered. */
export interface Draft extends Omit<Entry, "seq"> {
  readonly room: string;
  /** The bans that a `ban` puts in force. If `on` is false, all bans of their authors end. */
  readonly bans?: readonly Ban[];
}

/** A draft that is in the journal. */
export interface Appended {
  readonly seq: number;
  /** The new entry, as stored. Undefined if the draft is a repeat: `seq` is then the number of the first one. */
  readonly entry: Entry | undefined;
}

/**
 * The outcome for one draft: stored, known, or refused because of the draft itself. `id_taken` means that the author has used
 * its id for other content.
 */
export type AppendResult = Appended | ChatError;

/**
 * Minimum time for which the ids of authors without a key are kept, by the clock of the drafts. Anybody may be such an author,
 * so that their ids would grow without end.
 */
export const KEYLESS_ID_MS = 7 * 24 * 60 * 60_000;

/** Maximum number of ids that end in one append, in addition to one for each draft. Bounds the time that it takes. */
export const ENDED_IDS_PER_APPEND = 100;

/** Reason to refuse a draft: {@linkcode Journal.claimTag} comes first. */
export const NO_TAG = "Cannot append: the author has no tag beside this name";

/** Reactions to an entry, with those that were taken back. */
export interface Reactions {
  /** Different emoji, at most {@linkcode MAX_EMOJI_READ}. */
  readonly emoji: readonly string[];
  /** Number of times that one author has set a reaction or taken one back. */
  readonly own: number;
}

/** Maximum number of emoji to read of one entry. Must be more than the limit for new ones. */
export const MAX_EMOJI_READ = 64;

/** Entries to read: those that follow one, or those that precede one. */
export type Range = { readonly after: number } | { readonly before: number };

/** Maximum to read. At least one entry is read if there is one. */
export interface ReadLimit {
  readonly entries: number;
  /** Characters of text, all entries together. */
  readonly chars: number;
}

/** The message that an author has given an id. */
export interface KnownId {
  readonly seq: number;
  /** Hash of its content. Undefined when the content was deleted or removed: then every message with this id is a repeat. */
  readonly contentHash: string | undefined;
}

/** Sizes in bytes. */
export interface Usage {
  /** Stored data, without space that was freed and can be used again. */
  readonly storedBytes: number;
  /** All files together. */
  readonly fileBytes: number;
  /** Limit of all files together; Infinity for none. */
  readonly maxBytes: number;
}

/** Reason not to accept a message: the limit is reached, or space is missing for a time only. */
export type Shortage = "data_full" | "not_stored";

/** Stores numbered entries for each room, the ids and names in use, closed rooms and bans. */
export interface Journal extends Disposable {
  /** Random id, made with the journal. Another epoch is another history. */
  readonly epoch: string;
  /** Entries that a room may keep beyond its retention for lagging readers. */
  readonly maxHeld: number;
  readonly usage: Usage;

  /**
   * Reserves space for a message in the next append; returns the reason if there is none. New rooms are refused first, then
   * messages, last deletions and moderation. Comes before {@linkcode claimTag}, so that a refused message leaves nothing.
   */
  reserve(
    room: string,
    message: Pick<Draft, "kind" | "text" | "ref">,
  ): Shortage | undefined;
  /**
   * Commits the drafts in order, and resolves when they would survive a power cut, with a result for each. A draft that
   * cannot be stored because of what it is has an error for a result; the others are stored all the same. A `delete` blanks
   * the text of the message that it refers to, and of all its edits, in the same commit: their text is empty and `on` is
   * false from then on. An `edit` of a deleted message is stored blank. Also commits what {@linkcode claimTag},
   * {@linkcode moveCursor} and {@linkcode prune} did before.
   * @throws {ChatError} `not_stored`: nothing was stored, for a reason outside of the drafts. It may be tried again.
   */
  append(drafts: readonly Draft[]): Promise<AppendResult[]>;

  /** Returns the names of the rooms that have had a message, in no order. */
  rooms(): string[];
  /** Returns the number of the newest entry of the room; 0 if there is none. */
  head(room: string): number;
  /** Returns the number of the newest entry that was removed; 0 if none was. */
  floor(room: string): number;
  /** Reads entries, oldest first. Local and quick. */
  read(room: string, range: Range, limit: ReadLimit): Entry[];
  /**
   * Returns the last edit of each message from `first` to `last` that was edited and not deleted, in the order of the
   * messages. Local and quick, however many edits there are.
   */
  lastEdits(room: string, first: number, last: number): Entry[];
  /**
   * Returns the author's message with this id; undefined if there is none. Never forgotten, unless the author has no key: then
   * it is kept for {@linkcode KEYLESS_ID_MS} at least.
   */
  find(room: string, author: string, id: string): KnownId | undefined;
  /** Returns the reactions to an entry that is still kept, as far as their limits depend on them. Quick for any number. */
  reactions(room: string, ref: number, author: string): Reactions;
  /** Removes the entries up to and including this one, at the next append at the latest. Ids stay. `Room.prune` decides when. */
  prune(room: string, through: number): void;
  /**
   * Returns the tag of an author in a room: the one it has, or the one to claim: the shortest of {@linkcode tagsOf} that no
   * other author has in this room, whatever its name, and that is not reserved. Stores nothing.
   */
  tagOf(room: string, author: string, isReserved?: (tag: string) => boolean): string;
  /**
   * Stores that an author uses a name in a room, and returns the author's tag there. An author has one tag in a room, whatever
   * its names. It never changes, and no other author of the room ever has it. Durable with the next append.
   * @param wish tag for an author without one, if it is free; by default the one of {@linkcode tagOf}
   */
  claimTag(room: string, author: string, name: string, wish?: string): string;
  /** Reports whether the author has claimed its tag under this name. Stores nothing. */
  hasName(room: string, author: string, name: string): boolean;
  /** Returns the rooms whose newest `close` has closed them. Known for good, whatever becomes of that entry. */
  closedRooms(): string[];
  /** Returns the bans that were not lifted; some may have ended by themselves. As durable as their entries. */
  bans(): Ban[];
  /** Returns the position of a reader in a room, as {@linkcode moveCursor} set it last; undefined if it never did. */
  cursor(reader: string, room: string): number | undefined;
  /** Stores the position of a reader in a room. Durable with the next append that succeeds. */
  moveCursor(reader: string, room: string, seq: number): void;
}

/** Reads one entry; undefined if it is not kept. */
export function readEntry(journal: Journal, room: string, seq: number): Entry | undefined {
  const [entry] = journal.read(room, { after: seq - 1 }, { entries: 1, chars: 1 });
  return entry?.seq === seq ? entry : undefined;
}

/** Reports whether a message with a known id is that message again. */
export function isRepeat({ contentHash }: KnownId, content: Content): boolean {
  return contentHash === undefined || contentHash === hashContent(content);
}

/** Returns the result of a draft whose id is known. */
export function answerKnown(known: KnownId, draft: Draft): AppendResult {
  if (isRepeat(known, draft)) return { seq: known.seq, entry: undefined };
  return new ChatError("id_taken", { id: draft.id });
}

/**
 * Reads a page of history: each message, and each edit of a message on an older page, with the last edit, wherever it is. The
 * texts of these edits count towards the limit.
 */
export function readHistory(
  journal: Journal,
  room: string,
  { range, limit }: { range: Range; limit: ReadLimit },
): Entry[] {
  const entries = journal.read(room, range, limit);
  const [first, last] = [entries[0]?.seq ?? 0, entries.at(-1)?.seq ?? 0];
  const edits = new Map(journal.lastEdits(room, first, last).map((edit) => [edit.ref, edit]));
  const folded = entries.map((entry): Entry => {
    const { kind, seq, ref, on } = entry;
    const isOrphan = kind === "edit" && on && ref < first;
    const edit = kind === "say"
      ? edits.get(seq)
      : isOrphan
      ? journal.lastEdits(room, ref, ref)[0]
      : undefined;
    if (!edit || edit.seq === seq) return entry;
    return { ...entry, edited: { seq: edit.seq, text: edit.text } };
  });
  const isForward = "after" in range;
  let chars = 0;
  const isEnd = ({ text, edited }: Entry) =>
    (chars += text.length + (edited?.text.length ?? 0)) >= limit.chars;
  if (!isForward) return folded.slice(Math.max(0, folded.findLastIndex(isEnd)));
  const end = folded.findIndex(isEnd);
  return end < 0 ? folded : folded.slice(0, end + 1);
}
