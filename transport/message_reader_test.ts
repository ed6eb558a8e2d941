import { assert, assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { ChatError } from "../protocol/errors.ts";
import { MessageReader, NO_CODE, parseClose } from "./message_reader.ts";

const MAX_BYTES = 1000;

/** Returns a frame of a client, masked. */
function frame(first: number, payload: Uint8Array | string): Buffer {
  const bytes = Buffer.from(payload as string);
  const mask = [1, 2, 3, 250];
  const size = bytes.length < 126 ? [bytes.length] : [126, bytes.length >> 8, bytes.length & 255];
  size[0]! |= 0x80;
  return Buffer.from([first, ...size, ...mask, ...bytes.map((byte, n) => byte ^ mask[n % 4]!)]);
}

/** Reads chunks, and returns what they contain: texts, lengths of binary messages, opcodes with payloads. */
function read(chunks: Iterable<Uint8Array>, reader = new MessageReader(MAX_BYTES)): unknown[] {
  const all: unknown[] = [];
  for (const chunk of chunks) {
    reader.push(Buffer.from(chunk)); // it is unmasked in place
    for (let next = reader.next(); next !== undefined; next = reader.next()) {
      if (typeof next === "string") all.push(next);
      else if (next instanceof ArrayBuffer) all.push(next.byteLength);
      else all.push([next.opcode, next.payload.toString()]);
    }
  }
  return all;
}

const STREAM = Buffer.concat([
  frame(0x81, "whole"),
  frame(0x01, "frag"),
  frame(0x89, "ping"),
  frame(0x00, ""),
  frame(0x80, "ments"),
  frame(0x82, new Uint8Array(300)),
  frame(0x81, "héé".repeat(50)),
  frame(0x8a, ""),
]);
const RECEIVED = ["whole", [9, "ping"], "fragments", 300, "héé".repeat(50), [10, ""]];

Deno.test("MessageReader.next() returns messages and control frames, however the bytes are split", () => {
  assertEquals(read([STREAM]), RECEIVED);
  for (let at = 1; at < STREAM.length; at++) {
    assertEquals(read([STREAM.subarray(0, at), STREAM.subarray(at)]), RECEIVED, `${at}`);
  }
  for (const size of [1, 2, 3, 7]) {
    const chunks = Array.from(
      { length: Math.ceil(STREAM.length / size) },
      (_, n) => STREAM.subarray(n * size, (n + 1) * size),
    );
    assertEquals(read(chunks), RECEIVED, `${size}`);
  }
});

Deno.test("MessageReader.isUnfinished is true from the first byte of a message to its last", () => {
  const reader = new MessageReader(MAX_BYTES);
  const bytes = Buffer.concat([frame(0x01, "a"), frame(0x8a, ""), frame(0x80, "b")]);
  for (const [n, byte] of bytes.entries()) {
    read([Buffer.of(byte)], reader);
    assertEquals(reader.isUnfinished, n < bytes.length - 1, `${n}`);
  }
});

Deno.test("MessageReader.next() refuses a message above its limit before it has arrived", () => {
  const head = frame(0x81, "x".repeat(MAX_BYTES + 1)).subarray(0, 8);
  assertThrows(() => read([head]), ChatError, "longer");
  const half = new Uint8Array(MAX_BYTES / 2);
  assertEquals(read([frame(0x02, half), frame(0x80, half)]), [MAX_BYTES]);
  assertThrows(() => read([frame(0x02, half), frame(0x80, Buffer.alloc(501))]), ChatError);
  const huge = Buffer.from([0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]);
  assertThrows(() => read([huge]), ChatError, "longer");
});

Deno.test("MessageReader.next() bounds the fragments of a message, and accepts those of 1 KiB", () => {
  const fragments = (count: number, size: number) =>
    Array.from(
      { length: count },
      (_, n) => frame(n === 0 ? 0x02 : n === count - 1 ? 0x80 : 0x00, new Uint8Array(size)),
    );
  assertEquals(read(fragments(128, 1)), [128]);
  assertThrows(() => read(fragments(129, 1)), ChatError, "longer");
  assertThrows(() => read(fragments(129, 0)), ChatError, "longer");
  const maxBytes = 256 * 1024;
  const reader = new MessageReader(maxBytes);
  assertEquals(read(fragments(256, 1024), reader), [maxBytes]);
  assertEquals(read(fragments(256, 1024), reader), [maxBytes]);
});

Deno.test("MessageReader keeps none of the chunks that a message came in", () => {
  // 128 fragments of one byte, each in a chunk of 64 KiB that is filled up with pongs: 8 MiB in all.
  const pongs = Buffer.concat(Array.from({ length: 500 }, () => frame(0x8a, "x".repeat(125))));
  const readers = Array.from({ length: 20 }, () => new MessageReader(MAX_BYTES));
  const before = Deno.memoryUsage();
  for (const reader of readers) {
    for (let n = 0; n < 127; n++) {
      read([Buffer.concat([frame(n === 0 ? 0x01 : 0x00, "x"), pongs])], reader);
    }
  }
  const { external, heapUsed } = Deno.memoryUsage();
  const keptMiB = (external + heapUsed - before.external - before.heapUsed) / 1024 / 1024;
  assert(keptMiB < 80, `${keptMiB} MiB`); // 160 if each chunk were kept
  for (const reader of readers) assertEquals(read([frame(0x80, "y")], reader).length, 1);
});

Deno.test("parseClose() returns the code of a close frame", () => {
  assertEquals(parseClose(Buffer.alloc(0)), NO_CODE);
  assertEquals(parseClose(Buffer.from([3, 232, 104, 105])), 1000);
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000]) {
    assertThrows(() => parseClose(Buffer.from([code >> 8, code & 255])), ChatError, "frame");
  }
  assertThrows(() => parseClose(Buffer.of(3)), ChatError, "frame");
  assertThrows(() => parseClose(Buffer.of(3, 232, 255)), ChatError, "UTF-8");
});
