import { assertEquals } from "@std/assert";
import { readLines } from "./stdio.ts";

/** Returns the lines of the bytes when they arrive in chunks of this size. */
async function read(text: string | Uint8Array<ArrayBuffer>, size: number): Promise<string[]> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < bytes.length; at += size) parts.push(bytes.slice(at, at + size));
  return await Array.fromAsync(readLines(ReadableStream.from(parts)));
}

Deno.test("readLines() yields the same lines however the bytes are split", async () => {
  const cases: [string, string[]][] = [
    ["", []],
    ["a", ["a"]],
    ["a\n", ["a"]],
    ["a\nb", ["a", "b"]],
    ["\n\na\n", ["", "", "a"]],
    ["a\r\nb\r\n", ["a", "b"]],
    ["é👍\u2028x\nü", ["é👍\u2028x", "ü"]],
    [`${"long ".repeat(50)}\nb`, ["long ".repeat(50), "b"]],
  ];
  for (const [text, lines] of cases) {
    for (const size of [1, 2, 3, 7, 1_000]) assertEquals(await read(text, size), lines);
  }
});

Deno.test("readLines() replaces invalid UTF-8, and continues", async () => {
  assertEquals(await read(Uint8Array.of(0xff, 10, 97, 0xc3), 1), ["\ufffd", "a\ufffd"]);
});
