// Frames that are almost right: lines of `confab.v1` with fields changed, texts with bytes changed, heads that break
// RFC 6455. Most of them are only odd, so that a connection survives long enough to send many.
import type { Random } from "../support/random.ts";
import { encodeFrame, OPCODE } from "../support/raw_socket.ts";

/** What a client may say (docs/protocol.md). */
const LINES: readonly Record<string, unknown>[] = [
  { type: "hello", name: "Ann", key: "a secret of at least sixteen bytes", history: 50 },
  { type: "say", id: "5f0c", text: "hi" },
  { type: "say", id: "5f0d", text: "two\nlines", replyTo: 1 },
  { type: "edit", id: "5f0e", ref: 1, text: "hello" },
  { type: "delete", id: "5f0f", ref: 1 },
  { type: "react", id: "5f10", ref: 1, emoji: "👍", on: true },
  { type: "name", name: "Anna" },
  { type: "typing" },
  { type: "history", before: 42, limit: 5 },
  { type: "ping", n: 1 },
];

/** What a field may be instead. */
const ODD: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  1e308,
  "",
  " ",
  "\u0000",
  "\ud800",
  "\u202eabc\u2066",
  "a".repeat(65),
  "é".repeat(500),
  "constructor",
  [],
  [[[[[[[[]]]]]]]],
  {},
  { toString: 1, valueOf: null },
  { length: 2 ** 32 },
];

/** Names that objects have already. */
const NAMES = ["__proto__", "constructor", "prototype", "toString", "then", "toJSON", "type", "id"];

/** Of two hundred frames one breaks the protocol of WebSocket, and three are no JSON. */
export function makeGarbage(random: Random): Uint8Array {
  const kind = random.integer(0, 199);
  if (kind === 0) return breakProtocol(random);
  if (kind < 4) return encodeFrame(OPCODE.text, new TextEncoder().encode(breakJson(random)));
  if (kind < 6) return encodeFrame(OPCODE.binary, makeBytes(random, random.integer(0, 200)));
  if (kind < 20) return encodeFrame(OPCODE.ping, makeBytes(random, random.integer(0, 124)));
  if (kind < 30) return encodeFrame(OPCODE.pong, makeBytes(random, random.integer(0, 124)));
  if (kind < 40) return makeFragments(random);
  return encodeFrame(OPCODE.text, new TextEncoder().encode(mutate(random)));
}

/** A line with some of its fields changed, removed or added. It is JSON. */
function mutate(random: Random): string {
  const line = new Map(Object.entries(pick(random, LINES)));
  if (line.has("id")) line.set("id", `${random.integer(0, 2 ** 30)}`);
  for (let left = random.integer(0, 2); left > 0; left--) {
    const name = pick(random, [...line.keys(), ...NAMES]);
    if (random.next() < 0.2) line.delete(name);
    else line.set(name, pick(random, ODD));
  }
  // Not JSON.stringify of an object: a key of `__proto__` would be lost.
  const fields = [...line].map(([name, value]) =>
    `${JSON.stringify(name)}:${JSON.stringify(value)}`
  );
  return `{${fields.join(",")}}`;
}

/** A line with characters changed, cut off, or nested deeper than any parser likes. */
function breakJson(random: Random): string {
  const text = mutate(random);
  const at = random.integer(0, text.length);
  const other = String.fromCharCode(random.integer(0, 0xffff));
  return pick(random, [
    text.slice(0, at),
    text.slice(0, at) + other + text.slice(at + 1),
    text.slice(0, at) + text.slice(at + 1),
    `${"[".repeat(10_000)}`,
    `{"type":"say","id":"n","text":${'{"a":'.repeat(2_000)}1${"}".repeat(2_000)}}`,
    "\n\n\n",
  ]);
}

/** A text in two fragments, with a ping between them. */
function makeFragments(random: Random): Uint8Array {
  const bytes = new TextEncoder().encode(mutate(random));
  const at = random.integer(0, bytes.length);
  const first = encodeFrame(OPCODE.text, bytes.subarray(0, at));
  first[0] = OPCODE.text; // not the final one
  const last = encodeFrame(OPCODE.text, bytes.subarray(at));
  last[0] = 0x80; // the final one, a continuation
  return Uint8Array.from([...first, ...encodeFrame(OPCODE.ping, new Uint8Array()), ...last]);
}

/** A frame that must not be: reserved bits or opcodes, no mask, a control frame too long, a length that lies. */
function breakProtocol(random: Random): Uint8Array {
  const frame = encodeFrame(random.integer(0, 15), makeBytes(random, random.integer(0, 300)));
  const at = random.integer(0, 1);
  frame[at] = random.integer(0, 255);
  return frame;
}

function makeBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.integer(0, 255));
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[random.integer(0, values.length - 1)]!;
}
