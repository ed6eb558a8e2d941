// The tables of the journal on disk, and how a file of an earlier version becomes one of this version.
import type { DatabaseSync } from "node:sqlite";

/** Marks the file as Confab's: "Cfab". */
const APPLICATION_ID = 0x43666162;

/** Each step takes a file from the version that is its index to the next one. A step never changes. */
const STEPS: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE authors (id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE);

  -- Who has which tag beside which name. Never removed: a name and a tag are one person for good.
  CREATE TABLE people (
    id INTEGER PRIMARY KEY,
    room INTEGER NOT NULL, author INTEGER NOT NULL, name TEXT NOT NULL, tag TEXT NOT NULL,
    UNIQUE (room, author, name), UNIQUE (room, name, tag)
  );

  -- Which id has become which entry. Never removed: an entry may be, its id is still used.
  CREATE TABLE ids (
    room INTEGER NOT NULL, author INTEGER NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (room, author, id)
  ) WITHOUT ROWID;

  CREATE TABLE entries (
    room INTEGER NOT NULL, seq INTEGER NOT NULL,
    at INTEGER NOT NULL, kind INTEGER NOT NULL, person INTEGER, id TEXT,
    text TEXT NOT NULL, ref INTEGER NOT NULL, "on" INTEGER NOT NULL,
    PRIMARY KEY (room, seq)
  ) WITHOUT ROWID;
  `,
  `
  -- How far a reader has come. By name, for it may wait in a room that has no row yet.
  CREATE TABLE cursors (
    reader TEXT NOT NULL, room TEXT NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (reader, room)
  ) WITHOUT ROWID;
  `,
  `
  -- What operators have laid down. It stays when the entry that says so is removed.
  ALTER TABLE rooms ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE bans (
    author INTEGER NOT NULL, address TEXT NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY (author, address)
  ) WITHOUT ROWID;
  `,
];

/**
 * Brings the file to the newest version, in one transaction.
 * @throws when the file is of a newer version, or of another program.
 */
export function migrate(db: DatabaseSync): void {
  db.exec("BEGIN EXCLUSIVE");
  const version = pragma(db, "user_version");
  const isEmpty = version === 0 && pragma(db, "page_count") <= 1;
  if (!isEmpty && pragma(db, "application_id") !== APPLICATION_ID) {
    throw new Error("its journal.db was created by another program");
  }
  checkVersion(version);
  // A file that is up to date is not written to: on a full disk what is in it can still be read.
  if (version < STEPS.length) {
    for (const step of STEPS.slice(version)) db.exec(step);
    db.exec(`PRAGMA user_version = ${STEPS.length}`);
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    db.prepare("INSERT INTO meta VALUES ('epoch', ?) ON CONFLICT DO NOTHING")
      .run(crypto.randomUUID());
  }
  db.exec("COMMIT");
}

/** The random id of this history. */
export function readEpoch(db: DatabaseSync): string {
  return db.prepare("SELECT value FROM meta WHERE key = 'epoch'").get()!["value"] as string;
}

/** @throws when the file is of a newer version, or no journal. */
export function checkJournal(db: DatabaseSync): void {
  if (pragma(db, "application_id") !== APPLICATION_ID) {
    throw new Error("it is not a Confab journal");
  }
  checkVersion(pragma(db, "user_version"));
}

/** Whether {@linkcode migrate} would change the file. */
export function isOutdated(db: DatabaseSync): boolean {
  return pragma(db, "user_version") < STEPS.length;
}

/** Makes the file another history: clients that know the one before start over. */
export function renewEpoch(db: DatabaseSync): void {
  db.prepare("UPDATE meta SET value = ? WHERE key = 'epoch'").run(crypto.randomUUID());
}

function checkVersion(version: number): void {
  if (version <= STEPS.length) return;
  throw new Error(
    `its journal.db has version ${version}, newer than this program's ${STEPS.length}. ` +
      "Use the newer program",
  );
}

function pragma(db: DatabaseSync, name: string): number {
  return db.prepare(`PRAGMA ${name}`).get()![name] as number;
}
