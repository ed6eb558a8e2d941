import { assertEquals, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { ChatError } from "../protocol/errors.ts";
import { openSessionStore, SESSION_SCHEMA, SessionStore } from "./session_store.ts";

Deno.test("SESSION_SCHEMA keeps its released steps and its application id", () => {
  const hashes = SESSION_SCHEMA.steps.map((step) =>
    createHash("sha256").update(step).digest("hex").slice(0, 16)
  );
  assertEquals(hashes, ["d6857ca4dfe532ac", "dd2411397673c055"]);
  assertEquals(SESSION_SCHEMA.applicationId, 0x43616363);
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
