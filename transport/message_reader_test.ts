import { assert, assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { chooseSeed, Random } from "../tests/support/random.ts";
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
function read(
  chunks: Iterable<Uint8Array>,
  reader = new MessageReader(MAX_BYTES),
  all: unknown[] = [],
): unknown[] {
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

/** Decodes a whole stream as {@linkcode read} does, without chunks or state. Ends with the code of the first fault. */
function decodeNaively(bytes: Uint8Array): unknown[] {
  const all: unknown[] = [];
  let at = 0;
  let message: { opcode: number; parts: number[]; fragments: number } | undefined;
  const fail = (code: string) => [...all, code];
  while (bytes.length - at >= 2) {
    const [first, second] = [bytes[at]!, bytes[at + 1]!];
    const [isFinal, reserved, opcode] = [first > 127, first & 112, first & 15];
    const isControl = opcode > 7;
    if (reserved > 0 || second < 128 || ![0, 1, 2, 8, 9, 10].includes(opcode)) {
      return fail("bad_frame");
    }
    if (isControl && (!isFinal || second > 128 + 125)) return fail("bad_frame");
    if (!isControl && (opcode === 0) !== (message !== undefined)) return fail("bad_frame");
    const width = [0, 2, 8][Math.max(0, (second & 127) - 125)]!;
    const start = at + 2 + width + 4;
    if (bytes.length < start) break;
    const digits = [...bytes.subarray(at + 2, at + 2 + width)];
    const length = width === 0 ? second & 127 : digits.reduce((sum, digit) => sum * 256 + digit, 0);
    if (!isControl) {
      message ??= { opcode, parts: [], fragments: 0 };
      const isTooLong = message.parts.length + length > MAX_BYTES;
      if (isTooLong || ++message.fragments > 128) return fail("too_long");
    }
    if (bytes.length < start + length) break;
    const payload = [...bytes.subarray(start, start + length)]
      .map((byte, n) => byte ^ bytes[start - 4 + n % 4]!);
    at = start + length;
    if (isControl) {
      all.push([opcode, Buffer.from(payload).toString()]);
      continue;
    }
    message!.parts.push(...payload);
    if (!isFinal) continue;
    const { opcode: kind, parts } = message!;
    message = undefined;
    if (kind === 2) {
      all.push(parts.length);
      continue;
    }
    try {
      all.push(
        new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(parts)),
      );
    } catch {
      return fail("not_text");
    }
  }
  return all;
}

/** Makes frames, most of them valid, in an order that may not be. */
function makeStream(random: Random): Uint8Array {
  const pick = <T>(items: readonly T[]) => items[random.integer(0, items.length - 1)]!;
  const isRude = random.next() < 0.5;
  const isLong = random.next() < 0.05;
  const finality = pick([0.5, 0.5, 0.002]);
  let isInMessage = false;
  return Buffer.concat(Array.from({ length: isLong ? 300 : random.integer(1, 30) }, () => {
    const isControl = random.next() < 0.3;
    const isFinal = isControl || random.next() < finality;
    const opcode = isControl ? pick([8, 9, 10]) : isInMessage ? 0 : pick([1, 1, 2]);
    if (!isControl) isInMessage = !isFinal;
    const most = isControl ? 125 : isLong ? 2 : pick([3, 125, 126, 127, 300, MAX_BYTES + 1]);
    const size = random.integer(0, pick([0, 1, most]));
    const letters = isControl || opcode === 2 ? "ab" : pick(["ab", "é", "a\u{1f600}", "\ufeffa"]);
    const text = letters.repeat(size).slice(0, size);
    let payload = Buffer.from(text.isWellFormed() ? text : "");
    if (payload.length > most) payload = Buffer.from("x".repeat(most));
    let first = (isFinal ? 128 : 0) | opcode;
    const fault = isRude ? random.next() : 1;
    if (fault < 0.03) first = random.integer(0, 255);
    else if (fault < 0.05) payload = Buffer.from(payload.map(() => random.integer(0, 255)));
    const bytes = encode(first, payload, random);
    if (fault > 0.05 && fault < 0.07) bytes[1]! ^= 128; // not masked
    if (fault > 0.07 && fault < 0.09) bytes[1] = random.integer(0, 255); // another length
    return bytes;
  }));
}

/** Encodes a frame with any of the lengths that fit, also a longer one than necessary. */
function encode(first: number, payload: Buffer, random: Random): Buffer {
  const { length } = payload;
  const isData = (first & 15) < 8;
  const width = isData && random.next() < 0.1 ? 8 : length > 125 ? 2 : 0;
  const head = Buffer.alloc(2 + width);
  head[0] = first;
  head[1] = 128 | (width === 0 ? length : width === 2 ? 126 : 127);
  if (width === 2) head.writeUInt16BE(length, 2);
  if (width === 8) head.writeUInt32BE(length, 6);
  const mask = Buffer.from(Array.from({ length: 4 }, () => random.integer(0, 255)));
  return Buffer.concat([head, mask, payload.map((byte, n) => byte ^ mask[n % 4]!)]);
}

/** Cuts the stream into chunks: single bytes, small ones, large ones, empty ones. */
function* cut(bytes: Uint8Array, random: Random): Generator<Uint8Array> {
  const most = [1, 3, 20, 2_000, bytes.length][random.integer(0, 4)]!;
  for (let at = 0; at < bytes.length;) {
    const size = random.integer(0, most);
    yield bytes.slice(at, at + size);
    at += size;
  }
}

Deno.test("MessageReader.next() returns what a naive decoder does for any frames, cut anywhere", () => {
  const seed = chooseSeed();
  const random = new Random(seed);
  const outcomes = new Map<unknown, number>();
  for (let n = 0; n < 600; n++) {
    const stream = makeStream(random);
    const expected = decodeNaively(stream);
    const received: unknown[] = [];
    const reader = new MessageReader(MAX_BYTES);
    try {
      for (const chunk of cut(stream, random)) {
        read([chunk], reader, received);
        assert(reader.keptBytes <= MAX_BYTES, `seed ${seed}, stream ${n}`);
      }
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      received.push(error.code);
    }
    assertEquals(received, expected, `seed ${seed}, stream ${n}`);
    const last = expected.at(-1);
    const outcome = typeof last === "string" && /^[a-z]+_[a-z]+$/.test(last) ? last : "read";
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  const kinds = ["bad_frame", "not_text", "read", "too_long"];
  assertEquals([...outcomes.keys()].toSorted(), kinds, `seed ${seed}`);
});

Deno.test("MessageReader.keptBytes is what an unfinished message has, and nothing once it is complete", () => {
  const reader = new MessageReader(128 * 1024);
  read([frame(0x01, "x".repeat(3000))], reader);
  assert(reader.keptBytes >= 3000 && reader.keptBytes <= 6000, `${reader.keptBytes}`);
  read([frame(0x80, "y")], reader);
  assertEquals(reader.keptBytes, 0);
  read([frame(0x01, "x".repeat(3000))], reader);
  reader.release();
  assertEquals(reader.keptBytes, 0);
});
