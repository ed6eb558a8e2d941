// What commands write.

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
