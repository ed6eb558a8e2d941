import { assert, assertEquals, assertThrows } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ChatError } from "./errors.ts";
import type { Entry } from "./message.ts";
import { decodeLine, LINES } from "./plain_lines.ts";

const MAX_BYTES = 16;

function bytes(...values: number[]): ArrayBuffer {
  return Uint8Array.from(values).buffer;
}

Deno.test("decodeLine() makes one line of a message", () => {
  const cases: [string | ArrayBuffer, string][] = [
    ["hello", "hello"],
    ["  hello \t", "hello"],
    ["a\nb\n\nc", "a b  c"],
    ["\n", ""],
    ["", ""],
    ["a\r\nb", "a b"],
    ["a\rb\r\n", "a b"],
    ["\u200b", ""],
    [" \ufe0f\u2800 ", ""],
    ["a\u200b", "a\u200b"],
    [bytes(0x68, 0x69), "hi"],
    [bytes(0x0a, 0xc3, 0xa9, 0x0a), "é"],
    [bytes(), ""],
  ];
  for (const [data, line] of cases) assertEquals(decodeLine(data, MAX_BYTES), line);
});

Deno.test("decodeLine() counts bytes of UTF-8, not characters, and before trimming", () => {
  const fitting = ["x".repeat(16), "é".repeat(8), "漢".repeat(5) + "x", "🙂".repeat(4)];
  for (const data of fitting) assertEquals(decodeLine(data, MAX_BYTES), data);
  const tooLong = ["x".repeat(17), "é".repeat(8) + "x", "漢".repeat(6), "🙂".repeat(4) + "x"];
  for (const data of [...tooLong, " ".repeat(17), bytes(...Array(17).fill(0x20))]) {
    assertEquals(assertThrows(() => decodeLine(data, MAX_BYTES), ChatError).code, "too_long");
  }
});

Deno.test("decodeLine() refuses binary that is not UTF-8", () => {
  for (const data of [bytes(0xff), bytes(0xc3), bytes(0xed, 0xa0, 0x80)]) {
    assertEquals(assertThrows(() => decodeLine(data, MAX_BYTES), ChatError).code, "not_text");
  }
});

function entry(text: string, more: Partial<Entry> = {}): Entry {
  const base = { seq: 1, at: 0, author: "", name: "", tag: "", id: "", ref: 0, on: true };
  return { ...base, kind: "say", text, ...more };
}

Deno.test("LINES.encode() separates with one newline, byte for byte", () => {
  const frame = LINES.encode(["hé", "", "b"].map((text) => entry(text)))!;
  const bytes = [...new TextEncoder().encode(frame.text)];
  assertEquals(bytes, [0x68, 0xc3, 0xa9, 0x0a, 0x0a, 0x62]);
  assertEquals(LINES.encode([entry("")])?.text, "");
});

Deno.test("LINES.encode() shows names and marks edits, and omits every other kind", () => {
  const ann = { name: "Ann", tag: "k3f9" };
  const entries = [
    entry("two\nlines", ann),
    entry("better", { ...ann, kind: "edit", ref: 1 }),
    entry("👍", { ...ann, kind: "react", ref: 1 }),
    entry("", { ...ann, kind: "delete", ref: 1 }),
  ];
  assertEquals(LINES.encode(entries)?.text, "¶ Ann#k3f9: two lines\n¶ Ann#k3f9 (edited): better");
  assertEquals(LINES.encode(entries.slice(2)), undefined);
});

Deno.test("decodeLine() replaces what would not survive being stored", () => {
  assertEquals(decodeLine("a\0b", MAX_BYTES), "a\ufffdb");
  assertEquals(decodeLine("a\ud800b", MAX_BYTES), "a\ufffdb");
});

Deno.test("decodeLine() does not keep a padded message in memory", () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc");
  const padded = new TextEncoder().encode(" ".repeat(16_000) + "a line of some length");
  const lines: string[] = [];
  collectGarbage();
  const before = Deno.memoryUsage().heapUsed;
  for (let n = 0; n < 1000; n++) lines.push(decodeLine(new TextDecoder().decode(padded), 16_384));
  collectGarbage();
  const keptBytes = Deno.memoryUsage().heapUsed - before;
  assertEquals(lines.at(-1), "a line of some length");
  assert(keptBytes < 4_000_000, `${keptBytes} bytes for 1000 short lines`);
});
