// Tests that a data folder of version 4 goes on: everybody keeps the name, and nobody has the tag of somebody else. Its rows
// are those that a server of that version has stored. Eve's key was ground for Ann's four characters.
import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { migrate } from "../base/sqlite.ts";
import { JOURNAL_SCHEMA } from "../journal/sqlite/schema.ts";
import { startProgram } from "./support/program.ts";

const ANN_KEY = "ann's secret key 0123456789abcdef";
const EVE_KEY = "eve's secret key 0000000001426462";

const ROWS = `
  INSERT INTO meta VALUES ('epoch', 'cda5b045-1728-45cd-98b7-a183d3b91e30');
  INSERT INTO rooms VALUES (1, 'lobby', 0);
  INSERT INTO authors VALUES
    (1, 'yf4q9p20kgbf827xmy1asnyy20'), (2, 'yf4q1z4jgt568ns2d37dszg5z5'),
    (3, '0000u6jd36pf70dvzk4cnzrd68');
  INSERT INTO people VALUES
    (1, 1, 1, 'Ann', 'yf4q'), (2, 1, 2, 'Eve', 'yf4q'), (3, 1, 2, 'Ann', 'yf4q1'),
    (4, 1, 1, 'Anna', 'yf4q'), (5, 1, 3, 'Ann', '0000');
  INSERT INTO ids VALUES
    (1, 1, '1', 1), (1, 1, '2', 4), (1, 1, '3', 6), (1, 1, '4', 8), (1, 2, '1', 2), (1, 2, '2', 3),
    (1, 2, '3', 7), (1, 2, '4', 9), (1, 3, '1', 5);
  INSERT INTO entries VALUES
    (1, 1, 1796094120201, 0, 1, '1', 'by Ann', 0, 1),
    (1, 2, 1796094120230, 0, 2, '1', 'by Eve', 0, 1),
    (1, 3, 1796094120247, 0, 3, '2', '', 0, 0),
    (1, 4, 1796094120266, 0, 4, '2', 'by Ann as Anna', 0, 1),
    (1, 5, 1796094120276, 0, 5, '1', 'by nobody', 0, 1),
    (1, 6, 1796094120285, 3, 1, '3', '👍', 2, 1),
    (1, 7, 1796094120290, 3, 2, '3', 'x1', 2, 1),
    (1, 8, 1796094120295, 1, 1, '4', 'by Ann, edited', 1, 1),
    (1, 9, 1796094120302, 2, 2, '4', '', 3, 1);
`;

Deno.test("program: in a folder of version 4 people keep their names and messages, and no two have one tag", async () => {
  const data = await Deno.makeTempDir({ prefix: "confab-upgrade-" });
  {
    using db = new DatabaseSync(`${data}/journal.db`);
    migrate(db, { ...JOURNAL_SCHEMA, steps: JOURNAL_SCHEMA.steps.slice(0, 4) });
    db.exec(`DELETE FROM meta; ${ROWS}`);
  }
  try {
    await using program = await startProgram({ data });
    const url = `http://127.0.0.1:${program.port}/r/lobby`;
    const post = async (key: string, body: object) => {
      const headers = { "content-type": "application/json", "confab-key": key };
      const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
      const { seq, code } = await response.json();
      return seq ?? code;
    };
    const people = async (query = "") => {
      const response = await fetch(url + query, { headers: { accept: "application/json" } });
      const { epoch, entries } = await response.json();
      assertEquals(epoch, "cda5b045-1728-45cd-98b7-a183d3b91e30");
      return entries.map(({ from }: { from: { name: string; tag: string } }) =>
        `${from.name}#${from.tag}`
      );
    };
    const [ann, eve] = ["Ann#yf4q", "Eve#yf4q1"];
    assertEquals(await people(), [
      ...[ann, eve, "Ann#yf4q1", "Anna#yf4q", "Ann#0000", ann, eve, ann, eve],
    ]);
    // The message that was sent then is known, and its target is still one's own.
    assertEquals(await post(ANN_KEY, { name: "Ann", text: "by Ann", id: "1" }), 1);
    assertEquals(
      await post(EVE_KEY, { name: "Ann", type: "edit", ref: 1, text: "?" }),
      "not_yours",
    );
    assertEquals(await post(ANN_KEY, { name: "Ann", type: "edit", ref: 1, text: "again" }), 10);
    const react = { type: "react", ref: 2, emoji: "x1", on: false };
    assertEquals(await post(EVE_KEY, { name: "Eve", ...react }), 11);
    assertEquals(await post(ANN_KEY, { name: "Annabel", text: "a new name" }), 12);
    assertEquals(await post(EVE_KEY, { name: "Annabel", text: "the same" }), 13);
    assertEquals(await people("?after=9"), [ann, eve, "Annabel#yf4q", "Annabel#yf4q1"]);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});
