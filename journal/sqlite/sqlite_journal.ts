// The SQLite journal stores entries on disk: one writer, one transaction for each append, synced before the append resolves.
//
// The folder belongs to one process at a time (data_folder.ts); others may read the file meanwhile. A crash at any moment
// leaves everything that was committed, and nothing to clean up.
import type { DatabaseSync } from "node:sqlite";
import { ChatError } from "../../protocol/errors.ts";
import { makePrivateFile } from "../../base/private_file.ts";
import type { Banned, Entry, Kind } from "../../protocol/message.ts";
import { isOutdated, migrate, openDatabase } from "../../base/sqlite.ts";
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
import { findReactions, findTag, tagOf } from "./lookups.ts";
import { checkJournal, JOURNAL_SCHEMA, readEpoch } from "./schema.ts";
import { prepare, type Statements } from "./statements.ts";

/** Entries beyond retention to keep for lagging readers. Each takes some hundred bytes of disk. */
const MAX_HELD = 500_000;

/** Maximum size of a file that is checked page by page before it is used. Takes some tenths of a second. */
const MAX_CHECKED_BYTES = 256 * 1024 * 1024;

/** Maximum number of rooms and people to cache between transactions, so that memory does not grow with their number. */
const MAX_CACHED = 10_000;

/** Kinds by their stored number. A number never changes its meaning. */
const KINDS: readonly Kind[] = ["say", "edit", "delete", "react", "close", "ban"];

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

interface Row {
  readonly seq: number;
  readonly at: number;
  readonly kind: number;
  readonly author: string | null;
  readonly name: string | null;
  readonly tag: string | null;
  readonly id: string | null;
  readonly text: string;
  readonly ref: number;
  readonly on: number;
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
    migrate(db, JOURNAL_SCHEMA);
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

  /** Owns the database and the lock of its folder from now on, and releases both when disposed. */
  constructor(db: DatabaseSync, lock?: Disposable) {
    this.epoch = readEpoch(db);
    this.#db = db;
    this.#lock = lock;
    this.#sql = prepare(db);
  }

  // deno-lint-ignore require-await -- a journal may be far away; this one is not
  async append(drafts: readonly Draft[]): Promise<AppendResult[]> {
    try {
      return this.#commit(() => this.#insertAll(drafts));
    } catch (cause) {
      this.#rollBack();
      if (isDiskFault(cause) || drafts.length === 0) throw new ChatError("not_stored", { cause });
    }
    // A draft is at fault, not the disk: try them one by one.
    try {
      return this.#commit(() => drafts.map((draft) => this.#tryInsert(draft)));
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
    return tagOf(this.#sql, { room: this.#room(room), author }, isReserved);
  }

  claimTag(
    room: string,
    author: string,
    name: string,
    makeTag = () => this.tagOf(room, author),
  ): string {
    try {
      this.#open();
      return this.#claim({ room, author, name }, makeTag);
    } catch (cause) {
      this.#rollBack();
      throw new ChatError("not_stored", { cause });
    }
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
    this.#db.close();
    this.#lock?.[Symbol.dispose]();
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
  #commit(insert: () => AppendResult[]): AppendResult[] {
    this.#open();
    const results = insert();
    for (const { reader, room, seq } of this.#cursors.values()) {
      this.#sql.putCursor.run(reader, room, seq);
    }
    this.#sql.commit.run();
    this.#isOpen = false;
    this.#claims = [];
    this.#cursors.clear();
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
    this.#rooms.clear();
    this.#people.clear();
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
      if (isDiskFault(cause)) throw cause;
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
    const { at, kind, author, name, tag, id, text, ref, on, banned } = draft;
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
    const entry = { seq, at, kind, author, name, tag, id, text, ref, on };
    return { seq, entry: banned ? { ...entry, banned } : entry };
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

  #claim({ room, author, name }: Omit<Claim, "tag">, makeTag: () => string): string {
    const { id } = this.#makeRoom(room);
    const person = this.#sql.findPerson.get(id, author, name);
    if (person) return person["tag"] as string;
    const tag = findTag(this.#sql, { room: { id }, author }) ?? makeTag();
    this.#sql.addPerson.run(id, this.#authorId(author), name, tag);
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

/** Maximum number of texts for one statement, so that they can be spread as arguments. */
const MAX_PLAIN = 10_000;

/** Counts the drafts from `start` on that have no author, in one room and at one time. */
function countPlain(drafts: readonly Draft[], start: number): number {
  const { room, at } = drafts[start]!;
  let count = 0;
  for (let draft = drafts[start]; draft && count < MAX_PLAIN; draft = drafts[start + ++count]) {
    const isPlain = draft.author === "" && draft.kind === "say" && draft.ref === 0 && draft.on;
    if (!isPlain || draft.room !== room || draft.at !== at) break;
  }
  return count;
}

/** SQLite's result codes for faults that no draft can cause: no memory, a busy or read-only file, I/O errors, damage, a full disk. */
const DISK_FAULTS = new Set([5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 26]);

function isDiskFault(error: unknown): boolean {
  const { errcode } = error as { errcode?: number };
  return errcode !== undefined && DISK_FAULTS.has(errcode & 0xff);
}

function toEntry(row: Row): Entry {
  const entry: Entry = {
    seq: row.seq,
    at: row.at,
    kind: KINDS[row.kind] ?? "say",
    author: row.author ?? "",
    name: row.name ?? "",
    tag: row.tag ?? "",
    id: row.id ?? "",
    text: row.text,
    ref: row.ref,
    on: row.on !== 0,
  };
  return entry.kind === "ban" ? { ...entry, text: "", banned: decodeBanned(row.text) } : entry;
}

/** Encodes a ban's result as the text of its entry: no column holds it. */
function encodeBanned({ who: { name, tag }, until }: Banned): string {
  return JSON.stringify({ who: { name, tag }, until });
}

function decodeBanned(text: string): Banned {
  return JSON.parse(text);
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
    pragmas: { locking_mode: locking, journal_mode: "WAL", synchronous: "FULL" },
  });
}

/** Checks all pages of the file. @throws if one is damaged. */
function check(db: DatabaseSync): void {
  const found = db.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
  if (found !== "ok") throw new Error(`malformed: ${found}`);
}
