import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { chooseSeed } from "../tests/support/random.ts";
import { decodeEntry, encodeEntry } from "./entry.ts";
import type { Entry } from "./message.ts";

const line = {
  type: "entry",
  seq: 1,
  id: "7",
  kind: "say",
  from: { name: "", tag: "0000" },
  at: 0,
  text: "hi",
};

/** Text as the server stores it: every half of a pair has been replaced. */
const text = fc.string({ unit: "binary" }).map((value) => value.toWellFormed());
const tag = fc.stringMatching(/^[0-9a-z]{4,26}$/);
const seq = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const time = fc.integer({ min: 0, max: 8.64e15 });
const none = fc.constant(0);
const empty = fc.constant("");
const on = fc.constant(true);
const stamp = { seq, at: time, author: empty, name: text, tag, id: text };

/** Entries of every kind, with the fields that the kind has. */
const entries: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({ ...stamp, kind: fc.constant("say"), text, ref: fc.oneof(none, seq), on }),
  fc.record({
    ...stamp,
    kind: fc.constant("say"),
    text,
    ref: none,
    on,
    edited: fc.record({ seq, text }),
  }),
  fc.record({ ...stamp, kind: fc.constant("edit"), text, ref: seq, on }),
  fc.record({
    ...stamp,
    kind: fc.constantFrom("say", "edit"),
    text: empty,
    ref: seq,
    on: fc.constant(false),
  }),
  fc.record({ ...stamp, kind: fc.constant("delete"), text: empty, ref: seq, on }),
  fc.record({ ...stamp, kind: fc.constant("react"), text, ref: seq, on: fc.boolean() }),
  fc.record({ ...stamp, kind: fc.constant("close"), text: empty, ref: none, on: fc.boolean() }),
  fc.record({
    ...stamp,
    kind: fc.constant("ban"),
    text: empty,
    ref: seq,
    on: fc.boolean(),
    banned: fc.record({ who: fc.record({ name: text, tag }), until: time }),
  }),
) as fc.Arbitrary<Entry>;

Deno.test("decodeEntry() returns what encodeEntry() encoded, for every kind", () => {
  const seed = chooseSeed();
  fc.assert(
    fc.property(entries, (entry) => {
      const encoded = encodeEntry(entry);
      assertEquals(encoded.includes("\n"), false);
      assertEquals(decodeEntry(JSON.parse(encoded)), entry);
    }),
    { seed },
  );
});

Deno.test("decodeEntry() accepts a line without optional fields, and kinds of a newer server", () => {
  const { text: _, id: __, ...bare } = line;
  const blank = {
    ...{ seq: 1, at: 0, author: "", name: "", tag: "0000", id: "", text: "", ref: 0, on: true },
  };
  assertEquals(decodeEntry(bare), { ...blank, kind: "say" });
  assertEquals<unknown>(decodeEntry({ ...bare, kind: "pin", more: 1 }), { ...blank, kind: "pin" });
});

Deno.test("decodeEntry() refuses a line that lacks what its kind has", () => {
  const { text: _, ...bare } = line;
  const bad = [
    undefined,
    null,
    7,
    [],
    {},
    { ...line, seq: "1" },
    { ...line, at: "2026" },
    { ...line, at: 1e16 },
    { ...line, from: null },
    { ...line, from: { name: "Ann" } },
    { ...line, kind: undefined },
    { ...line, text: { toString: 1 } },
    { ...bare, emoji: 1 },
    { ...bare, kind: "ban", until: 0 },
    { ...bare, kind: "ban", who: { name: "Ben", tag: "b3nx" } },
  ];
  for (const value of bad) {
    const { message } = assertThrows(() => decodeEntry(value), Error);
    assertEquals(message, "Cannot read the response: it is not an entry. Is it a Confab room?");
  }
});
