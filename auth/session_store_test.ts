import { assert, assertEquals, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { ChatError } from "../protocol/errors.ts";
import { openSessionStore, SESSION_SCHEMA, SessionStore } from "./session_store.ts";

const NOW = 1_790_000_000_000;

Deno.test("SESSION_SCHEMA keeps its released steps and its application id", () => {
  const hashes = SESSION_SCHEMA.steps.map((step) =>
    createHash("sha256").update(step).digest("hex").slice(0, 16)
  );
  assertEquals(hashes, ["d6857ca4dfe532ac", "dd2411397673c055"]);
  assertEquals(SESSION_SCHEMA.applicationId, 0x43616363);
});

Deno.test("openSessionStore() refuses new sessions in a full store, and those that exist go on", async () => {
  const folder = await Deno.makeTempDir({ prefix: "confab-sessions-" });
  const maxBytes = 400 * 1024;
  try {
    using store = openSessionStore(folder, { maxBytes });
    const size = () =>
      [...Deno.readDirSync(folder)]
        .reduce((sum, { name }) => sum + Deno.statSync(`${folder}/${name}`).size, 0);
    const member = { role: "member", room: undefined } as const;
    let count = 0;
    const error = assertThrows(() => {
      for (; count < 10_000; count++) {
        store.addSession(`session ${count}`, member, NOW);
        assert(size() <= maxBytes, `${size()}`);
      }
    }, ChatError);
    assertEquals(error.code, "data_full");
    assert(count > 100, `${count}`);
    const invite = { room: undefined, expiresAt: NOW + 1 };
    assertEquals(
      assertThrows(() => store.addInvite("a", invite, NOW), ChatError).code,
      "data_full",
    );
    for (let n = 0; n < count; n++) {
      assertEquals(store.findSession(`session ${n}`, NOW + 2 * 3_600_000), member);
      assert(size() <= maxBytes, `${size()}`);
    }
    for (let n = 0; n < count; n++) store.endSession(`session ${n}`);
    store.addSession("another", member, NOW);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("openSessionStore() refuses a file of another program or of a newer version, and closes it", () => {
  for (const sql of ["PRAGMA user_version = 3", "PRAGMA application_id = 7"]) {
    const folder = Deno.makeTempDirSync();
    try {
      openSessionStore(folder)[Symbol.dispose]();
      const path = `${folder}/access.db`;
      const db = new DatabaseSync(path);
      db.exec(sql);
      db.close();
      const error = assertThrows(() => openSessionStore(folder), ChatError);
      assertEquals(error.code, "data_unavailable");
      assertEquals(
        error.message,
        `Cannot use "${path}": it was created by another program or a newer version`,
      );
      const other = new DatabaseSync(path);
      other.exec("CREATE TABLE more (id INTEGER)"); // the store that failed has released its lock
      other.close();
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }
});

Deno.test("SessionStore migrates a file of version 1, whose sessions count as used", () => {
  const db = new DatabaseSync(":memory:");
  db.exec(SESSION_SCHEMA.steps[0]!);
  db.exec(`PRAGMA user_version = 1; PRAGMA application_id = ${SESSION_SCHEMA.applicationId}`);
  const insert = db.prepare("INSERT INTO sessions VALUES (?, 'guest', NULL, 1, ?)");
  for (let i = 0; i < 1_000; i++) insert.run(`${i}`, 1_000 + i);
  using store = new SessionStore(db);
  const guest = { role: "guest", room: undefined, invite: 1 } as const;
  const error = assertThrows(() => store.addSession("new", guest, 3_000), ChatError);
  assertEquals(error.code, "too_many_sessions");
  assertEquals(store.findSession("0", 3_000), { role: "guest", room: undefined });
});

Deno.test("SessionStore.addSession() bounds the sessions of the password, and those of the operator key apart", () => {
  const db = new DatabaseSync(":memory:");
  using store = new SessionStore(db);
  const insert = db.prepare("INSERT INTO sessions VALUES (?, 'member', NULL, NULL, ?, ?)");
  for (let i = 0; i < 9_999; i++) insert.run(`${i}`, 1_000 + i, 1);
  const member = { role: "member", room: undefined } as const;
  assertEquals(store.addSession("last", member, 20_000), undefined);
  assertEquals(store.addSession("next", member, 20_000), "last");
  assertEquals(store.findSession("next", 20_000)?.role, "member");
  assertThrows(() => store.addSession("refused", member, 20_000), ChatError);
  assertEquals(store.addSession("key", { ...member, role: "operator" }, 20_000), undefined);
  store.endSession("0");
  assertEquals(store.addSession("again", member, 20_000), undefined);
});

Deno.test("SessionStore.findSession() replaces a use that lies in the future, because the date was wrong", () => {
  using store = new SessionStore(new DatabaseSync(":memory:"));
  const member = { role: "member", room: undefined } as const;
  const day = 24 * 3_600_000;
  store.addSession("a", member, 1_000 * day);
  assertEquals(store.findSession("a", 1_000 * day), member);
  assertEquals(store.findSession("a", 10 * day), member); // the date is right again
  assertEquals(store.findSession("a", 39 * day), member);
  assertEquals(store.findSession("a", 70 * day), undefined);
});
