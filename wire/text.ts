// The seed's wire: a WebSocket message holds one line inbound, one or more lines, separated by a newline, outbound.
// Clients that ask for no subprotocol speak it. Pure functions; docs/protocol.md describes the same.
import { Buffer } from "node:buffer";
import { ChatError } from "../errors.ts";

const LINE_SEPARATOR = "\n";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The line that an inbound message stands for: newlines become spaces, surrounding white space goes.
 * @throws {ChatError} `too_long` over `maxBytes` of UTF-8; `not_text` for binary that is not UTF-8.
 */
export function decodeLine(data: string | ArrayBuffer, maxBytes: number): string {
  if (isLonger(data, maxBytes)) throw new ChatError("too_long");
  const text = toText(data).replaceAll(LINE_SEPARATOR, " ");
  const line = text.trim();
  // V8 keeps the whole of a string in memory for the sake of a slice of it, and the room may hold the line for long.
  return line.length === text.length ? line : Buffer.from(line).toString();
}

/** One frame of these lines, in order. */
export function encodeLines(lines: readonly string[]): string {
  return lines.join(LINE_SEPARATOR);
}

/** Consecutive frames as one. */
export const joinFrames = encodeLines;

function isLonger(data: string | ArrayBuffer, maxBytes: number): boolean {
  if (typeof data !== "string") return data.byteLength > maxBytes;
  // UTF-8 takes at most 3 bytes for a UTF-16 unit: most messages need no counting.
  return data.length * 3 > maxBytes && Buffer.byteLength(data) > maxBytes;
}

function toText(data: string | ArrayBuffer): string {
  if (typeof data === "string") return data;
  try {
    return utf8.decode(data);
  } catch (cause) {
    throw new ChatError("not_text", { cause });
  }
}
