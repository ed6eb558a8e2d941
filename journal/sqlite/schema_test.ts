import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { migrate } from "../../base/sqlite.ts";
import { openSqliteJournal } from "./sqlite_journal.ts";
import { JOURNAL_SCHEMA } from "./schema.ts";

Deno.test("JOURNAL_SCHEMA keeps its released steps and its application id", () => {
  const hashes = JOURNAL_SCHEMA.steps.map((step) =>
    createHash("sha256").update(step).digest("hex").slice(0, 16)
  );
  assertEquals(hashes, [
    "3d3d748cd09b438a",
    "6e8aba54b5b3f417",
    "e59ea09c9f8b0f60",
    "30538acac979d310",
    "abab077aecc8e22c",
    "2850111cb26c3956",
  ]);
  assertEquals(JOURNAL_SCHEMA.applicationId, 0x43666162);
});

Deno.test("JOURNAL_SCHEMA gives each author of an older file one tag, and no two the same", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "confab-schema-" });
  try {
    const people = [
      ["abcdefgh", "Ann", "abcd"],
      ["abcdefxy", "Eve", "abcd"], // ground for Ann's tag, under another name
      ["abcdefxy", "Ann", "abcde"],
      ["abcdefzz", "Eve", "abcde"],
      ["abcdefgh", "Eve", "abcdef"],
      ["bbbbbbbb", "Ben", "bbbb"],
      ["0000u0000", "Ann", "0000"],
      ["0000u1111", "Ben", "0000"],
    ];
    const db = new DatabaseSync(`${folder}/journal.db`);
    migrate(db, { ...JOURNAL_SCHEMA, steps: JOURNAL_SCHEMA.steps.slice(0, 4) });
    db.exec("INSERT INTO rooms (id, name) VALUES (1, 'lobby'), (2, 'ops')");
    for (const [seq, [hash = "", name = "", tag = ""]] of people.entries()) {
      db.prepare("INSERT OR IGNORE INTO authors (hash) VALUES (?)").run(hash);
      const { id } = db.prepare("SELECT id FROM authors WHERE hash = ?").get(hash)!;
      const { lastInsertRowid } = db.prepare(
        "INSERT INTO people (room, author, name, tag) VALUES (1, ?, ?, ?)",
      ).run(id!, name, tag);
      db.prepare("INSERT INTO entries VALUES (1, ?, 0, 0, ?, NULL, '', 0, 1)")
        .run(seq + 1, lastInsertRowid);
    }
    db.exec(
      "INSERT INTO people (room, author, name, tag) SELECT 2, id, 'X', 'abcd' FROM authors LIMIT 1",
    );
    // Ann's and Eve's bans: one name and one tag have been one author.
    for (const [seq, name] of ["Ann", "Eve"].entries()) {
      const banned = JSON.stringify({ who: { name, tag: "abcd" }, until: 7 });
      db.prepare("INSERT INTO entries VALUES (1, ?, 0, 5, NULL, NULL, ?, 0, 1)")
        .run(people.length + seq + 1, banned);
    }
    db.close();
    using journal = openSqliteJournal(folder);
    const entries = journal.read("lobby", { after: 0 }, { entries: 10, chars: 1 << 20 });
    assertEquals(entries.splice(people.length).map(({ banned }) => banned), [
      { who: { name: "Ann", tag: "abcd" }, until: 7 },
      { who: { name: "Eve", tag: "abcde" }, until: 7 },
    ]);
    assertEquals(entries.map(({ author, name, tag }) => [author, name, tag]), [
      ["abcdefgh", "Ann", "abcd"],
      ["abcdefxy", "Eve", "abcde"],
      ["abcdefxy", "Ann", "abcde"],
      ["abcdefzz", "Eve", "abcdef"],
      ["abcdefgh", "Eve", "abcd"],
      ["bbbbbbbb", "Ben", "bbbb"],
      ["0000u0000", "Ann", "0000"],
      ["0000u1111", "Ben", "0000"],
    ]);
    assertEquals(journal.claimTag("lobby", "abcdefgh", "Anna"), "abcd");
    assertEquals(journal.claimTag("lobby", "abcdefxy", "Eva"), "abcde");
    assertEquals(journal.claimTag("lobby", "abcdeffff", "Eva"), "abcdeff");
    assertEquals(journal.tagOf("ops", "abcdefgh"), "abcd");
    await journal.append([]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
