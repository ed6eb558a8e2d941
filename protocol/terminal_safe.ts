// What others have said must not steer the terminal that shows it. Pure functions.

/** What a terminal obeys, and what reverses the text around it. */
const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu;

/** The line without what a terminal would obey. */
export function escapeForTerminal(line: string): string {
  return line.replace(STEERING, "\ufffd");
}

/** The same JSON, with what a terminal would obey escaped. Outside of strings none of it is JSON. */
export function harmlessJson(line: string): string {
  return line.replace(
    STEERING,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
