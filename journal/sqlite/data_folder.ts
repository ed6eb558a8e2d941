// A data folder: what is in it, and which process it belongs to. That is the one that holds SQLite's exclusive lock on a
// small file beside the journal: the lock ends with the process, however that ends, so that none is ever stale, and the
// journal's own file stays free for others to read.
import { DatabaseSync } from "node:sqlite";
import { ChatError } from "../../protocol/errors.ts";
import { makePrivateFile } from "../../base/private_file.ts";

/** The journal in its folder. */
export const FILE_NAME = "journal.db";

/** The file that is locked. It stays empty; its being there means nothing. */
const LOCK_NAME = "journal.lock";

/** How long to wait for a process that is just leaving the folder. */
const BUSY_TIMEOUT_MS = 2_000;

/**
 * Takes the folder until it is disposed, and makes it where it is missing: for its owner only.
 * @throws {Error} `database is locked` when another process has it.
 */
export function lockFolder(folder: string): Disposable {
  Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = `${folder}/${LOCK_NAME}`;
  makePrivateFile(path);
  const db = openDatabase(path);
  try {
    db.exec("PRAGMA journal_mode = MEMORY"); // no further file, and nothing written on a full disk
    db.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    db.close();
    throw error;
  }
  return { [Symbol.dispose]: () => db.close() };
}

/** @throws {ChatError} `data_unavailable` when there is no journal in the folder: opening one would make it. */
export function checkHasJournal(folder: string): void {
  try {
    if (Deno.statSync(`${folder}/${FILE_NAME}`).isFile) return;
  } catch { /* told as there being none */ }
  const message = `Cannot use data folder "${folder}": it contains no journal. ` +
    "Choose another folder with --data DIR";
  throw new ChatError("data_unavailable", { message });
}

/** Opens an SQLite file, to wait a little where others are at it. */
export function openDatabase(path: string, options: { readOnly?: boolean } = {}): DatabaseSync {
  const db = new DatabaseSync(path, options);
  db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  return db;
}

/** What is wrong, and what to do about a folder that another process has. */
export function explainLock({ message }: Error): string {
  return /locked|busy/.test(message)
    ? "another process uses it. Stop that process, or choose another folder with --data DIR"
    : message;
}

/** What is wrong with a folder, and what to do about it. */
export function explainFolder(error: Error): string {
  if (/malformed|not a database/.test(error.message)) {
    return `its ${FILE_NAME} is damaged (${error.message}). ` +
      "Move it and its -wal and -shm files away, then start with an empty journal or restore a backup";
  }
  return explainLock(error);
}
