// Bytes as lines of text, as they come.

/** The lines of a stream, without their ends. What is not UTF-8 becomes U+FFFD. A last line may have no end. */
export async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let parts: string[] = []; // of a line that has no end yet; joined once, for it may be long
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
