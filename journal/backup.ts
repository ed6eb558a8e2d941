// Copies of a journal: one into a file while a server goes on, and one out of such a file into a folder that has none.
// Both are written beside their place and take it when they are whole; neither ever replaces anything.
import { backup, type DatabaseSync } from "node:sqlite";
import { FILE_NAME, lockFolder, makePrivateFile, openDatabase } from "./folder.ts";
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
    checkAbsent(`${folder}/${FILE_NAME}`);
    removeFile(`${folder}/${FILE_NAME}.part`); // of one that was cut off: the folder is ours
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
  const part = `${file}.part`;
  checkAbsent(part);
  makePrivateFile(part);
  try {
    // All pages in one step, which is one moment: between two steps another process may write, and it would begin anew.
    await backup(source, part, { rate: -1 });
    const contents = finish(part, change);
    checkAbsent(file);
    Deno.renameSync(part, file);
    return contents;
  } catch (error) {
    removeFile(part);
    throw error;
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
  throw new Error(`"${path}" is there already, and is never replaced`);
}

function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
