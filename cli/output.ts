// What commands write, and how it is made harmless: what others have said must not steer a terminal.

/** What a terminal obeys, and what reverses the text around it. */
const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu;

const encoder = new TextEncoder();

/**
 * Writes a line to standard output, at once.
 * @throws {Deno.errors.BrokenPipe} when nobody reads it any more
 */
export function writeLine(line: string): void {
  let bytes = encoder.encode(`${line}\n`);
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

/** A line for whoever runs the command, not part of what it gives. */
export function note(line: string): void {
  console.error(`confab: ${line}`);
}

/** The line without what a terminal would obey. */
export function harmless(line: string): string {
  return line.replace(STEERING, "\ufffd");
}

/** The same JSON, with what a terminal would obey escaped. Outside of strings none of it is JSON. */
export function harmlessJson(line: string): string {
  return line.replace(
    STEERING,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
