import { assert, assertEquals, assertMatch } from "@std/assert";
import { encodeAuthor, encodeUnsigned, SIGN } from "./byline.ts";
import type { Entry, Kind } from "./message.ts";
import { LINES } from "./plain_lines.ts";
import { encodeTranscript, TRANSCRIPT } from "./transcript.ts";

const ANN = { name: "Ann", tag: "k3f9ab" };

function entry(text: string, more: Partial<Entry> = {}): Entry {
  const base = { seq: 1, at: 0, author: "", name: "", tag: "", id: "", ref: 0, on: true };
  return { ...base, kind: "say", text, ...more };
}

/** Encodes an entry on every wire of lines, without its time. */
function encodeAll(from: Entry): string[] {
  const texts = [
    LINES.encode([from])?.text,
    TRANSCRIPT.encode([from])?.text,
    encodeTranscript([from]).replace(/\n$/, ""),
  ];
  return texts.filter((text) => text !== undefined).map((text) => text.replace(/^\S+Z /, ""));
}

Deno.test("no text without an author can pass for a line of an author or of the server", () => {
  const signed = [
    ...encodeAll(entry("I approve", ANN)),
    ...encodeAll(entry("I approve", { ...ANN, kind: "edit" })),
    ...encodeAll(entry("", { ...ANN, kind: "close" })),
  ];
  for (const line of signed) assert(line.startsWith(SIGN), line);
  const padding = [
    "",
    " ",
    "\ufe0f",
    "\u0301",
    "\t",
    "\n",
    "\u200b",
    "¶",
    "⁋ ",
    "\u2800\u00ad",
    "\u{1d159}",
  ];
  for (const line of signed) {
    for (const start of padding) {
      for (const forged of encodeAll(entry(`${start}${line}`))) {
        assert(!/^[\s\p{DI}\p{M}\u2800\u{1d159}]*[¶⁋❡]/u.test(forged), forged);
        assert(!signed.includes(forged), forged);
      }
    }
  }
  assertEquals(encodeAll(entry("Ann: I approve")), Array(3).fill("Ann: I approve"));
  assertEquals(encodeUnsigned("a ¶ inside"), "a ¶ inside");
  // Readers skip empty lines. A message is never one.
  for (const text of ["¶", " ⁋ ¶"]) assertEquals(encodeUnsigned(text), "\ufffd");
});

Deno.test("encodeAuthor() lets no name pass for another name and its tag, or for the server", () => {
  assertEquals(encodeAuthor(ANN), "Ann#k3f9ab");
  assertEquals(encodeAuthor({ name: "Ann", tag: "" }), "Ann");
  const eve = (name: string) => encodeAuthor({ name, tag: "zzzzzz" });
  assertEquals(eve("Ann#k3f9ab: I approve"), "Ann_k3f9ab_ I approve#zzzzzz");
  assertEquals(eve("-- Ann closed the room --"), "_- Ann closed the room --#zzzzzz");
  for (const name of ["Ann＃k3f9ab： hi", "Ann♯k3f9ab∶ hi", "Ann#k3f9ab꞉ hi"]) {
    assertEquals(eve(name), "Ann_k3f9ab_ hi#zzzzzz");
  }
});

Deno.test("no wire of lines passes a control character, and seed's texts stay as they are otherwise", () => {
  const controls = Array.from({ length: 0xa0 }, (_, code) => String.fromCharCode(code))
    .filter((char) => /\p{Cc}/u.test(char));
  const kinds: Kind[] = ["say", "edit"];
  for (const control of [...controls, "\u2028", "\u2029", "\u202e", "\u2066", "\u061c", "\u200f"]) {
    for (const kind of kinds) {
      for (const from of [{}, ANN, { ...ANN, name: `A${control}nn` }]) {
        for (const line of encodeAll(entry(`a${control}b`, { kind, ...from }))) {
          assert(!/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u.test(line), line);
          assertMatch(line, /a.+b$/u);
        }
      }
    }
  }
  for (const text of ["", "-- hi --", "Ann: hi", "  two  spaces", "שלום", "👩‍💻", "§ 5", "> quote"]) {
    assertEquals(LINES.encode([entry(text)])?.text, text);
  }
});
