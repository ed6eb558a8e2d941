// LineWriter writes lines to a pipe or a file without ever waiting for it. A reader that sleeps, a full disk and a closed pipe
// cost lines, which are counted, and never time of the event loop.
import { delay } from "@std/async/delay";

/** Bytes that wait to be written, those on their way included. A line that does not fit is dropped. */
export const MAX_WAITING_BYTES = 256 * 1024;

/** Time between two attempts on a pipe that another program has made non-blocking, and that is full. */
const BUSY_RETRY_MS = 50;

/** Part of `Deno.stderr` that is used. A thread outside the event loop does the write, however long it blocks. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<number>;
}

const encoder = new TextEncoder();

/** Writes lines in order. Never throws, never blocks, and its memory is bounded. */
export class LineWriter {
  readonly #sink: ByteSink;
  readonly #describeDropped: (count: number) => string;
  #waiting: Uint8Array[] = [];
  /** Bytes of the lines that wait or are on their way. */
  #bytes = 0;
  /** Lines that were dropped since the last note about it. */
  #dropped = 0;
  /** Whether a failed write may have cut a line: the next one must begin on a line of its own. */
  #isCut = false;
  /** Resolves when nothing waits; undefined while nothing does. */
  #writing: Promise<void> | undefined;

  /** @param describeDropped makes the line that reports dropped lines, once lines can be written again */
  constructor(sink: ByteSink, describeDropped: (count: number) => string) {
    this.#sink = sink;
    this.#describeDropped = describeDropped;
  }

  write(line: string): void {
    const bytes = encoder.encode(`${line}\n`);
    if (this.#bytes + bytes.length > MAX_WAITING_BYTES) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    this.#writing ??= this.#run();
  }

  /** Resolves when all lines are written, or after this time. */
  async flush(maxMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<void>((resolve) => timer = setTimeout(resolve, maxMs));
    await Promise.race([this.#writing, timeout]);
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    let isWritable = true;
    while (this.#waiting.length > 0 || isWritable && this.#dropped > 0) {
      const [lines, bytes, dropped] = [this.#waiting, this.#bytes, this.#dropped];
      this.#waiting = [];
      this.#dropped = 0;
      // Behind the lines that wait: they are older than the ones that found no room.
      const note = dropped > 0 ? [encoder.encode(`${this.#describeDropped(dropped)}\n`)] : [];
      isWritable = await this.#put(join([...lines, ...note]));
      if (!isWritable) this.#dropped += dropped + lines.length;
      this.#bytes -= bytes;
    }
    this.#writing = undefined;
  }

  /** Writes bytes, and resolves with whether all of them were accepted. */
  async #put(bytes: Uint8Array): Promise<boolean> {
    let rest = this.#isCut ? join([encoder.encode("\n"), bytes]) : bytes;
    const { length } = rest;
    while (rest.length > 0) {
      try {
        rest = rest.subarray(await this.#sink.write(rest));
      } catch (error) {
        if (error instanceof Deno.errors.WouldBlock) {
          await delay(BUSY_RETRY_MS);
          continue;
        }
        this.#isCut ||= rest.length < length;
        return false; // a full disk or a closed pipe: there is no other place to report it
      }
    }
    this.#isCut = false;
    return true;
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
