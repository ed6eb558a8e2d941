// Reads fields of payloads that other services send. The payloads are untrusted JSON: any field may be missing or have another
// type, and a text may be longer than a message. Pure functions.
import { Buffer } from "node:buffer";
import { ChatError } from "../../protocol/errors.ts";
import { isLonger, normalizeText } from "../../protocol/plain_lines.ts";

const ELLIPSIS = "…";

/** Maximum characters of a text that shares a line with others, such as a title. */
const MAX_LINE_CHARS = 300;

/** A message made from a payload, and the name of its sender. */
export interface PayloadMessage {
  readonly name: string;
  readonly text: string;
}

/** Returns the value at a path of names; undefined if a step of the path is missing. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    if (!isObject(found)) return undefined;
    found = found[name];
  }
  return found;
}

/** Returns the text or number at a path as text; empty for anything else. */
export function textAt(value: unknown, ...path: readonly string[]): string {
  const found = at(value, ...path);
  return typeof found === "string" || typeof found === "number" ? String(found) : "";
}

/** Returns the text at a path as one line of a bounded length. */
export function lineAt(value: unknown, ...path: readonly string[]): string {
  return cutChars(textAt(value, ...path), MAX_LINE_CHARS).replace(/\s+/g, " ").trim();
}

/** Returns the list at a path; empty for anything else. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** Returns whether a value may have fields. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Joins the lines that are not empty. */
export function joinLines(lines: readonly string[]): string {
  return normalizeText(lines.map((line) => line.trim()).filter((line) => line !== "").join("\n"));
}

/** Returns the first characters of a text, with an ellipsis if there are more. */
export function cutChars(text: string, maxChars: number): string {
  // A character has at most two code units, so a long text need not be split as a whole.
  const chars = [...text.slice(0, 2 * maxChars + 2)];
  return chars.length <= maxChars ? text : chars.slice(0, maxChars).join("") + ELLIPSIS;
}

/** Creates the error for a payload that cannot be read. */
export function badPayload(expected: string): ChatError {
  return new ChatError("bad_field", { message: `Cannot read the payload: expected ${expected}` });
}

/** Returns the first bytes of a text, with an ellipsis if there are more. */
export function cutBytes(text: string, maxBytes: number): string {
  if (!isLonger(text, maxBytes)) return text;
  const bytes = Buffer.from(text);
  let end = maxBytes - Buffer.byteLength(ELLIPSIS);
  while ((bytes[end]! & 0xc0) === 0x80) end--; // do not cut inside a character
  return bytes.toString("utf8", 0, end) + ELLIPSIS;
}
