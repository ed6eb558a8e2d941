// Locks a data folder for one process and explains why a folder cannot be used. There are two locks: SQLite's exclusive lock on
// a small file beside the journal, and a lock of the system on the folder itself. Both end with the process, however that ends,
// so no lock is ever stale. The journal's own file stays free for others to read.
//
// The second lock does not depend on a name: deleting the file must not let a second process in. The first one serves systems
// that cannot lock a folder, excludes earlier versions of the program, and waits for a process that is just exiting.
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
  Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
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
  try {
    return directory.tryLockSync(true);
  } catch {
    return true; // Deno 2.6 lacks the method, and some network file systems the lock
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
