import { assertEquals, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { ChatError } from "../protocol/errors.ts";
import { openSessionStore, SESSION_SCHEMA } from "./session_store.ts";

Deno.test("SESSION_SCHEMA keeps its released steps and its application id", () => {
  const hashes = SESSION_SCHEMA.steps.map((step) =>
    createHash("sha256").update(step).digest("hex").slice(0, 16)
  );
  assertEquals(hashes, ["d6857ca4dfe532ac"]);
  assertEquals(SESSION_SCHEMA.applicationId, 0x43616363);
});

Deno.test("openSessionStore() refuses a file of another program or of a newer version, and closes it", () => {
  for (const sql of ["PRAGMA user_version = 2", "PRAGMA application_id = 7"]) {
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
