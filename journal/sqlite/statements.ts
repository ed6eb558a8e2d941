// Lists and prepares the SQL statements of the journal on disk.
import type { DatabaseSync } from "node:sqlite";
import { prepareAll, type Prepared } from "../../base/sqlite.ts";

const COLUMNS = `seq, at, kind, authors.hash AS author, name, tag, entries.id AS id, text, ref, "on"
  FROM entries LEFT JOIN people ON people.id = person LEFT JOIN authors ON authors.id = author`;

const SQL = {
  begin: "BEGIN IMMEDIATE",
  commit: "COMMIT",
  rollback: "ROLLBACK",
  savepoint: "SAVEPOINT draft",
  release: "RELEASE draft",
  rollBackTo: "ROLLBACK TO draft",
  findRoom: "SELECT id FROM rooms WHERE name = ?",
  addRoom: "INSERT INTO rooms (name) VALUES (?)",
  findRooms: `SELECT name FROM rooms
    WHERE EXISTS (SELECT 1 FROM entries WHERE entries.room = rooms.id)`,
  findEnds: `SELECT
    (SELECT max(seq) FROM entries WHERE room = ?1) AS head,
    (SELECT min(seq) FROM entries WHERE room = ?1) AS first`,
  findAuthor: "SELECT id FROM authors WHERE hash = ?",
  addAuthor: "INSERT INTO authors (hash) VALUES (?) ON CONFLICT DO NOTHING",
  findPerson: `SELECT people.id AS person, author, tag
    FROM people JOIN authors ON authors.id = author WHERE room = ? AND hash = ? AND name = ?`,
  findTag: `SELECT tag FROM people JOIN authors ON authors.id = author
    WHERE room = ? AND hash = ? LIMIT 1`,
  findTagHolder: "SELECT 1 FROM people WHERE room = ? AND tag = ? LIMIT 1",
  addPerson: `INSERT INTO people (room, author, name, tag) VALUES (?, ?, ?, ?)
    ON CONFLICT DO NOTHING`,
  findId: `SELECT seq, content FROM ids JOIN authors ON authors.id = author
    WHERE room = ? AND hash = ? AND ids.id = ?`,
  addId: `INSERT INTO ids (room, author, id, seq, at, content) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING`,
  findOldestId: "SELECT min(at) AS at FROM ids WHERE at IS NOT NULL",
  endIds: `DELETE FROM ids WHERE (room, author, id) IN
    (SELECT room, author, id FROM ids WHERE at < ? ORDER BY at LIMIT ?)`,
  // Skips from one emoji to the next, however many people have used it.
  findEmoji: `WITH RECURSIVE found (emoji) AS (
      SELECT min(text) FROM entries WHERE kind = 3 AND "on" AND room = ?1 AND ref = ?2
      UNION ALL
      SELECT (
        SELECT min(text) FROM entries
        WHERE kind = 3 AND "on" AND room = ?1 AND ref = ?2 AND text > emoji
      ) FROM found WHERE emoji IS NOT NULL LIMIT ?3
    ) SELECT emoji FROM found WHERE emoji IS NOT NULL`,
  countReactions: `SELECT count(*) AS count FROM entries WHERE kind = 3 AND room = ?1 AND ref = ?2
    AND person IN (
      SELECT people.id FROM people JOIN authors ON authors.id = author
      WHERE people.room = ?1 AND hash = ?3
    )`,
  addEntry: `INSERT INTO entries (room, seq, at, kind, person, id, text, ref, "on")
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  addPlain: `INSERT INTO entries (room, seq, at, kind, text, ref, "on")
    SELECT ?1, ?2 + key, ?3, 0, value, 0, 1 FROM json_each(?4)`,
  readAfter: `SELECT ${COLUMNS} WHERE entries.room = ? AND seq > ? ORDER BY seq LIMIT ?`,
  readBefore: `SELECT ${COLUMNS} WHERE entries.room = ? AND seq < ? AND seq > ?
    ORDER BY seq DESC LIMIT ?`,
  erase: `UPDATE entries SET text = '', "on" = 0 WHERE room = ? AND seq = ? AND kind = 0 AND "on"`,
  eraseEdits: `UPDATE entries SET text = '', "on" = 0 WHERE room = ? AND kind = 1 AND ref = ?`,
  eraseContent: `UPDATE ids SET content = NULL WHERE (room, author, id) IN
    (SELECT entries.room, author, entries.id FROM entries JOIN people ON people.id = person
      WHERE entries.room = ? AND seq = ?)`,
  isErased: `SELECT 1 FROM entries WHERE room = ? AND seq = ? AND kind = 0 AND NOT "on"`,
  findLastEdit: `SELECT ${COLUMNS} WHERE entries.room = ?1 AND seq = (
    SELECT max(seq) FROM entries WHERE room = ?1 AND kind = 1 AND ref = (
      SELECT min(ref) FROM entries WHERE room = ?1 AND kind = 1 AND ref >= ?2))`,
  prune: "DELETE FROM entries WHERE room = ? AND seq <= ?",
  putClosed: "UPDATE rooms SET closed = ? WHERE id = ?",
  findClosed: "SELECT name FROM rooms WHERE closed",
  putBan: "INSERT OR REPLACE INTO bans (author, address, until) VALUES (?, ?, ?)",
  lift: "DELETE FROM bans WHERE author = ?",
  dropEnded: "DELETE FROM bans WHERE until <= ?",
  findBans: `SELECT hash AS author, address, until
    FROM bans JOIN authors ON authors.id = author`,
  findCursor: "SELECT seq FROM cursors WHERE reader = ? AND room = ?",
  putCursor: "INSERT OR REPLACE INTO cursors (reader, room, seq) VALUES (?, ?, ?)",
} as const;

/** Statements by name. */
export type Statements = Prepared<keyof typeof SQL>;

/** Prepares all statements of the journal. */
export function prepare(db: DatabaseSync): Statements {
  return prepareAll(db, SQL);
}
