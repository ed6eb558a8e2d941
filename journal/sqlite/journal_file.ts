// Opens the file of the journal: for the one process that writes, with the lock of its folder, or for others that read.
import { closeSync, openSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { makePrivateFile } from "../../base/private_file.ts";
import { emptyWal, isOutdated, migrate, openDatabase } from "../../base/sqlite.ts";
import { ChatError } from "../../protocol/errors.ts";
import { explainFolder, FILE_NAME, lockFolder, syncWal } from "./data_folder.ts";
import { Quota, walBytes } from "./quota.ts";
import { checkJournal, JOURNAL_SCHEMA, readEpoch } from "./schema.ts";
import { prepare, type Statements } from "./statements.ts";
import { Wal } from "./wal.ts";

/** Maximum size of a file that is checked page by page before it is used. Takes some tenths of a second. */
const MAX_CHECKED_BYTES = 256 * 1024 * 1024;

/** An open journal. Disposing it closes the database and releases the lock. */
export interface JournalFile extends Disposable {
  /** Random id of this history. */
  readonly epoch: string;
  readonly sql: Statements;
  /** Undefined if the file is open for reading only. */
  readonly writer?: { readonly wal: Wal; readonly quota: Quota };
}

export interface FileOptions {
  /** Maximum size of the folder in bytes; Infinity for no limit. */
  readonly maxBytes?: number;
}

/**
 * Locks a folder, and opens its journal for writing. Creates both if they are missing, readable by their owner only.
 * @throws {ChatError} `data_unavailable`, with the reason and a remedy.
 */
export function openFile(folder: string, { maxBytes = Infinity }: FileOptions): JournalFile {
  const path = `${folder}/${FILE_NAME}`;
  using parts = new DisposableStack();
  try {
    parts.use(lockFolder(folder));
    makePrivateFile(path);
    syncWal(folder);
    const { size } = Deno.statSync(path);
    // Before the database, so that it is closed after it: closing a file releases the locks that the process has on it.
    const database = openSync(path, "r");
    parts.defer(() => closeSync(database));
    const db = openWriter(path);
    parts.defer(() => db.close());
    if (size <= MAX_CHECKED_BYTES) check(db);
    const isUpgrade = size > 0 && isOutdated(db, JOURNAL_SCHEMA);
    migrate(db, JOURNAL_SCHEMA);
    if (isUpgrade) emptyWal(db); // a step may have erased texts
    const options = { path: `${path}-wal`, database, maxKeptBytes: 2 * walBytes(maxBytes) };
    const wal = parts.use(new Wal(db, options));
    const writer = { wal, quota: new Quota(db, { wal, maxBytes }) };
    return makeFile(db, { parts, writer });
  } catch (cause) {
    throw unavailable(folder, cause);
  }
}

/** Opens the journal of a folder beside a server that may be using it. @throws {ChatError} `data_unavailable` */
export function openFileForReading(folder: string): JournalFile {
  using parts = new DisposableStack();
  try {
    const db = openDatabase(`${folder}/${FILE_NAME}`);
    parts.defer(() => db.close());
    checkJournal(db);
    // No server of this version has used it yet.
    if (isOutdated(db, JOURNAL_SCHEMA)) openFile(folder, {})[Symbol.dispose]();
    return makeFile(db, { parts });
  } catch (cause) {
    throw cause instanceof ChatError ? cause : unavailable(folder, cause);
  }
}

function makeFile(
  db: DatabaseSync,
  { parts, ...writer }: Pick<JournalFile, "writer"> & { parts: DisposableStack },
): JournalFile {
  const [epoch, sql] = [readEpoch(db), prepare(db)];
  const owned = parts.move();
  return { epoch, sql, ...writer, [Symbol.dispose]: () => owned.dispose() };
}

function unavailable(folder: string, cause: unknown): ChatError {
  const message = `Cannot use data folder "${folder}": ${explainFolder(cause as Error)}`;
  return new ChatError("data_unavailable", { cause, message });
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
