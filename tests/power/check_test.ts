import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { clearGaps } from "./check.ts";

Deno.test("clearGaps() clears the space between the pointers and the rows of a page, and nothing else", () => {
  const folder = Deno.makeTempDirSync({ prefix: "confab-gap-" });
  try {
    const path = `${folder}/a.db`;
    const db = new DatabaseSync(path);
    db.exec("CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL)");
    const rows = db.prepare("INSERT INTO texts (text) VALUES (?)");
    for (let n = 0; n < 50; n++) rows.run(`row ${n} ${"x".repeat(n % 7 === 0 ? 9_000 : 200)}`);
    db.close();
    const file = Deno.readFileSync(path);
    const gap = 4096 + 8 + 2 * new DataView(file.buffer).getUint16(4096 + 3) + 20;
    file[gap] = 65;
    clearGaps(file);
    assertEquals(file[gap], 0);
    Deno.writeFileSync(path, file);
    using again = new DatabaseSync(path);
    assertEquals(again.prepare("PRAGMA integrity_check").get()!["integrity_check"], "ok");
    const texts = again.prepare("SELECT text FROM texts").all().map(({ text }) => text as string);
    assertEquals(texts.length, 50);
    assert(texts.every((text, n) => text.startsWith(`row ${n} x`) && text.endsWith("x")));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
