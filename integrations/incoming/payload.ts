// What the payloads of other services have in common: they are anybody's JSON, of which any field may be missing or of
// another type, and they may say more than a message holds. Pure functions.
import { Buffer } from "node:buffer";
import { ChatError } from "../../protocol/errors.ts";
import { cleanText, isLonger } from "../../protocol/plain_lines.ts";

const ELLIPSIS = "…";

/** Longest text that stands in one line with others, a title say. */
const MAX_LINE_CHARS = 300;

/** What stands at a path of names; undefined where something on the way is missing. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    if (!isObject(found)) return undefined;
    found = found[name];
  }
  return found;
}

/** The text or number at a path; empty for anything else. */
export function textAt(value: unknown, ...path: readonly string[]): string {
  const found = at(value, ...path);
  return typeof found === "string" || typeof found === "number" ? String(found) : "";
}

/** The text at a path as one line of a bounded length. */
export function lineAt(value: unknown, ...path: readonly string[]): string {
  return cutChars(textAt(value, ...path), MAX_LINE_CHARS).replace(/\s+/g, " ").trim();
}

/** The list at a path; empty for anything else. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** Whether it may have fields. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** The parts that say something, one below the other. */
export function joinLines(lines: readonly string[]): string {
  return cleanText(lines.map((line) => line.trim()).filter((line) => line !== "").join("\n"));
}

/** The first characters of a text, with an ellipsis where there are more. */
export function cutChars(text: string, maxChars: number): string {
  // A character has at most two units: no more need be looked at, however long the text.
  const chars = [...text.slice(0, 2 * maxChars + 2)];
  return chars.length <= maxChars ? text : chars.slice(0, maxChars).join("") + ELLIPSIS;
}

export function badPayload(expected: string): ChatError {
  return new ChatError("bad_field", { message: `Cannot read the payload: expected ${expected}` });
}

/** The first bytes of a text, with an ellipsis where there are more. */
export function cutBytes(text: string, maxBytes: number): string {
  if (!isLonger(text, maxBytes)) return text;
  const bytes = Buffer.from(text);
  let end = maxBytes - Buffer.byteLength(ELLIPSIS);
  while ((bytes[end]! & 0xc0) === 0x80) end--; // not between the bytes of one character
  return bytes.toString("utf8", 0, end) + ELLIPSIS;
}
