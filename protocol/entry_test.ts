import { assertEquals, assertThrows } from "@std/assert";
import { encodeEntry } from "./confab_v1.ts";
import { checkEntry, toEntry } from "./entry.ts";

const entry = {
  type: "entry",
  seq: 1,
  id: "7",
  kind: "say",
  from: { name: "", tag: "0000" },
  at: 0,
  text: "hi",
};

Deno.test("toEntry() is what the line was made of", () => {
  const line = {
    ...{ type: "entry", seq: 2, id: "8", kind: "ban", from: { name: "Ann", tag: "k3f9" }, at: 0 },
    ...{ ref: 1, who: { name: "Ben", tag: "b3nx" }, until: 60_000, on: true },
  };
  assertEquals<unknown>(JSON.parse(encodeEntry(toEntry(checkEntry(line)))), line);
});

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
    { ...bare, kind: "ban", until: 0 },
    { ...bare, kind: "ban", who: { name: "Ben", tag: "b3nx" } },
  ];
  for (const line of bad) {
    const { message } = assertThrows(() => checkEntry(line), Error);
    assertEquals(
      message,
      "Cannot read the response: it is not an entry. Is it a Confab room?",
    );
  }
});
