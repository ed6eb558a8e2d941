// Writes the author of a line of text, so that no text and no name can pass for the line of somebody else or of the server.
// Pure functions.
import { escapeForTerminal } from "./terminal_safe.ts";
import type { From } from "./message.ts";

/** Begins a line of an author with a name, and of the server. No other line begins with it. */
export const SIGN = "¶";

/** Characters that may have to be replaced. Most texts have none, and one search tells. */
// deno-lint-ignore no-control-regex -- it finds them
const SPECIAL = /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069¶⁋❡]/;

/** The sign at the start of a text, with everything before it that does not show, and characters that look like it. */
const SIGN_AT_START =
  /^[\s\p{DI}\p{M}\u2800\u{1d159}\u{16fe4}]*[¶⁋❡][\s\p{DI}\p{M}\u2800\u{1d159}\u{16fe4}¶⁋❡]*/u;

/** Characters that could end a name early, or make it look like a line of the server, with those that look like them. */
const NAME_END = /^[-‐-―−]|[:：﹕︓∶꞉ː˸։׃#＃﹟♯]/g;

const LINE_BREAK_OR_TAB = /\r\n|[\r\n\t]/g;

/** Returns `name#tag`, escaped. The name contains neither `#` nor a colon. */
export function encodeAuthor({ name, tag }: From): string {
  const shown = escapeName(name);
  return tag === "" ? shown : `${shown}#${escapeForTerminal(tag)}`;
}

/** Replaces what would end a name early in a line of text. */
export function escapeName(name: string): string {
  return escapeForTerminal(name.replace(NAME_END, "_"));
}

/** Makes one line of a text, without control characters. */
export function encodeOneLine(text: string): string {
  return SPECIAL.test(text) ? escapeForTerminal(text.replace(LINE_BREAK_OR_TAB, " ")) : text;
}

/** Makes one line of a text that has no author. It never begins with {@linkcode SIGN}, and is never empty. */
export function encodeUnsigned(text: string): string {
  return SPECIAL.test(text) ? encodeOneLine(text.replace(SIGN_AT_START, "") || "\ufffd") : text;
}
