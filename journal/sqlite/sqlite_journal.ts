// The SQLite journal stores entries on disk: one writer, one transaction for each append, synced before the append resolves.
//
// The folder belongs to one process at a time (data_folder.ts); others may read the file meanwhile. A crash at any moment
// leaves everything that was committed, and nothing to clean up.
import { ChatError } from "../../protocol/errors.ts";
import type { Entry } from "../../protocol/message.ts";
import { isRowFault } from "../../base/sqlite.ts";
import { hashEntry } from "../../protocol/content_hash.ts";
import {
  answerKnown,
  type Appended,
  type AppendResult,
  type Ban,
  type Draft,
  type Journal,
  type KnownId,
  NO_TAG,
  type Range,
  type Reactions,
  readEntry,
  type ReadLimit,
  type Shortage,
  type Usage,
} from "../journal.ts";
import {
  type FileOptions,
  type JournalFile,
  openFile,
  openFileForReading,
} from "./journal_file.ts";
import {
  blankResults,
  countPlain,
  encodeBanned,
  type Erased,
  KINDS,
  type Row,
  toEntry,
} from "./rows.ts";
import { IdTable } from "./id_table.ts";
import { findReactions, tagOf } from "./lookups.ts";
import type { Statements } from "./statements.ts";

/** Entries beyond retention to keep for lagging readers. Each takes some hundred bytes of disk. */
const MAX_HELD = 500_000;

/** Maximum number of rooms and people to cache between transactions, so that memory does not grow with their number. */
const MAX_CACHED = 10_000;

/** Reason to store nothing any more. */
const DELETED = new Error(
  "a file of the data folder was deleted while the program was running: restart the program",
);

interface CachedRoom {
  readonly id: number;
  head: number;
  floor: number;
}

interface Claim {
  readonly room: string;
  readonly author: string;
  readonly name: string;
  readonly tag: string;
}

interface Cursor {
  readonly reader: string;
  readonly room: string;
  readonly seq: number;
}

/**
 * Opens the journal in a folder, and creates both if they are missing, readable by their owner only.
 * @throws {ChatError} `data_unavailable`, with the reason and a remedy.
 */
export function openSqliteJournal(folder: string, options: FileOptions = {}): SqliteJournal {
  return new SqliteJournal(openFile(folder, options));
}

/** Opens the journal of a folder for reading, beside a server that may be using it. @throws {ChatError} `data_unavailable` */
export function openSqliteReader(folder: string): SqliteJournal {
  return new SqliteJournal(openFileForReading(folder));
}

/** A journal in an SQLite file. */
export class SqliteJournal implements Journal {
  readonly epoch: string;
  readonly maxHeld = MAX_HELD;
  readonly #file: JournalFile;
  readonly #sql: Statements;
  readonly #ids: IdTable;
  readonly #rooms = new Map<string, CachedRoom>();
  /** Rows of `people` by room, author and name. */
  readonly #people = new Map<string, { person: number; author: number }>();
  #isOpen = false;
  /** Tags claimed since the last commit. A rollback must not lose them. */
  #claims: Claim[] = [];
  /** Positions moved since the last commit, by room and reader. The next commit writes them. */
  readonly #cursors = new Map<string, Cursor>();

  /** Messages deleted in this transaction. */
  #erased: Erased[] = [];

  /** Owns the file from now on, and closes it when disposed. */
  constructor(file: JournalFile) {
    this.epoch = file.epoch;
    this.#file = file;
    this.#sql = file.sql;
    this.#ids = new IdTable(this.#sql);
  }

  /** Zeros for a journal that is open for reading only. */
  get usage(): Usage {
    return this.#file.writer?.quota.usage ?? { storedBytes: 0, fileBytes: 0, maxBytes: Infinity };
  }

  reserve(
    room: string,
    message: Pick<Draft, "kind" | "text" | "ref">,
  ): Shortage | undefined {
    return this.#file.writer?.quota.reserveMessage(this.#room(room), message);
  }

  // deno-lint-ignore require-await -- a journal may be far away; this one is not
  async append(drafts: readonly Draft[]): Promise<AppendResult[]> {
    if (this.#file.writer?.wal.isDeleted) throw new ChatError("not_stored", { cause: DELETED });
    try {
      return this.#appendAll(drafts);
    } finally {
      this.#file.writer?.quota.finishAppend();
    }
  }

  rooms(): string[] {
    return this.#sql.findRooms.all().map((row) => row["name"] as string);
  }

  head(room: string): number {
    return this.#room(room)?.head ?? 0;
  }

  floor(room: string): number {
    return this.#room(room)?.floor ?? 0;
  }

  read(room: string, range: Range, limit: ReadLimit): Entry[] {
    const found = this.#room(room);
    if (!found) return [];
    const isForward = "after" in range;
    const rows = isForward
      ? this.#sql.readAfter.iterate(found.id, Math.max(range.after, found.floor), limit.entries)
      : this.#sql.readBefore.iterate(found.id, range.before, found.floor, limit.entries);
    const read: Entry[] = [];
    let chars = 0;
    for (const row of rows as Iterable<unknown>) {
      const entry = toEntry(row as Row);
      read.push(entry);
      chars += entry.text.length;
      if (chars >= limit.chars) break;
    }
    return isForward ? read : read.reverse();
  }

  lastEdits(room: string, first: number, last: number): Entry[] {
    const found = this.#room(room);
    const edits: Entry[] = [];
    // From one edited message to the next by the index, past all edits but the last.
    for (let seq = first; found && seq <= last;) {
      const row = this.#sql.findLastEdit.get(found.id, seq) as unknown as Row | undefined;
      if (!row || row.ref > last) break;
      if (row.on) edits.push(toEntry(row));
      seq = row.ref + 1;
    }
    return edits;
  }

  find(room: string, author: string, id: string): KnownId | undefined {
    const known = this.#ids.find(this.#room(room)?.id ?? 0, author, id);
    const entry = known && readEntry(this, room, known.seq);
    return known && entry ? { seq: known.seq, contentHash: hashEntry(entry) } : known;
  }

  prune(room: string, through: number): void {
    const found = this.#room(room);
    if (!found || through <= found.floor) return;
    try {
      const last = this.#file.writer?.quota.reservePrune(found.id, through) ?? through;
      if (last <= found.floor) return; // no space: a later call may find some
      this.#open();
      this.#sql.prune.run(found.id, last);
      found.floor = last;
    } catch {
      this.#rollBack(); // for example a full disk: the entries stay, and the next append reports it
    }
  }

  reactions(room: string, ref: number, author: string): Reactions {
    return findReactions(this.#sql, { room: this.#room(room), author }, ref);
  }

  tagOf(room: string, author: string, isReserved = (_tag: string) => false): string {
    const waiting = this.#waitingClaims.filter((claim) => claim.room === room);
    const isTaken = (tag: string) => isReserved(tag) || waiting.some((claim) => claim.tag === tag);
    return waiting.find((claim) => claim.author === author)?.tag ??
      tagOf(this.#sql, { room: this.#room(room), author }, { isReserved: isTaken });
  }

  claimTag(room: string, author: string, name: string, wish?: string): string {
    try {
      this.#open();
      return this.#claim({ room, author, name }, wish);
    } catch (cause) {
      this.#rollBack();
      throw new ChatError("not_stored", { cause });
    }
  }

  hasName(room: string, author: string, name: string): boolean {
    const isSame = (claim: Claim) =>
      claim.room === room && claim.author === author && claim.name === name;
    return this.#sql.findPerson.get(this.#room(room)?.id ?? 0, author, name) !== undefined ||
      this.#waitingClaims.some(isSame);
  }

  cursor(reader: string, room: string): number | undefined {
    const moved = this.#cursors.get(`${room} ${reader}`);
    return moved?.seq ?? this.#sql.findCursor.get(reader, room)?.["seq"] as number | undefined;
  }

  moveCursor(reader: string, room: string, seq: number): void {
    this.#cursors.set(`${room} ${reader}`, { reader, room, seq }); // a room contains no space
  }

  closedRooms(): string[] {
    return this.#sql.findClosed.all().map((row) => row["name"] as string);
  }

  bans(): Ban[] {
    return this.#sql.findBans.all().map((
      { author, address, until },
    ) => ({ author, address, until } as unknown as Ban));
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  #appendAll(drafts: readonly Draft[]): AppendResult[] {
    try {
      return this.#commit(drafts, () => this.#insertAll(drafts));
    } catch (cause) {
      this.#rollBack();
      if (!isRowFault(cause) || drafts.length === 0) throw new ChatError("not_stored", { cause });
    }
    // A draft is at fault, not the disk: try them one by one.
    try {
      return this.#commit(drafts, () => drafts.map((draft) => this.#tryInsert(draft)));
    } catch (cause) {
      this.#rollBack();
      throw new ChatError("not_stored", { cause });
    }
  }

  /** Claims that were rolled back, and that the next transaction repeats. */
  get #waitingClaims(): readonly Claim[] {
    return this.#isOpen ? [] : this.#claims;
  }

  /** Begins the transaction that the next append commits, if there is none. */
  #open(): void {
    if (this.#isOpen) return;
    this.#sql.begin.run();
    this.#isOpen = true;
    for (const { room, author, name, tag } of this.#claims) {
      this.#sql.addPerson.run(this.#makeRoom(room).id, this.#authorId(author), name, tag);
    }
  }

  /** Commits the drafts that `insert` adds, together with everything since the last commit. */
  #commit(drafts: readonly Draft[], insert: () => AppendResult[]): AppendResult[] {
    this.#open();
    const reserve = (rows: number) => this.#file.writer?.quota.reserveRows(rows) ?? true;
    this.#ids.end(drafts, reserve);
    const results = insert();
    const hasSpace = reserve(this.#cursors.size);
    const cursors = hasSpace ? [...this.#cursors.values()] : []; // otherwise a later commit has them
    for (const { reader, room, seq } of cursors) this.#sql.putCursor.run(reader, room, seq);
    this.#sql.commit.run();
    this.#isOpen = false;
    this.#claims = [];
    if (hasSpace) this.#cursors.clear();
    if (this.#erased.length > 0) {
      for (const erased of this.#erased) blankResults(drafts, results, erased);
      this.#erased = [];
      this.#file.writer?.wal.empty();
    } else {
      this.#file.writer?.wal.trim();
    }
    if (this.#rooms.size > MAX_CACHED) this.#rooms.clear();
    if (this.#people.size > MAX_CACHED) this.#people.clear();
    return results;
  }

  /** Undoes everything since the last commit, but for tags and cursors: the next transaction repeats those. */
  #rollBack(): void {
    try {
      this.#sql.rollback.run();
    } catch { /* SQLite may have done so by itself */ }
    this.#isOpen = false;
    this.#erased = [];
    this.#rooms.clear();
    this.#people.clear();
  }

  #insertAll(drafts: readonly Draft[]): AppendResult[] {
    const results: AppendResult[] = [];
    while (results.length < drafts.length) {
      const start = results.length;
      const count = countPlain(drafts, start);
      if (count > 1) results.push(...this.#insertPlain(drafts.slice(start, start + count)));
      else results.push(this.#insert(drafts[start]!));
    }
    return results;
  }

  /** Inserts a draft, or undoes all of it and returns the reason. @throws when the disk is at fault. */
  #tryInsert(draft: Draft): AppendResult {
    this.#sql.savepoint.run();
    try {
      const result = this.#insert(draft);
      this.#sql.release.run();
      return result;
    } catch (cause) {
      if (!isRowFault(cause)) throw cause;
      this.#sql.rollBackTo.run();
      this.#sql.release.run();
      this.#rooms.clear(); // they may say what was undone
      this.#people.clear();
      return new ChatError("internal", { cause });
    }
  }

  #insert(draft: Draft): AppendResult {
    const room = this.#makeRoom(draft.room);
    const seq = room.head + 1;
    const who = draft.author ? this.#person(draft) : undefined;
    if (draft.author && !who) {
      const known = draft.id ? this.find(draft.room, draft.author, draft.id) : undefined;
      if (!known) throw new Error(NO_TAG);
      return answerKnown(known, draft);
    }
    if (who && draft.id && !this.#ids.add(draft, { room: room.id, author: who.author, seq })) {
      return answerKnown(this.find(draft.room, draft.author, draft.id)!, draft);
    }
    const { at, kind, author, name, tag, id, ref, banned } = draft;
    const isErased = kind === "edit" && this.#sql.isErased.get(room.id, ref) !== undefined;
    const [text, on] = isErased ? ["", false] : [draft.text, draft.on];
    this.#sql.addEntry.run(
      room.id,
      seq,
      at,
      KINDS.indexOf(kind),
      who?.person ?? null,
      id || null,
      banned ? encodeBanned(banned) : text,
      ref,
      on ? 1 : 0,
    );
    room.head = seq;
    if (kind === "close") this.#sql.putClosed.run(on ? 1 : 0, room.id);
    if (kind === "ban") this.#enforce(draft);
    if (kind === "delete") this.#erase(draft, room);
    const entry = { seq, at, kind, author, name, tag, id, text, ref, on };
    return { seq, entry: banned ? { ...entry, banned } : entry };
  }

  /** Blanks the message that a draft deletes, and its edits. */
  #erase({ room, ref }: Draft, { id }: CachedRoom): void {
    if (this.#sql.erase.run(id, ref).changes === 0) return;
    this.#sql.eraseEdits.run(id, ref);
    this.#ids.eraseContent(id, ref);
    this.#erased.push({ room, ref });
  }

  /** Applies the bans of a draft. Bans that have ended are dropped, so that their number stays small. */
  #enforce({ at, on, bans = [] }: Draft): void {
    this.#sql.dropEnded.run(at);
    for (const { author, address, until } of bans) {
      const id = this.#authorId(author);
      if (on) this.#sql.putBan.run(id, address, until);
      else this.#sql.lift.run(id);
    }
  }

  /** Inserts drafts that differ in their text only with one statement. Under load most drafts are such. */
  #insertPlain(drafts: readonly Draft[]): Appended[] {
    const { room: name, at } = drafts[0]!;
    const room = this.#makeRoom(name);
    const texts = JSON.stringify(drafts.map(({ text }) => text));
    this.#sql.addPlain.run(room.id, room.head + 1, at, texts);
    return drafts.map(({ kind, author, name, tag, id, text, ref, on }) => {
      const seq = ++room.head;
      return { seq, entry: { seq, at, kind, author, name, tag, id, text, ref, on } };
    });
  }

  #claim({ room, author, name }: Omit<Claim, "tag">, wish?: string): string {
    const place = { room: this.#makeRoom(room), author };
    const person = this.#sql.findPerson.get(place.room.id, author, name);
    if (person) return person["tag"] as string;
    const tag = tagOf(this.#sql, place, { wish });
    this.#sql.addPerson.run(place.room.id, this.#authorId(author), name, tag);
    this.#claims.push({ room, author, name, tag });
    return tag;
  }

  /** Returns the rows of the author beside this name; undefined if no tag was claimed. */
  #person({ room, author, name }: Draft): { person: number; author: number } | undefined {
    const key = `${room} ${author} ${name}`; // only the last may contain a space
    let known = this.#people.get(key);
    if (!known) {
      const row = this.#sql.findPerson.get(this.#makeRoom(room).id, author, name);
      if (!row) return undefined;
      known = { person: row["person"] as number, author: row["author"] as number };
      this.#people.set(key, known);
    }
    return known;
  }

  #authorId(author: string): number {
    this.#sql.addAuthor.run(author);
    return this.#sql.findAuthor.get(author)!["id"] as number;
  }

  #room(name: string): CachedRoom | undefined {
    const cached = this.#rooms.get(name);
    if (cached) return cached;
    const row = this.#sql.findRoom.get(name);
    if (!row) return undefined;
    const id = row["id"] as number;
    const ends = this.#sql.findEnds.get(id)!;
    const head = ends["head"] as number | null ?? 0;
    const room = { id, head, floor: (ends["first"] as number | null ?? 1) - 1 };
    this.#rooms.set(name, room);
    return room;
  }

  /** Returns the room, and creates its row if it has none. Needs a transaction. */
  #makeRoom(name: string): CachedRoom {
    const found = this.#room(name);
    if (found) return found;
    this.#sql.addRoom.run(name);
    return this.#room(name)!;
  }
}
