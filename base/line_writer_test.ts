import { assert, assertEquals } from "@std/assert";
import { LineWriter, MAX_WAITING_BYTES } from "./line_writer.ts";

/** A sink whose reader sleeps until it is told to read, and whose disk may be full. */
class FakeSink {
  text = "";
  isFull = false;
  /** Bytes that one write accepts. */
  size = Infinity;
  #awake = Promise.withResolvers<void>();

  async write(bytes: Uint8Array): Promise<number> {
    await this.#awake.promise;
    const part = bytes.subarray(0, this.size);
    if (this.isFull) throw new Error("No space left on device");
    this.text += new TextDecoder().decode(part);
    return part.length;
  }

  wake(): void {
    this.#awake.resolve();
  }

  sleep(): void {
    this.#awake = Promise.withResolvers();
  }

  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }
}

const describeDropped = (count: number) => `dropped ${count}`;

Deno.test("LineWriter writes all lines in order, however few bytes a write accepts", async () => {
  for (const size of [1, 7, Infinity]) {
    const sink = new FakeSink();
    sink.size = size;
    sink.wake();
    const writer = new LineWriter(sink, describeDropped);
    for (let n = 0; n < 100; n++) writer.write(`line ${n}`);
    await writer.flush(60_000);
    assertEquals(sink.lines, Array.from({ length: 100 }, (_, n) => `line ${n}`));
  }
});

Deno.test("LineWriter drops what finds no room while nobody reads, and counts it behind the older lines", async () => {
  const sink = new FakeSink();
  const writer = new LineWriter(sink, describeDropped);
  const line = "x".repeat(1023);
  const room = MAX_WAITING_BYTES / 1024;
  for (let n = 0; n < room + 5; n++) writer.write(line);
  assertEquals(sink.lines, []);
  sink.wake();
  await writer.flush(60_000);
  writer.write("later");
  await writer.flush(60_000);
  assertEquals(sink.lines.length, room + 2);
  assertEquals(sink.lines.slice(-3), [line, "dropped 5", "later"]);
});

Deno.test("LineWriter.flush() does not wait for a reader that sleeps", async () => {
  const sink = new FakeSink();
  const writer = new LineWriter(sink, describeDropped);
  writer.write("unread");
  await writer.flush(10);
  assertEquals(sink.lines, []);
  sink.wake();
  await writer.flush(60_000);
});

Deno.test("LineWriter survives a full disk, and counts the lines that it cost", async () => {
  const sink = new FakeSink();
  sink.wake();
  sink.isFull = true;
  const writer = new LineWriter(sink, describeDropped);
  for (let n = 0; n < 3; n++) {
    writer.write(`lost ${n}`);
    await writer.flush(60_000);
  }
  sink.isFull = false;
  writer.write("kept");
  await writer.flush(60_000);
  assertEquals(sink.lines, ["kept", "dropped 3"]);
});

Deno.test("LineWriter begins a new line after one that was cut", async () => {
  const sink = new FakeSink();
  sink.wake();
  sink.size = 3;
  const writer = new LineWriter(sink, describeDropped);
  writer.write("abcdef");
  while (sink.text === "") await Promise.resolve();
  sink.isFull = true;
  await writer.flush(60_000);
  sink.isFull = false;
  writer.write("kept");
  await writer.flush(60_000);
  assertEquals(sink.lines, ["abc", "kept", "dropped 1"]);
});

Deno.test("LineWriter retries when a non-blocking pipe is full", async () => {
  let failures = 2;
  let text = "";
  const writer = new LineWriter({
    write(bytes) {
      if (failures-- > 0) return Promise.reject(new Deno.errors.WouldBlock("try again"));
      text += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    },
  }, describeDropped);
  writer.write("kept");
  await writer.flush(60_000);
  assert(text === "kept\n", text);
});
