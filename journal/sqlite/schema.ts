// Defines the tables of the journal on disk and the steps from each version of the file to the next.
import type { DatabaseSync } from "node:sqlite";
import { checkSchema, type Schema, SchemaError } from "../../base/sqlite.ts";

/** Each step takes a file from the version that is its index to the next one. A released step never changes. */
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
  `
  -- The edits of each message: they are blanked with it, and the last one counts.
  CREATE INDEX edits ON entries (room, ref) WHERE kind = 1;
  -- A deletion used to hide texts only. A message or an edit with "on" = 0 is deleted and has no text.
  UPDATE entries SET text = '', "on" = 0
    WHERE kind = 0 AND (room, seq) IN (SELECT room, ref FROM entries WHERE kind = 2);
  UPDATE entries SET text = '', "on" = 0
    WHERE kind = 1 AND (room, ref) IN (SELECT room, ref FROM entries WHERE kind = 2);
  `,
  `
  -- An id of an author without a key ends some time after "at". Until then "content" is the hash of its message, unless that is
  -- deleted. Other ids have neither, and are compared with their entries. Nothing tells how old an id without an entry is.
  ALTER TABLE ids ADD COLUMN at INTEGER;
  ALTER TABLE ids ADD COLUMN content TEXT;
  UPDATE ids SET at = 1000 * unixepoch()
    WHERE author IN (SELECT id FROM authors WHERE hash GLOB '0000u*');
  CREATE INDEX ending_ids ON ids (at) WHERE at IS NOT NULL;
  `,
  `
  -- Gives each author of a room one tag, whatever its names; no two authors have the same one. So far a tag was unique beside one
  -- name only. The author who had a tag first keeps it. Authors without a key (0000u...) share theirs.
  CREATE TABLE tags (
    room INTEGER NOT NULL, author INTEGER NOT NULL, tag TEXT NOT NULL,
    PRIMARY KEY (room, author), UNIQUE (room, tag)
  ) WITHOUT ROWID;
  INSERT OR IGNORE INTO tags
    SELECT room, author, tag FROM people JOIN authors ON authors.id = author
    WHERE hash NOT LIKE '0000u%' ORDER BY people.id;
  -- The others get a prefix of their own.
  WITH RECURSIVE lengths (n) AS (VALUES (6) UNION ALL SELECT n + 1 FROM lengths WHERE n < 26)
  INSERT OR IGNORE INTO tags
    SELECT room, author, substr(hash, 1, n)
    FROM people JOIN authors ON authors.id = author, lengths
    WHERE hash NOT LIKE '0000u%' AND NOT EXISTS (
      SELECT 1 FROM tags WHERE tags.room = people.room AND tags.author = people.author
    )
    ORDER BY people.id, n;
  -- The entry of a ban (kind 5) has the tag in its text. Name and tag have been those of one author so far.
  UPDATE entries SET text = json_set(text, '$.who.tag', tags.tag)
    FROM people JOIN tags ON tags.room = people.room AND tags.author = people.author
    WHERE kind = 5 AND entries.room = people.room AND people.name = json_extract(text, '$.who.name')
      AND people.tag = json_extract(text, '$.who.tag');
  -- In two steps, so that no row meets the old tag of another one.
  UPDATE people SET tag = '-' || id WHERE tag <> (
    SELECT tag FROM tags WHERE tags.room = people.room AND tags.author = people.author
  );
  UPDATE people SET tag = (
    SELECT tag FROM tags WHERE tags.room = people.room AND tags.author = people.author
  ) WHERE tag LIKE '-%';
  DROP TABLE tags;
  CREATE INDEX people_by_tag ON people (room, tag);

  -- Reactions (kind 3) to an entry: the different emoji, and those of one person.
  CREATE INDEX emoji ON entries (room, ref, text) WHERE kind = 3 AND "on";
  CREATE INDEX reactions ON entries (room, ref, person) WHERE kind = 3;
  `,
];

/** The schema of journal.db. Its application id reads "Cfab". */
export const JOURNAL_SCHEMA: Schema = {
  applicationId: 0x43666162,
  steps: STEPS,
  afterSteps: (db) => {
    db.prepare("INSERT INTO meta VALUES ('epoch', ?) ON CONFLICT DO NOTHING")
      .run(crypto.randomUUID());
  },
  subject: "its journal.db",
};

/** Returns the random id of this history. */
export function readEpoch(db: DatabaseSync): string {
  return db.prepare("SELECT value FROM meta WHERE key = 'epoch'").get()!["value"] as string;
}

/** Checks that a file is a journal that this program can read. @throws {Error} if it is newer, or no journal. */
export function checkJournal(db: DatabaseSync): void {
  try {
    checkSchema(db, JOURNAL_SCHEMA);
  } catch (cause) {
    if (!(cause instanceof SchemaError) || cause.reason !== "foreign") throw cause;
    throw new Error("it is not a Confab journal", { cause });
  }
}

/** Makes the file another history: clients that know the previous one start over. */
export function renewEpoch(db: DatabaseSync): void {
  db.prepare("UPDATE meta SET value = ? WHERE key = 'epoch'").run(crypto.randomUUID());
}
