import { assertEquals } from "@std/assert";
import { OPCODE } from "../../tests/support/raw_socket.ts";
import { FrameReader } from "./frames.ts";

/** Returns the payloads in some bytes, by opcode, with `|` behind each that ended a message. */
function readFrames(chunks: readonly Uint8Array[]): string {
  const reader = new FrameReader();
  let seen = "";
  for (const chunk of chunks) {
    // Not at the start of the buffer, as behind the head of an upgrade.
    const bytes = new Uint8Array([99, 99, ...chunk, 99]);
    reader.feed(bytes, { from: 2, end: bytes.length - 1 });
    while (reader.next()) {
      const payload = bytes.subarray(reader.from, reader.to);
      const name = reader.opcode === OPCODE.text ? "" : `<${reader.opcode}>`;
      seen += name + new TextDecoder().decode(payload) + (reader.isLast ? "|" : "");
    }
  }
  // The places of the cuts do not matter.
  return seen.replaceAll(/(<\d+>)(?=[^|<]*\1)/g, "");
}

function frame(first: number, payload: string): number[] {
  const bytes = [...new TextEncoder().encode(payload)];
  const { length } = bytes;
  const size = length < 126
    ? [length]
    : length < 65_536
    ? [126, length >> 8, length & 255]
    : [127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255];
  return [first, ...size, ...bytes];
}

const FINAL = 0x80;
const TEXT = FINAL | OPCODE.text;

Deno.test("FrameReader reads short and longer frames, empty ones and pings, split at every byte", () => {
  const bytes = Uint8Array.from([
    ...frame(TEXT, "one"),
    ...frame(FINAL | OPCODE.ping, "p"),
    ...frame(TEXT, ""),
    ...frame(TEXT, "x".repeat(126)),
    ...frame(FINAL | OPCODE.close, ""),
  ]);
  const expected = `one|<9>p||${"x".repeat(126)}|<8>|`;
  assertEquals(readFrames([bytes]), expected);
  for (let cut = 1; cut < bytes.length; cut++) {
    const got = readFrames([bytes.subarray(0, cut), bytes.subarray(cut)]);
    assertEquals(got, expected, `cut at ${cut}`);
  }
  const singles = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
  assertEquals(readFrames(singles), expected);
});

Deno.test("FrameReader reads a frame whose length takes eight bytes", () => {
  const bytes = Uint8Array.from([...frame(TEXT, "y".repeat(70_000)), ...frame(TEXT, "z")]);
  assertEquals(readFrames([bytes]), `${"y".repeat(70_000)}|z|`);
  assertEquals(
    readFrames([bytes.subarray(0, 5), bytes.subarray(5)]),
    `${"y".repeat(70_000)}|z|`,
  );
});

Deno.test("FrameReader ends a message with its last frame, even if a ping comes between", () => {
  const bytes = Uint8Array.from([
    ...frame(OPCODE.text, "be"),
    ...frame(FINAL | OPCODE.ping, ""),
    ...frame(0, "gi"),
    ...frame(FINAL, "n"),
    ...frame(TEXT, "next"),
  ]);
  assertEquals(readFrames([bytes]), "be<9>|gin|next|");
});
