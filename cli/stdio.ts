// Reads lines from a stream, and writes lines to standard output and standard error.

const encoder = new TextEncoder();

/**
 * Writes a line to standard output, synchronously.
 * @throws {Deno.errors.BrokenPipe} if the reader has closed the output.
 */
export function writeLine(line: string): void {
  let bytes = encoder.encode(`${line}\n`);
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

/** Writes a text to standard output without waiting for its reader. What cannot be written is dropped. */
export async function writeQuietly(text: string): Promise<void> {
  let bytes = encoder.encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(await Deno.stdout.write(bytes));
  } catch { /* a full disk, or a pipe that its reader has closed: the server goes on without */ }
}

/** Writes a line to standard error. Drops it if that fails: there is no other place to report it. */
export function writeError(line: unknown): void {
  try {
    console.error(line);
  } catch { /* see above */ }
}

/** Writes a line for the user of a command to standard error: it is not part of the output. */
export function note(line: string): void {
  writeError(`confab: ${line}`);
}

/** Yields the lines of a stream without their ends. Invalid UTF-8 becomes U+FFFD. The last line may have no end. */
export async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let parts: string[] = []; // of an unfinished line; joined once, because it may be long
  for await (const chunk of stream) {
    const [first = "", ...rest] = decoder.decode(chunk, { stream: true }).split("\n");
    parts.push(first);
    if (rest.length === 0) continue;
    yield withoutReturn(parts.join(""));
    parts = [rest.pop()!];
    yield* rest.map(withoutReturn);
  }
  const last = parts.join("") + decoder.decode();
  if (last !== "") yield withoutReturn(last);
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}
