// What the hub needs of whatever keeps the entries. One suite (journal_test.ts) runs on every implementation.
// The hub is the only caller, and never calls while an append is under way.
import type { ChatError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/message.ts";

/** Who may not come, and until when: an author, and whoever comes from an address of theirs. */
export interface Ban {
  readonly author: string;
  /** Empty for the author alone. */
  readonly address: string;
  /** In milliseconds since 1970. */
  readonly until: number;
}

/** An entry before it has a number. */
export interface Draft extends Omit<Entry, "seq"> {
  readonly room: string;
  /** Of a `ban`: what is in force with it; with `on` false every ban of their authors ends. */
  readonly bans?: readonly Ban[];
}

/** What became of a draft. */
export interface Appended {
  readonly seq: number;
  /** The entry; undefined when the author had used the id before: then `seq` is what it got the first time. */
  readonly entry: Entry | undefined;
}

/** The outcome for one draft: stored, known, or refused because of the draft itself. */
export type AppendResult = Appended | ChatError;

/** Reason to refuse a draft: {@linkcode Journal.claimTag} comes first. */
export const NO_TAG = "Cannot append: the author has no tag beside this name";

/** Which entries to read: those that follow one, or those that precede one. */
export type Range = { readonly after: number } | { readonly before: number };

/** How much to read at most. At least one entry is read where there is one. */
export interface ReadLimit {
  readonly entries: number;
  /** Characters of text, all entries together. */
  readonly chars: number;
}

/** Numbered entries for each room; who has used which id and which name; which rooms are closed, and who is banned. */
export interface Journal extends Disposable {
  /** A random id made with the journal. Another epoch is another history. */
  readonly epoch: string;
  /** How many entries a room may keep beyond what is asked for, for the sake of readers who lag. */
  readonly maxHeld: number;

  /**
   * Commits the drafts in order, and resolves when they would survive a power cut, with a result for each. A draft that
   * cannot be stored because of what it is has an error for a result; the others are stored all the same. Also commits
   * what {@linkcode claimTag}, {@linkcode moveCursor} and {@linkcode prune} did before.
   * @throws {ChatError} `not_stored`: nothing was stored, for a reason outside of the drafts. It may be tried again.
   */
  append(drafts: readonly Draft[]): Promise<AppendResult[]>;

  /** Names of the rooms that something was said in, in no order. */
  rooms(): string[];
  /** Number of the newest entry of the room; 0 when there is none. */
  head(room: string): number;
  /** Number of the newest entry that has been removed; 0 when none has. */
  floor(room: string): number;
  /** Kept entries, oldest first. Local and quick. */
  read(room: string, range: Range, limit: ReadLimit): Entry[];
  /** The number that the author's message of this id has got; undefined when there is none. Never forgotten. */
  find(room: string, author: string, id: string): number | undefined;
  /** Removes the entries up to and including this one, not later than at the next append. Ids stay. */
  prune(room: string, through: number): void;
  /**
   * The tag of an author beside a name: the shortest beginning of the author's hash that no other author has beside
   * this name in this room. The same at every later time. Durable with the next append.
   */
  claimTag(room: string, author: string, name: string): string;
  /** The rooms whose newest `close` has closed them. Known for good, whatever becomes of that entry. */
  closedRooms(): string[];
  /** The bans that were laid down and not lifted; some may have ended by themselves. As durable as their entries. */
  bans(): Ban[];
  /** How far a reader has come in a room, as {@linkcode moveCursor} was told last; undefined when it never was. */
  cursor(reader: string, room: string): number | undefined;
  /** Notes how far a reader has come, of which there may be several. Durable with the next append that succeeds. */
  moveCursor(reader: string, room: string, seq: number): void;
}
