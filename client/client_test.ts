import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { setImmediate as nextTurn } from "node:timers/promises";
import { ANYONE } from "../auth/principal.ts";
import { Client } from "../client.ts";
import type { ClientHandle } from "./handler.ts";
import { JsonHandler } from "./json_handler.ts";
import { LinesHandler } from "./lines_handler.ts";
import { Hub } from "../hub.ts";
import { MemoryJournal } from "../journal/memory.ts";
import { DEFAULT_LIMITS, type Limits } from "../base/limits.ts";
import type { Connection, ConnectionHandlers } from "../transport/transport.ts";
import { Frame } from "../protocol/frame.ts";
import type { Batch } from "../protocol/message.ts";

/** A socket whose peer takes what the test lets it take. */
class FakeConnection implements Connection {
  readonly remoteAddress = "test";
  readonly sent: string[] = [];
  readonly frames: Frame[] = [];
  isTerminated = false;
  readonly closes: { code: number; reason: string }[] = [];
  bufferedAmount = 0;
  unseenBytes = 0;
  /** Whether the peer has stopped reading: what is sent stays in the buffer. */
  isStuck = false;
  #handlers: ConnectionHandlers | undefined;

  listen(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
  }

  send(frame: Frame): void {
    this.frames.push(frame);
    this.sent.push(frame.text);
    if (this.isStuck) this.bufferedAmount += frame.text.length;
  }

  close(code: number, reason: string): void {
    this.closes.push({ code, reason });
  }

  terminate(code: number, reason: string): void {
    this.isTerminated = true;
    this.close(code, reason);
  }

  say(data: string | ArrayBuffer): void {
    this.#handlers!.onMessage(data);
  }

  end(): void {
    this.#handlers!.onClose();
  }

  get lines(): string[] {
    return this.sent.flatMap((message) => message.split("\n"));
  }
}

const MIB = 1024 * 1024;

class Room implements AsyncDisposable {
  readonly time = new FakeTime();
  readonly logged: string[] = [];
  readonly hub: Hub;
  readonly limits: Limits;
  readonly #hubRunning: Promise<void>;

  /** Rates are none unless told otherwise. */
  constructor(limits: Partial<Limits> = {}) {
    this.limits = { ...DEFAULT_LIMITS, messagesPerS: Infinity, ...limits };
    this.hub = new Hub({ journal: new MemoryJournal(), keep: 0, log: this.#log });
    this.#hubRunning = this.hub.run();
  }

  join(ProtocolHandler: typeof LinesHandler | typeof JsonHandler = LinesHandler): FakeConnection {
    const connection = new FakeConnection();
    this.add(connection, ProtocolHandler);
    return connection;
  }

  /** Joins on `confab.v1`. */
  arrive(hello = {}): FakeConnection {
    const connection = this.join(JsonHandler);
    const key = "a secret of more than 16 bytes";
    connection.say(JSON.stringify({ type: "hello", name: "Ann", key, ...hello }));
    return connection;
  }

  add(
    connection: FakeConnection,
    ProtocolHandler: typeof LinesHandler | typeof JsonHandler = LinesHandler,
  ) {
    const { hub, limits } = this;
    const makeHandler = (client: ClientHandle) =>
      new ProtocolHandler(client, { hub, limits, room: "lobby" });
    const roomRequest = { hub, limits, principal: ANYONE, address: connection.remoteAddress };
    const client = new Client({ connection, makeHandler, log: this.#log, ...roomRequest });
    client.run();
    return client;
  }

  #log = (_level: string, event: string, fields: Record<string, unknown> = {}) => {
    this.logged.push([event, ...Object.values(fields)].join(" "));
  };

  /** Lets hub and pumps do what needs no more time, then moves time on. */
  async pass(ms = 0): Promise<void> {
    await turns();
    for (let left = ms; left > 0; left -= 100) {
      this.time.tick(Math.min(left, 100));
      await turns();
    }
  }

  /** Says lines, one batch each. */
  async say(connection: FakeConnection, lines: string[]): Promise<void> {
    for (const line of lines) {
      connection.say(line);
      await this.pass();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hub.close("restarting");
    await this.#hubRunning;
    await this.pass(20_000);
    this.time.restore();
  }
}

/** Lets hub and pumps do what waits for no timer. */
async function turns(): Promise<void> {
  for (let i = 0; i < 4; i++) await nextTurn();
}

function numbered(count: number, size = 0): string[] {
  return Array.from({ length: count }, (_, n) => `line ${n} `.padEnd(size, ".").trim());
}

Deno.test("Client passes each message on as one line, to everybody in the room", async () => {
  await using room = new Room();
  const [a, b] = [room.join(), room.join()];
  await room.say(a, ["one", " two\nlines "]);
  await room.say(b, ["three"]);
  assertEquals(a.lines, ["one", "two lines", "three"]);
  assertEquals(b.lines, a.lines);
});

Deno.test("Client takes binary as text, and an empty message for an empty line", async () => {
  await using room = new Room();
  const a = room.join();
  a.say(new TextEncoder().encode("naïve").buffer);
  a.say("");
  await room.pass();
  assertEquals(a.lines, ["naïve", ""]);
});

Deno.test("Client.writePump joins what is pending into one message", async () => {
  await using room = new Room();
  const [talker, slow] = [room.join(), room.join()];
  slow.bufferedAmount = 256 * 1024;
  await room.say(talker, ["one", "two", "three"]);
  assertEquals(slow.sent, []);
  slow.bufferedAmount = 0;
  await room.pass(100);
  assertEquals(slow.sent, ["one\ntwo\nthree"]);
  assertEquals(talker.sent, ["one", "two", "three"]);
});

Deno.test("Client.writePump stops at the high-water mark and bounds one message", async () => {
  await using room = new Room();
  const [talker, slow] = [room.join(), room.join()];
  slow.isStuck = true;
  await room.say(talker, numbered(60, 16_000));
  assert(slow.bufferedAmount < 2 * 256 * 1024, `buffered ${slow.bufferedAmount}`);
  for (let i = 0; i < 10; i++) {
    slow.bufferedAmount = 0;
    await room.pass(100);
  }
  assertEquals(slow.lines, talker.lines);
  assert(Math.max(...slow.sent.map((message) => message.length)) < 2 * 256 * 1024);
});

Deno.test("Client.trySend() holds 1 MiB, and takes more once that is written", async () => {
  await using room = new Room();
  const connection = new FakeConnection();
  const client = room.add(connection);
  const batch = (bytes: number): Batch => ({ lastSeq: 1, frame: new Frame("x".repeat(bytes)) });
  for (let round = 0; round < 2; round++) {
    connection.bufferedAmount = 256 * 1024;
    let taken = 0;
    while (taken < 2 * MIB && client.trySend(batch(MIB / 8))) taken += MIB / 8;
    assertEquals(taken, MIB);
    connection.bufferedAmount = 0;
    await room.pass(1000);
  }
});

Deno.test("Client passes a large frame on as it is, for the transport to encode it once for all", async () => {
  await using room = new Room();
  const [ann, ben] = [
    room.arrive(),
    room.arrive({ name: "Ben", key: "another secret of 16 bytes" }),
  ];
  await room.pass();
  const text = "x".repeat(5000);
  ann.say(JSON.stringify({ type: "say", id: "1", text }));
  await room.pass();
  const large = (connection: FakeConnection) =>
    connection.frames.find((frame) => frame.text.includes(text))!;
  assertStrictEquals(large(ann), large(ben));
  assertEquals(JSON.parse(large(ann).text).type, "entry");
  assertEquals(ann.lines.filter((line) => JSON.parse(line).type === "ack").length, 1);
});

Deno.test("Client whose last words cannot be written cuts the connection", async () => {
  await using room = new Room();
  const connection = room.arrive();
  await room.pass();
  connection.send = () => {
    throw new Error("broken");
  };
  room.hub.close("restarting");
  await room.pass();
  assert(connection.isTerminated);
  assertEquals(connection.closes.length, 1);
});

Deno.test("Client that has fallen behind its channel catches up: everything, once, in order", async () => {
  await using room = new Room();
  const [talker, slow] = [room.join(), room.join()];
  slow.bufferedAmount = 256 * 1024;
  await room.say(talker, numbered(1000));
  assertEquals(slow.sent, []);
  slow.bufferedAmount = 0;
  await room.pass(100);
  await room.say(talker, ["live again"]);
  assertEquals(slow.lines, [...numbered(1000), "live again"]);
  assertEquals(slow.closes, []);
});

Deno.test("Client that has fallen behind in bytes catches up as well", async () => {
  await using room = new Room();
  const [talker, slow] = [room.join(), room.join()];
  slow.bufferedAmount = 256 * 1024;
  await room.say(talker, numbered(200, 16_000)); // 3.2 MB, in fewer batches than the channel holds
  slow.bufferedAmount = 0;
  await room.pass(1000);
  assertEquals(slow.lines, talker.lines);
});

Deno.test("Client that takes a little at a time is never closed", async () => {
  await using room = new Room();
  const [talker, slow] = [room.join(), room.join()];
  slow.isStuck = true;
  await room.say(talker, numbered(100, 16_000));
  for (let i = 0; i < 12; i++) {
    slow.bufferedAmount -= 1;
    await room.pass(9_000);
  }
  assertEquals(slow.closes, []);
});

Deno.test("Client that takes nothing for the write deadline is closed, with a reason", async () => {
  await using room = new Room();
  const [talker, stuck] = [room.join(), room.join()];
  stuck.isStuck = true;
  await room.say(talker, ["hello"]);
  await room.pass(9_000);
  assertEquals(stuck.closes, []);
  await room.pass(3_000);
  assertEquals(stuck.closes.map((close) => close.code), [1008]);
  assert(stuck.closes[0]!.reason.startsWith("stalled: "));
  assert(stuck.isTerminated);
  assertEquals(room.logged, ["client closed stalled test"]);
  await room.say(talker, ["still here"]);
  assertEquals(talker.lines, ["hello", "still here"]);
  assertEquals(stuck.lines, ["hello"]);
});

Deno.test("Client that sends what it must not is closed after what it said before", async () => {
  await using room = new Room();
  const cases: [string | ArrayBuffer, number][] = [
    ["x".repeat(16 * 1024 + 1), 1009],
    [Uint8Array.of(0xff).buffer, 1007],
  ];
  const witness = room.join();
  for (const [data, code] of cases) {
    const rude = room.join();
    rude.say("before");
    rude.say(data);
    rude.say("after");
    await room.pass();
    assertEquals(rude.closes.map((close) => close.code), [code]);
    assertEquals(rude.lines, ["before"]);
  }
  assertEquals(witness.lines, ["before", "before"]);
});

Deno.test("Client takes the largest message that is allowed", async () => {
  await using room = new Room();
  const a = room.join();
  await room.say(a, ["x".repeat(16 * 1024)]);
  assertEquals(a.lines, ["x".repeat(16 * 1024)]);
});

Deno.test("Client whose socket has closed leaves the room and writes nothing more", async () => {
  await using room = new Room();
  const [talker, gone] = [room.join(), room.join()];
  gone.bufferedAmount = 256 * 1024;
  await room.say(talker, ["one"]);
  gone.end();
  gone.bufferedAmount = 0;
  await room.say(talker, ["two"]);
  await room.pass(100);
  assertEquals(gone.sent, []);
  assertEquals(talker.lines, ["one", "two"]);
});

Deno.test("Client writes what is queued before the goodbye of a stopping server", async () => {
  await using room = new Room();
  const [talker, slow] = [room.join(), room.join()];
  slow.bufferedAmount = 256 * 1024;
  await room.say(talker, ["last words"]);
  room.hub.close("restarting");
  slow.bufferedAmount = 0;
  await room.pass(100);
  assertEquals(slow.lines, ["last words"]);
  assertEquals(slow.closes.map((close) => close.code), [1001]);
});

Deno.test("Client whose socket has closed is let go by the hub", async () => {
  await using room = new Room();
  const gone = room.join();
  await room.pass();
  gone.end();
  await room.pass();
  assertEquals(gone.closes.length, 1); // the write pump has ended, so the hub has closed the member
});

Deno.test("Client that drained is watched anew, not from the last time", async () => {
  await using room = new Room();
  const [talker, slow] = [room.join(), room.join()];
  slow.isStuck = true;
  await room.say(talker, ["one"]);
  await room.pass(1_500);
  slow.bufferedAmount = 0;
  await room.pass(60_000);
  await room.say(talker, ["two"]);
  await room.pass(5_000);
  assertEquals(slow.closes, []);
});

Deno.test("Client that was closed is not watched any more", async () => {
  await using room = new Room();
  const [talker, stuck] = [room.join(), room.join()];
  stuck.isStuck = true;
  await room.say(talker, ["hello"]);
  await room.pass(15_000);
  assertEquals(stuck.closes.length, 1);
  let looks = 0;
  Object.defineProperty(stuck, "bufferedAmount", { get: () => (looks++, 5) });
  await room.pass(5_000);
  assertEquals(looks, 0);
});

Deno.test("Client whose socket hides what the peer takes is given time for a slow one", async () => {
  await using room = new Room();
  const talker = room.join();
  const slow = new FakeConnection();
  slow.unseenBytes = 100 * 1024; // at 1 KiB/s nothing shows for 100 s
  slow.isStuck = true;
  room.add(slow);
  await room.say(talker, ["hello"]);
  await room.pass(99_000);
  assertEquals(slow.closes, []);
  await room.pass(3_000);
  assertEquals(slow.closes.map((close) => close.code), [1008]);
});

Deno.test("Client that says something is alive, though nothing shows that it takes anything", async () => {
  await using room = new Room();
  const [talker, slow] = [room.join(), room.arrive()];
  slow.isStuck = true;
  await room.say(talker, ["hello"]);
  for (let n = 0; n < 5; n++) {
    await room.pass(8_000);
    slow.say('{"type":"ping"}');
  }
  assertEquals(slow.closes, []);
  await room.pass(12_000);
  assertEquals(slow.closes.map((close) => close.code), [1008]);
});

Deno.test("Client is told what it must know though it lags, and presence only when it keeps up", async () => {
  await using room = new Room();
  const talker = room.arrive();
  await room.pass(1_000);
  const slow = room.arrive({ name: "Slow", key: "another secret, long enough" });
  slow.bufferedAmount = 256 * 1024;
  for (let n = 0; n < 400; n++) {
    talker.say(JSON.stringify({ type: "say", id: `${n}`, text: "x".repeat(5000) }));
    await room.pass();
  }
  await room.pass(5_000);
  slow.say('{"type":"say","id":"mine","text":"hello"}');
  room.arrive({ name: "Late", key: "yet another secret, long enough" });
  await room.pass(5_000);
  slow.bufferedAmount = 0;
  await room.pass(5_000);
  const lines = slow.lines.map((line) => JSON.parse(line));
  const types = lines.map(({ type }) => type).filter((type) => type !== "entry");
  assertEquals(types, ["welcome", "presence", "ack", "presence"]);
  const seqs = lines.filter(({ type }) => type === "entry").map(({ seq }) => seq);
  assertEquals(seqs, Array.from({ length: 401 }, (_, n) => n + 1));
});

Deno.test("Client that reads none of its answers is closed", async () => {
  await using room = new Room();
  const rude = room.arrive();
  rude.bufferedAmount = 256 * 1024;
  const page = JSON.stringify({ type: "say", id: "1", text: "x".repeat(16_000) });
  for (let n = 0; n < 10; n++) rude.say(page.replace('"1"', `"${n}"`));
  await room.pass();
  for (let n = 0; n < 30; n++) rude.say('{"type":"history","before":99}');
  await room.pass();
  rude.bufferedAmount = 0;
  await room.pass(1_000);
  assertEquals(rude.closes.map((close) => close.code), [1008]);
  assert(rude.closes[0]!.reason.startsWith("fell_behind: "));
});

Deno.test("Client says bye before a close that the server begins, on the wire that knows it", async () => {
  await using room = new Room();
  const [line, json] = [room.join(), room.arrive()];
  await room.pass(100);
  room.hub.close("restarting");
  await room.pass();
  assertEquals(line.sent, []);
  const bye = JSON.parse(json.lines.at(-1)!);
  assertEquals(bye, { type: "bye", code: "restarting", retryAfterMs: 250 });
  assertEquals([line.closes[0]!.code, json.closes[0]!.code], [1001, 1001]);
});
