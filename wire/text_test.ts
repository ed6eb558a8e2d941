import { assert, assertEquals, assertThrows } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ChatError } from "../errors.ts";
import { decodeLine, encodeLines, joinFrames } from "./text.ts";

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
    ["a\r\nb", "a\r b"],
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

Deno.test("encodeLines() separates with one newline, byte for byte", () => {
  const frame = new TextEncoder().encode(encodeLines(["hé", "", "b"]));
  assertEquals([...frame], [0x68, 0xc3, 0xa9, 0x0a, 0x0a, 0x62]);
  assertEquals(encodeLines([""]), "");
});

Deno.test("joinFrames() makes what encoding all lines at once would", () => {
  const [a, b, c] = [["1", "2"], [""], ["3"]] as const;
  const joined = joinFrames([encodeLines(a), encodeLines(b), encodeLines(c)]);
  assertEquals(joined, encodeLines([...a, ...b, ...c]));
});

Deno.test("decodeLine() does not keep the whole of a padded message in memory", () => {
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
