// Locks a data folder for one process and explains why a folder cannot be used. There are two locks: SQLite's exclusive lock on
// a small file beside the journal, and a lock of the system on the folder itself. Both end with the process, however that ends,
// so no lock is ever stale. The journal's own file stays free for others to read.
//
// The second lock does not depend on a name: deleting the file must not let a second process in. The first one serves systems
// that cannot lock a folder, excludes earlier versions of the program, and waits for a process that is just exiting.
import { dirname } from "node:path";
import { ChatError } from "../../protocol/errors.ts";
import { makePrivateFile } from "../../base/private_file.ts";
import { openDatabase } from "../../base/sqlite.ts";

/** Name of the journal in its folder. */
export const FILE_NAME = "journal.db";

/** Name of the file that is locked. It stays empty, and its existence means nothing. */
const LOCK_NAME = "journal.lock";

/**
 * Locks a folder until the result is disposed. Creates the folder if it is missing, for its owner only.
 * @throws {Error} `database is locked` if another process has locked it.
 */
export function lockFolder(folder: string): Disposable {
  makeFolder(folder);
  using locks = new DisposableStack();
  const directory = openDirectory(folder);
  if (directory) locks.use(directory);
  const path = `${folder}/${LOCK_NAME}`;
  makePrivateFile(path);
  // In memory: SQLite creates no further file and writes nothing on a full disk.
  const db = openDatabase(path, { pragmas: { journal_mode: "MEMORY" } });
  locks.defer(() => db.close());
  db.exec("BEGIN EXCLUSIVE");
  if (directory && !tryLock(directory)) throw new Error("database is locked");
  return locks.move();
}

/** Opens a folder to lock it. Returns undefined on systems that cannot: there, an open file cannot be deleted. */
function openDirectory(folder: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(folder);
  } catch {
    return undefined; // Windows; any other reason also fails the file in the folder, with a better error
  }
}

/** Returns false if another process has locked the folder; true if it is locked, or cannot be. */
function tryLock(directory: Deno.FsFile): boolean {
  const lockable: Disposable & { tryLockSync?(exclusive: boolean): boolean } = directory;
  try {
    return lockable.tryLockSync?.(true) ?? true; // Deno 2.6 lacks the method
  } catch {
    return true; // some network file systems lack the lock
  }
}

/**
 * Creates a folder that is missing, and those above it. SQLite syncs the names in the folder of a database, but nobody else
 * syncs the folder's own name: a power cut could take it away with everything that was acknowledged.
 */
function makeFolder(folder: string): void {
  const parent = dirname(folder);
  if (isMissing(parent)) makeFolder(parent);
  Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  syncNames(parent);
}

/** Syncs the names in a folder, so that a file that was created, renamed or removed there stays so after a power cut. */
export function syncNames(folder: string): void {
  try {
    using opened = Deno.openSync(folder);
    opened.syncSync();
  } catch { /* not every system can; SQLite goes on as well */ }
}

/**
 * Syncs the WAL of a process that was killed before it could do so. SQLite would replay it from the memory of the system, and
 * this process would acknowledge its entries without another sync. Call it before SQLite opens the journal.
 */
export function syncWal(folder: string): void {
  try {
    using wal = Deno.openSync(`${folder}/${FILE_NAME}-wal`, { read: true, write: true });
    wal.syncSync();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  syncNames(folder);
}

function isMissing(path: string): boolean {
  try {
    Deno.statSync(path);
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}

/**
 * Checks that a folder contains a journal, because opening one would create it.
 * @throws {ChatError} `data_unavailable` if there is none.
 */
export function checkHasJournal(folder: string): void {
  try {
    if (Deno.statSync(`${folder}/${FILE_NAME}`).isFile) return;
  } catch { /* reported below: the folder contains no journal */ }
  const message = `Cannot use data folder "${folder}": it contains no journal. ` +
    "Choose another folder with --data DIR";
  throw new ChatError("data_unavailable", { message });
}

/** Returns the reason of an error, and the remedy if another process has locked the folder. */
export function explainLock({ message }: Error): string {
  return /locked|busy/.test(message)
    ? "another process uses it. Stop that process, or choose another folder with --data DIR"
    : message;
}

/** Returns why a folder cannot be used, and the remedy. */
export function explainFolder(error: Error): string {
  if (/malformed|not a database/.test(error.message)) {
    return `its ${FILE_NAME} is damaged (${error.message}). ` +
      "Move it and its -wal and -shm files away, then start with an empty journal or restore a backup";
  }
  return explainLock(error);
}
