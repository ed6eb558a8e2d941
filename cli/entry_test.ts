import { assertEquals, assertThrows } from "@std/assert";
import { checkEntry } from "./entry.ts";

const entry = {
  type: "entry",
  seq: 1,
  id: "7",
  kind: "say",
  from: { name: "", tag: "0000" },
  at: 0,
  text: "hi",
};

Deno.test("checkEntry() gives what has all that an entry has, and refuses anything else", () => {
  const { text: _, ...bare } = entry;
  for (const good of [entry, bare, { ...bare, kind: "react", emoji: "👍", more: 1 }]) {
    assertEquals<unknown>(checkEntry(good), good);
  }
  const bad = [
    undefined,
    null,
    7,
    [],
    {},
    { ...entry, seq: "1" },
    { ...entry, at: "2026" },
    { ...entry, at: 1e16 },
    { ...entry, from: null },
    { ...entry, from: { name: "Ann" } },
    { ...entry, kind: undefined },
    { ...entry, text: { toString: 1 } },
    { ...bare, emoji: 1 },
  ];
  for (const line of bad) {
    const { message } = assertThrows(() => checkEntry(line), Error);
    assertEquals(
      message,
      "Cannot read what the server sent: it is no entry. Is it a Confab room?",
    );
  }
});
