// A reader of 1 KiB a second beside a room that says 20 MB: it is not thrown out, it costs little, it gets everything.
import { assert, assertEquals, assertLess } from "@std/assert";
import { peakMemoryMiB } from "./support/processes.ts";
import { startProgram } from "./support/program.ts";
import { encodeFrame, OPCODE, RawSocket } from "./support/raw_socket.ts";

const SAID_BYTES = 20_000_000;
const READ_BYTES_PER_S = 1024;

/** Longer than the time after which a connection that takes nothing would be closed, could one see it take. */
const SLOW_SECONDS = 15;

const WIRES = {
  lines: { path: "/ws", headers: [], hello: undefined },
  "confab.v1": {
    path: "/ws",
    headers: ["Sec-WebSocket-Protocol: confab.v1"],
    hello: '{"type":"hello","key":"a secret of sixteen bytes","history":0}',
  },
};

/** Lengths of texts: how 20 MB may be divided. The shorter ones are far more than retention keeps. */
const CASES = [
  { wire: "lines", textBytes: 16_000 },
  { wire: "lines", textBytes: 100 },
  { wire: "confab.v1", textBytes: 1000 },
] as const;

Deno.test("slow reader: 1 KiB a second while others say 20 MB: never closed, gets everything", async () => {
  await Promise.all(CASES.map(readBesideTalk));
});

async function readBesideTalk({ wire, textBytes }: typeof CASES[number]): Promise<void> {
  await using program = await startProgram();
  const { path, headers, hello } = WIRES[wire];
  using slow = await RawSocket.open(program.port, path, [...headers]);
  if (hello) await slow.send(hello);
  using talker = await RawSocket.open(program.port);
  const trickle = readSlowly(slow);
  const count = Math.ceil(SAID_BYTES / textBytes);
  await sayAll(talker, count, textBytes);
  slow.unread(await trickle);
  const texts = await readTexts(slow, `${count}`.padEnd(textBytes, "."));
  const numbers = texts.map((text) => Number.parseInt(text));
  // On the wire of lines it takes part from some time after it has connected.
  const first = numbers[0]!;
  assert(first <= 2, `the first is ${first}`);
  assertEquals(numbers.length, count - first + 1);
  assert(numbers.every((number, n) => number === first + n), "a hole, a double, or out of order");
  assertEquals(program.log(), "");
  if (Deno.build.os === "linux") {
    const peak = await peakMemoryMiB(program.pid);
    console.log(`${wire}, texts of ${textBytes} bytes: server peak ${peak} MiB`);
    assertLess(peak, 250);
  }
}

async function readSlowly(slow: RawSocket): Promise<Uint8Array> {
  const bytes: number[] = [];
  for (let n = 0; n < SLOW_SECONDS; n++) {
    const chunk = await slow.readChunk(READ_BYTES_PER_S);
    assert(chunk, "it was thrown out");
    bytes.push(...chunk);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  return Uint8Array.from(bytes);
}

/** Says numbered texts as fast as they come back. */
async function sayAll(talker: RawSocket, count: number, textBytes: number): Promise<void> {
  const ahead = Math.ceil(200_000 / textBytes);
  let delivered = 0;
  for (let said = 1; said <= count; said++) {
    await talker.send(`${said}`.padEnd(textBytes, "."));
    while (said - delivered >= ahead) delivered += (await talker.readText()).split("\n").length;
  }
  while (delivered < count) delivered += (await talker.readText()).split("\n").length;
}

/** The texts of all that came, up to the last. Answers pings, as every client does. */
async function readTexts(slow: RawSocket, last: string): Promise<string[]> {
  const texts: string[] = [];
  while (texts.at(-1) !== last) {
    const frame = await slow.readFrame();
    if (!frame) return texts;
    if (frame.opcode === OPCODE.ping) await slow.write(encodeFrame(OPCODE.pong, frame.payload));
    if (frame.opcode === OPCODE.text) texts.push(...decodeTexts(frame.payload));
  }
  return texts;
}

function decodeTexts(payload: Uint8Array): string[] {
  return new TextDecoder().decode(payload).split("\n").flatMap((line) => {
    if (!line.startsWith("{")) return line;
    const { type, text } = JSON.parse(line);
    return type === "entry" ? text : [];
  });
}
