// The SQLite journal stores entries on disk: one writer, one transaction for each append, synced before the append resolves.
//
// The folder belongs to one process at a time (data_folder.ts); others may read the file meanwhile. A crash at any moment
// leaves everything that was committed, and nothing to clean up.
import type { DatabaseSync } from "node:sqlite";
import { ChatError } from "../../protocol/errors.ts";
import { makePrivateFile } from "../../base/private_file.ts";
import type { Entry } from "../../protocol/message.ts";
import { emptyWal, isOutdated, isRowFault, migrate, openDatabase } from "../../base/sqlite.ts";
import { explainFolder, FILE_NAME, lockFolder } from "./data_folder.ts";
import {
  type Appended,
  type AppendResult,
  type Ban,
  type Draft,
  type Journal,
  NO_TAG,
  type Range,
  type Reactions,
  type ReadLimit,
} from "../journal.ts";
import { findReactions, tagOf } from "./lookups.ts";
import { checkJournal, JOURNAL_SCHEMA, readEpoch } from "./schema.ts";
import { countPlain, encodeBanned, KINDS, type Row, toEntry } from "./rows.ts";
import { prepare, type Statements } from "./statements.ts";
import { WalEraser } from "./wal_eraser.ts";

/** Entries beyond retention to keep for lagging readers. Each takes some hundred bytes of disk. */
const MAX_HELD = 500_000;

/** Maximum size of a file that is checked page by page before it is used. Takes some tenths of a second. */
const MAX_CHECKED_BYTES = 256 * 1024 * 1024;

/** Maximum number of rooms and people to cache between transactions, so that memory does not grow with their number. */
const MAX_CACHED = 10_000;

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
export function openSqliteJournal(folder: string): SqliteJournal {
  const path = `${folder}/${FILE_NAME}`;
  let lock: Disposable | undefined;
  let db: DatabaseSync | undefined;
  try {
    lock = lockFolder(folder);
    makePrivateFile(path);
    const { size } = Deno.statSync(path);
    db = openWriter(path);
    if (size <= MAX_CHECKED_BYTES) check(db);
    const isUpgrade = size > 0 && isOutdated(db, JOURNAL_SCHEMA);
    migrate(db, JOURNAL_SCHEMA);
    if (isUpgrade) emptyWal(db); // a step may have erased texts
    return new SqliteJournal(db, lock);
  } catch (cause) {
    db?.close();
    lock?.[Symbol.dispose]();
    const message = `Cannot use data folder "${folder}": ${explainFolder(cause as Error)}`;
    throw new ChatError("data_unavailable", { cause, message });
  }
}

/** Opens the journal of a folder for reading, beside a server that may be using it. @throws {ChatError} `data_unavailable` */
export function openSqliteReader(folder: string): SqliteJournal {
  let db: DatabaseSync | undefined;
  try {
    db = openDatabase(`${folder}/${FILE_NAME}`);
    checkJournal(db);
    if (isOutdated(db, JOURNAL_SCHEMA)) {
      openSqliteJournal(folder)[Symbol.dispose](); // no server of this version has used it yet
    }
    return new SqliteJournal(db);
  } catch (cause) {
    db?.close();
    if (cause instanceof ChatError) throw cause;
    const message = `Cannot use data folder "${folder}": ${explainFolder(cause as Error)}`;
    throw new ChatError("data_unavailable", { cause, message });
  }
}

/** A journal in an SQLite file. */
export class SqliteJournal implements Journal {
  readonly epoch: string;
  readonly maxHeld = MAX_HELD;
  readonly #db: DatabaseSync;
  readonly #lock: Disposable | undefined;
  readonly #sql: Statements;
  readonly #rooms = new Map<string, CachedRoom>();
  /** Rows of `people` by room, author and name. */
  readonly #people = new Map<string, { person: number; author: number }>();
  #isOpen = false;
  /** Tags claimed since the last commit. A rollback must not lose them. */
  #claims: Claim[] = [];
  /** Positions moved since the last commit, by room and reader. The next commit writes them. */
  readonly #cursors = new Map<string, Cursor>();

  /** Messages deleted in this transaction. */
  #erased: { readonly room: string; readonly ref: number }[] = [];
  readonly #walEraser: WalEraser;

  /** Owns the database and the lock of its folder from now on, and releases both when disposed. */
  constructor(db: DatabaseSync, lock?: Disposable) {
    this.epoch = readEpoch(db);
    this.#db = db;
    this.#walEraser = new WalEraser(db);
    this.#lock = lock;
    this.#sql = prepare(db);
  }

  // deno-lint-ignore require-await -- a journal may be far away; this one is not
  async append(drafts: readonly Draft[]): Promise<AppendResult[]> {
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

  find(room: string, author: string, id: string): number | undefined {
    const found = this.#room(room);
    return found && this.#sql.findId.get(found.id, author, id)?.["seq"] as number | undefined;
  }

  prune(room: string, through: number): void {
    const found = this.#room(room);
    if (!found || through <= found.floor) return;
    try {
      this.#open();
      this.#sql.prune.run(found.id, through);
      found.floor = through;
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
    this.#walEraser[Symbol.dispose]();
    this.#db.close();
    this.#lock?.[Symbol.dispose]();
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
    const results = insert();
    for (const { reader, room, seq } of this.#cursors.values()) {
      this.#sql.putCursor.run(reader, room, seq);
    }
    this.#sql.commit.run();
    this.#isOpen = false;
    this.#claims = [];
    this.#cursors.clear();
    if (this.#erased.length > 0) this.#finishErasing(drafts, results);
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

  /** Blanks the results that the same batch has deleted, and empties the WAL of all deleted texts. */
  #finishErasing(drafts: readonly Draft[], results: AppendResult[]): void {
    for (const { room, ref } of this.#erased) {
      for (const [n, result] of results.entries()) {
        if (drafts[n]!.room !== room || !("entry" in result) || !result.entry) continue;
        const { kind, seq, ref: target } = result.entry;
        const isGone = kind === "say" ? seq === ref : kind === "edit" && target === ref;
        if (isGone) results[n] = { seq, entry: { ...result.entry, text: "", on: false } };
      }
    }
    this.#erased = [];
    this.#walEraser.request();
  }

  #insertAll(drafts: readonly Draft[]): Appended[] {
    const appended: Appended[] = [];
    while (appended.length < drafts.length) {
      const start = appended.length;
      const count = countPlain(drafts, start);
      if (count > 1) appended.push(...this.#insertPlain(drafts.slice(start, start + count)));
      else appended.push(this.#insert(drafts[start]!));
    }
    return appended;
  }

  /** Inserts a draft, or undoes all of it and returns the reason. @throws when the disk is at fault. */
  #tryInsert(draft: Draft): AppendResult {
    this.#sql.savepoint.run();
    try {
      const appended = this.#insert(draft);
      this.#sql.release.run();
      return appended;
    } catch (cause) {
      if (!isRowFault(cause)) throw cause;
      this.#sql.rollBackTo.run();
      this.#sql.release.run();
      this.#rooms.clear(); // they may say what was undone
      this.#people.clear();
      return new ChatError("internal", { cause });
    }
  }

  #insert(draft: Draft): Appended {
    const room = this.#makeRoom(draft.room);
    const seq = room.head + 1;
    const who = draft.author ? this.#person(draft) : undefined;
    if (draft.author && !who) {
      const known = draft.id ? this.find(draft.room, draft.author, draft.id) : undefined;
      if (known === undefined) throw new Error(NO_TAG);
      return { seq: known, entry: undefined };
    }
    if (who && draft.id) {
      const { changes } = this.#sql.addId.run(room.id, who.author, draft.id, seq);
      if (changes === 0) {
        return { seq: this.find(draft.room, draft.author, draft.id)!, entry: undefined };
      }
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

/** Opens the file for writing. Others can read it meanwhile. */
function openWriter(path: string): DatabaseSync {
  try {
    return openWal(path, "NORMAL");
  } catch (error) {
    if (!/disk I\/O/.test((error as Error).message)) throw error;
    // The disk has no room for the memory that processes share. A single process can do without it, and read what is there.
    return openWal(path, "EXCLUSIVE");
  }
}

function openWal(path: string, locking: "NORMAL" | "EXCLUSIVE"): DatabaseSync {
  return openDatabase(path, {
    // FULL: every commit is synced.
    pragmas: { locking_mode: locking, journal_mode: "WAL", synchronous: "FULL" },
  });
}

/** Checks all pages of the file. @throws if one is damaged. */
function check(db: DatabaseSync): void {
  const found = db.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
  if (found !== "ok") throw new Error(`malformed: ${found}`);
}
