// Copies of a journal: one into a file while a server goes on, and one out of such a file into a folder that has none.
// Both are written beside their place and take it when they are whole; neither ever replaces anything.
import { backup, type DatabaseSync } from "node:sqlite";
import { FILE_NAME, lockFolder, openDatabase } from "./data_folder.ts";
import { checkJournal, migrate, renewEpoch } from "./schema.ts";

/** What a journal holds. */
export interface Contents {
  readonly rooms: number;
  readonly entries: number;
}

/** Copies the journal of a folder as it is at one moment. @throws {Error} why there is no copy. */
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
 * Makes a copy the journal of a folder. It becomes another history, with an epoch of its own: what was numbered after the
 * copy was made is gone, and clients that have seen it must not take new entries for it. Ids stay.
 * @throws {Error} why nothing was restored.
 */
export async function restore(file: string, folder: string): Promise<Contents> {
  const source = openDatabase(file, { readOnly: true });
  try {
    checkJournal(source);
    using _lock = lockFolder(folder);
    // What SQLite keeps beside a journal is of that journal, and would be played into this one.
    for (const ending of ["", "-wal", "-shm", "-journal"]) {
      checkAbsent(`${folder}/${FILE_NAME}${ending}`);
    }
    return await copyTo(`${folder}/${FILE_NAME}`, source, (db) => {
      migrate(db);
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
  // Nobody else's, whoever may write here.
  const part = `${file}.${crypto.randomUUID().slice(0, 8)}.part`;
  Deno.openSync(part, { createNew: true, write: true, mode: 0o600 }).close();
  try {
    // All pages in one step, which is one moment: between two steps another process may write, and it would begin anew.
    await backup(source, part, { rate: -1 });
    const contents = finish(part, change);
    place(part, file);
    return contents;
  } finally {
    removeFile(part);
  }
}

/** Unlike renaming, a link never replaces what has come meanwhile. Not every file system has links. */
function place(part: string, file: string): void {
  try {
    Deno.linkSync(part, file);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw error;
    checkAbsent(file);
    Deno.renameSync(part, file);
  }
}

/** Makes the copy one file that is whole. */
function finish(part: string, change: (db: DatabaseSync) => void): Contents {
  const db = openDatabase(part);
  try {
    db.exec("PRAGMA journal_mode = DELETE");
    change(db);
    const found = db.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"];
    if (found !== "ok") throw new Error(`malformed: ${found}`);
    const count = (what: string) =>
      db.prepare(`SELECT count(${what}) AS n FROM entries`).get()!["n"] as number;
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
