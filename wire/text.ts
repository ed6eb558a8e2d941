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
  if (byteLength(data, maxBytes) > maxBytes) throw new ChatError("too_long");
  return toText(data).replaceAll(LINE_SEPARATOR, " ").trim();
}

/** One frame of these lines, in order. */
export function encodeLines(lines: readonly string[]): string {
  return lines.join(LINE_SEPARATOR);
}

/** Consecutive frames as one. */
export const joinFrames = encodeLines;

function byteLength(data: string | ArrayBuffer, maxBytes: number): number {
  if (typeof data !== "string") return data.byteLength;
  // UTF-8 takes 1 to 3 bytes for each UTF-16 unit: only near the limit is it worth counting.
  if (data.length > maxBytes || data.length * 3 <= maxBytes) return data.length;
  return Buffer.byteLength(data);
}

function toText(data: string | ArrayBuffer): string {
  if (typeof data === "string") return data;
  try {
    return utf8.decode(data);
  } catch (cause) {
    throw new ChatError("not_text", { cause });
  }
}
