// Copies a journal into a file while a server is running, and from such a file into a folder without a journal. Both copies
// are written to a temporary file beside the target, and get their final name when complete. Neither ever replaces a file.
import { backup, type DatabaseSync } from "node:sqlite";
import { dirname } from "node:path";
import { migrate, openDatabase } from "../../base/sqlite.ts";
import { FILE_NAME, lockFolder, syncNames } from "./data_folder.ts";
import { checkJournal, JOURNAL_SCHEMA, renewEpoch } from "./schema.ts";

/** Number of rooms and entries in a journal. */
export interface Contents {
  readonly rooms: number;
  readonly entries: number;
}

/** Copies the journal of a folder to a file, as it is at one moment. @throws {Error} with the reason if it cannot. */
export async function backUp(folder: string, file: string): Promise<Contents> {
  checkAbsent(file);
  const source = openDatabase(`${folder}/${FILE_NAME}`);
  try {
    checkJournal(source);
    return await copyTo(file, source, () => {});
  } finally {
    source.close();
  }
}

/**
 * Restores a backup as the journal of a folder. It becomes another history with a new epoch: entries that were numbered
 * after the backup are gone, and clients that have seen them must not mistake new entries for them. Ids stay.
 * @throws {Error} with the reason if nothing was restored.
 */
export async function restore(file: string, folder: string): Promise<Contents> {
  const source = openDatabase(file, { readOnly: true });
  try {
    checkJournal(source);
    using _lock = lockFolder(folder);
    // SQLite would replay the WAL or rollback file of a former journal into this one.
    for (const ending of ["", "-wal", "-shm", "-journal"]) {
      checkAbsent(`${folder}/${FILE_NAME}${ending}`);
    }
    return await copyTo(`${folder}/${FILE_NAME}`, source, (db) => {
      migrate(db, JOURNAL_SCHEMA);
      renewEpoch(db);
    });
  } finally {
    source.close();
  }
}

async function copyTo(
  file: string,
  source: DatabaseSync,
  change: (db: DatabaseSync) => void,
): Promise<Contents> {
  // A random name and `createNew`: the file is ours alone, even if others may write to this folder.
  const part = `${file}.${crypto.randomUUID().slice(0, 8)}.part`;
  Deno.openSync(part, { createNew: true, write: true, mode: 0o600 }).close();
  try {
    // All pages in one step, which is one moment. Between two steps another process may write, and the copy would restart.
    await backup(source, part, { rate: -1 });
    const contents = finish(part, change);
    publish(part, file);
    return contents;
  } finally {
    removeFile(part);
    syncNames(dirname(file));
  }
}

/**
 * Gives the finished copy its final name. A hard link, unlike a rename, never replaces a file that was created meanwhile.
 * Not every file system has links.
 */
function publish(part: string, file: string): void {
  try {
    Deno.linkSync(part, file);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw error;
    checkAbsent(file);
    Deno.renameSync(part, file);
  }
}

/** Makes the copy a single file without a WAL, checks its integrity and counts its contents. */
function finish(part: string, change: (db: DatabaseSync) => void): Contents {
  const db = openDatabase(part);
  try {
    db.exec("PRAGMA journal_mode = DELETE");
    change(db);
    const found = db.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"];
    if (found !== "ok") throw new Error(`malformed: ${found}`);
    const count = (column: string) =>
      db.prepare(`SELECT count(${column}) AS n FROM entries`).get()!["n"] as number;
    return { rooms: count("DISTINCT room"), entries: count("*") };
  } finally {
    db.close();
  }
}

function checkAbsent(path: string): void {
  try {
    Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  throw new Error(`"${path}" already exists and is never replaced`);
}

function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
