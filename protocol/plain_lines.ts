// Implements the protocol of plain lines: a WebSocket message holds one line inbound; outbound one or more lines, separated by
// newlines. Clients that request no subprotocol use it. Pure functions. docs/protocol.md describes the same.
import { Buffer } from "node:buffer";
import { encodeAuthor, encodeOneLine, encodeUnsigned, SIGN } from "./byline.ts";
import { ChatError } from "./errors.ts";
import { Frame } from "./frame.ts";
import type { Entry, Wire } from "./message.ts";

const LINE_SEPARATOR = "\n";

/**
 * A character that shows: none of white space, control characters, characters that fonts are told to ignore, the blank Braille
 * pattern, fillers, and marks that annotate or arrange others.
 */
const VISIBLE =
  /[^\s\p{Z}\p{Cc}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb\u{13430}-\u{13440}\u{16fe4}\u{1d159}]/u;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Encoder of plain lines. It shows messages and edits that were not deleted, and cannot express anything else. */
export const LINES: Wire = {
  protocol: "",
  encode(entries) {
    const lines: string[] = [];
    for (const entry of entries) {
      const { kind, on } = entry;
      if (on && (kind === "say" || kind === "edit")) lines.push(encodeLine(entry));
    }
    return lines.length > 0 ? new Frame(lines.join(LINE_SEPARATOR)) : undefined;
  },
  encodeNotice: () => undefined,
};

/**
 * Decodes an inbound message as one line: replaces newlines by spaces, trims white space. A text without any visible character
 * is empty.
 * @throws {ChatError} `too_long` over `maxBytes` of UTF-8; `not_text` for binary that is not UTF-8.
 */
export function decodeLine(data: string | ArrayBuffer, maxBytes: number): string {
  if (isLonger(data, maxBytes)) throw new ChatError("too_long");
  const text = normalizeText(decodeText(data)).replaceAll(LINE_SEPARATOR, " ");
  const line = isBlank(text) ? "" : text.trim();
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

/** Cleans the text of a message, and ends its lines as this system does: other systems write CR LF or CR. */
export function normalizeText(text: string): string {
  return cleanText(text.includes("\r") ? text.replace(/\r\n?/g, LINE_SEPARATOR) : text);
}

/** Whether no character of the text shows: there is only white space, or characters that are invisible by themselves. */
export function isBlank(text: string): boolean {
  return !VISIBLE.test(text);
}

function encodeLine(entry: Entry): string {
  const { kind, name, text } = entry;
  if (name === "") return encodeUnsigned(text);
  return `${SIGN} ${encodeAuthor(entry)}${kind === "edit" ? " (edited)" : ""}: ${
    encodeOneLine(text)
  }`;
}
