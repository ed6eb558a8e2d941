// Escapes what others have written, so that it cannot control the terminal that shows it. Pure functions.

/** Control characters, line separators, and characters that change the direction of the text around them. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu;

/** Replaces characters that control a terminal. */
export function escapeForTerminal(line: string): string {
  return line.replace(CONTROL, "\ufffd");
}

/** Escapes characters that control a terminal in JSON. The value stays the same: JSON allows them only inside strings. */
export function harmlessJson(line: string): string {
  return line.replace(
    CONTROL,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
