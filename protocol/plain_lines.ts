// Implements the protocol of plain lines: a WebSocket message holds one line inbound; outbound one or more lines, separated by
// newlines. Clients that request no subprotocol use it. Pure functions. docs/protocol.md describes the same.
import { Buffer } from "node:buffer";
import { encodeAuthor, encodeOneLine, encodeUnsigned, SIGN } from "./byline.ts";
import { ChatError } from "./errors.ts";
import { Frame } from "./frame.ts";
import type { Entry, Wire } from "./message.ts";

const LINE_SEPARATOR = "\n";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Encoder of plain lines. It shows messages and edits, and cannot express anything else. */
export const LINES: Wire = {
  protocol: "",
  encode(entries) {
    const lines: string[] = [];
    for (const entry of entries) {
      if (entry.kind === "say" || entry.kind === "edit") lines.push(encodeLine(entry));
    }
    return lines.length > 0 ? new Frame(lines.join(LINE_SEPARATOR)) : undefined;
  },
  encodeNotice: () => undefined,
};

/**
 * Decodes an inbound message as one line: replaces newlines by spaces, trims white space.
 * @throws {ChatError} `too_long` over `maxBytes` of UTF-8; `not_text` for binary that is not UTF-8.
 */
export function decodeLine(data: string | ArrayBuffer, maxBytes: number): string {
  if (isLonger(data, maxBytes)) throw new ChatError("too_long");
  const text = cleanText(decodeText(data)).replaceAll(LINE_SEPARATOR, " ");
  const line = text.trim();
  // A slice keeps the whole original string in V8's memory, and the room may keep the line for long: copy it.
  return line.length === text.length ? line : Buffer.from(line).toString();
}

/** Whether the data takes more than `maxBytes` of UTF-8. */
export function isLonger(data: string | ArrayBuffer, maxBytes: number): boolean {
  if (typeof data !== "string") return data.byteLength > maxBytes;
  // UTF-8 takes at most 3 bytes for a UTF-16 unit: most messages need no counting.
  return data.length * 3 > maxBytes && Buffer.byteLength(data) > maxBytes;
}

/** Decodes the text of an inbound message. @throws {ChatError} `not_text` for binary that is not UTF-8. */
export function decodeText(data: string | ArrayBuffer): string {
  if (typeof data === "string") return data;
  try {
    return utf8.decode(data);
  } catch (cause) {
    throw new ChatError("not_text", { cause });
  }
}

/** Replaces what would not survive being stored: NUL, which ends SQLite's strings, and lone surrogates. */
export function cleanText(text: string): string {
  return text.replaceAll("\0", "\ufffd").toWellFormed();
}

function encodeLine(entry: Entry): string {
  const { kind, name, text } = entry;
  if (name === "") return encodeUnsigned(text);
  return `${SIGN} ${encodeAuthor(entry)}${kind === "edit" ? " (edited)" : ""}: ${
    encodeOneLine(text)
  }`;
}
