import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { fakeMonotonic } from "../tests/support/monotonic.ts";
import { setImmediate as nextTurn } from "node:timers/promises";
import { ANYONE } from "../auth/principal.ts";
import { Client } from "../client.ts";
import type { ClientHandle } from "./handler.ts";
import { JsonHandler } from "./json_handler.ts";
import { LinesHandler } from "./lines_handler.ts";
import { Hub } from "../hub.ts";
import { MemoryJournal } from "../journal/memory.ts";
import { DEFAULT_LIMITS, type Limits } from "../base/limits.ts";
import { BYTES_PER_ADDRESS, type Hold, WaitingBytes } from "../base/waiting_bytes.ts";
import type { Connection, ConnectionHandlers } from "../transport/transport.ts";
import { Frame } from "../protocol/frame.ts";
import type { Batch } from "../protocol/message.ts";

/** A socket whose peer reads what the test lets it read. */
class FakeConnection implements Connection {
  readonly remoteAddress = "test";
  readonly sent: string[] = [];
  readonly frames: Frame[] = [];
  isTerminated = false;
  /** Address by which its client is counted. */
  key = "one";
  readonly closes: { code: number; reason: string }[] = [];
  bufferedAmount = 0;
  unseenBytes = 0;
  /** Whether the peer has stopped reading, so that sent bytes stay in the buffer. */
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

  receive(data: string | ArrayBuffer): void {
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
  readonly clock = fakeMonotonic();
  readonly logged: string[] = [];
  readonly hub: Hub;
  readonly limits: Limits;
  readonly waiting = new WaitingBytes(DEFAULT_LIMITS);
  readonly #hubRunning: Promise<void>;

  /** Without a rate limit by default. */
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
  joinJson(hello = {}): FakeConnection {
    const connection = this.join(JsonHandler);
    const key = "a secret of more than 16 bytes";
    connection.receive(JSON.stringify({ type: "hello", name: "Ann", key, ...hello }));
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
    const hold: Hold = (holder) => this.waiting.hold(connection.key, holder);
    const client = new Client({ connection, makeHandler, log: this.#log, hold, ...roomRequest });
    client.run();
    return client;
  }

  #log = (_level: string, event: string, fields: Record<string, unknown> = {}) => {
    this.logged.push([event, ...Object.values(fields)].join(" "));
  };

  /** Lets hub and pumps do everything that waits for no timer, then advances the time. */
  async pass(ms = 0): Promise<void> {
    await turns();
    for (let left = ms; left > 0; left -= 100) {
      this.time.tick(Math.min(left, 100));
      await turns();
    }
  }

  /** Sends lines, one batch each. */
  async send(connection: FakeConnection, lines: string[]): Promise<void> {
    for (const line of lines) {
      connection.receive(line);
      await this.pass();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hub.close("restarting");
    await this.#hubRunning;
    await this.pass(20_000);
    this.clock[Symbol.dispose]();
    this.time.restore();
  }
}

/** Lets hub and pumps do everything that waits for no timer. */
async function turns(): Promise<void> {
  for (let i = 0; i < 4; i++) await nextTurn();
}

function numbered(count: number, size = 0): string[] {
  return Array.from({ length: count }, (_, n) => `line ${n} `.padEnd(size, ".").trim());
}

Deno.test("Client sends each message as one line to everybody in the room", async () => {
  await using room = new Room();
  const [a, b] = [room.join(), room.join()];
  await room.send(a, ["one", " two\nlines "]);
  await room.send(b, ["three"]);
  assertEquals(a.lines, ["one", "two lines", "three"]);
  assertEquals(b.lines, a.lines);
});

Deno.test("Client reads binary messages as text, and an empty message as an empty line", async () => {
  await using room = new Room();
  const a = room.join();
  a.receive(new TextEncoder().encode("naïve").buffer);
  a.receive("");
  await room.pass();
  assertEquals(a.lines, ["naïve", ""]);
});

Deno.test("Client.writePump joins queued frames into one message", async () => {
  await using room = new Room();
  const [talker, slow] = [room.join(), room.join()];
  slow.bufferedAmount = 256 * 1024;
  await room.send(talker, ["one", "two", "three"]);
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
  await room.send(talker, numbered(60, 16_000));
  assert(slow.bufferedAmount < 2 * 256 * 1024, `buffered ${slow.bufferedAmount}`);
  for (let i = 0; i < 10; i++) {
    slow.bufferedAmount = 0;
    await room.pass(100);
  }
  assertEquals(slow.lines, talker.lines);
  assert(Math.max(...slow.sent.map((message) => message.length)) < 2 * 256 * 1024);
});

Deno.test("Client.trySend() queues 1 MiB, and accepts more once that is written", async () => {
  await using room = new Room();
  const connection = new FakeConnection();
  const client = room.add(connection);
  const batch = (bytes: number): Batch => ({ lastSeq: 1, frame: new Frame("x".repeat(bytes)) });
  for (let round = 0; round < 2; round++) {
    connection.bufferedAmount = 256 * 1024;
    let queued = 0;
    while (queued < 2 * MIB && client.trySend(batch(MIB / 8))) queued += MIB / 8;
    assertEquals(queued, MIB);
    connection.bufferedAmount = 0;
    await room.pass(1000);
  }
});

/** Makes the room keep this many bytes for the address `one` already. */
function occupy({ waiting }: Room, waitingBytes: number): void {
  waiting.hold("one", { waitingBytes, isShared: true, cut: () => {} }).update();
}

Deno.test("Client whose address keeps much queues one batch, and reads the rest from the journal", async () => {
  await using room = new Room();
  occupy(room, BYTES_PER_ADDRESS / 2 + 1);
  const [talker, slow, other] = [room.join(), new FakeConnection(), new FakeConnection()];
  const [client, stranger] = [room.add(slow), (other.key = "other", room.add(other))];
  for (const connection of [slow, other]) connection.bufferedAmount = 256 * 1024;
  await room.send(talker, numbered(20, 1000));
  assert(client.waitingBytes < 256 * 1024 + 2000, `${client.waitingBytes}`);
  assert(stranger.waitingBytes >= 256 * 1024 + 20_000, `${stranger.waitingBytes}`);
  for (const connection of [slow, other]) connection.bufferedAmount = 0;
  await room.pass(1000);
  assertEquals([slow.lines, other.lines], [talker.lines, talker.lines]);
  assertEquals([slow.closes, client.waitingBytes], [[], 0]);
});

Deno.test("Client that keeps most of a full address is closed with address_full, and drops its queue", async () => {
  await using room = new Room();
  const stuck = new FakeConnection();
  const client = room.add(stuck, JsonHandler);
  stuck.receive(
    JSON.stringify({ type: "hello", name: "Ann", key: "a secret of more than 16 bytes" }),
  );
  const [talker, small] = [room.join(), room.join()];
  await room.pass();
  stuck.bufferedAmount = 256 * 1024;
  stuck.isStuck = true;
  await room.send(talker, numbered(20, 16_000));
  assert(client.waitingBytes > 256 * 1024 + 300_000);
  occupy(room, BYTES_PER_ADDRESS - 300_000);
  await room.pass(100);
  assertEquals(stuck.closes.map(({ code, reason }) => [code, reason.split(":")[0]]), [[
    1008,
    "address_full",
  ]]);
  const bye = JSON.parse(stuck.lines.at(-1)!);
  assertEquals([bye.type, bye.code], ["bye", "address_full"]);
  const { waitingBytes } = client; // the socket's, until its end is reported
  assert(waitingBytes < 256 * 1024 + 500, `${waitingBytes}`);
  assertEquals(stuck.isTerminated, false);
  await room.pass(6_000);
  assertEquals(stuck.isTerminated, true);
  stuck.end();
  assertEquals(client.waitingBytes, 0);
  await room.send(talker, ["still here"]);
  assertEquals(small.lines, talker.lines);
  assertEquals([talker.closes, small.closes], [[], []]);
});

Deno.test("Clients of a crowd at one address that stops reading are neither cut nor above its bound", async () => {
  await using room = new Room();
  const talker = room.join();
  const crowd = Array.from({ length: 200 }, () => new FakeConnection());
  const clients = crowd.map((connection) => room.add(connection));
  await room.pass();
  for (const connection of crowd) connection.isStuck = true;
  await room.send(talker, numbered(100, 16_000));
  await room.pass(1_000);
  const waiting = clients.reduce((bytes, { waitingBytes }) => bytes + waitingBytes, 0);
  assert(waiting > BYTES_PER_ADDRESS / 2 && waiting < BYTES_PER_ADDRESS, `${waiting / MIB} MiB`);
  for (const connection of crowd) connection.isStuck = false;
  for (const connection of crowd) connection.bufferedAmount = 0;
  await room.pass(5_000);
  for (const { closes, lines } of crowd) {
    assertEquals([closes, lines.length], [[], talker.lines.length]);
    assertEquals(lines, talker.lines);
  }
});

Deno.test("Client counts an unfinished message until it is complete", async () => {
  await using room = new Room();
  const connection = room.join();
  const client = room.add(connection);
  client.onUnfinished(1000);
  assertEquals(client.waitingBytes, 1000);
  client.onUnfinished(0);
  assertEquals(client.waitingBytes, 0);
});

Deno.test("Client sends a large frame unchanged, so that the transport encodes it once for all", async () => {
  await using room = new Room();
  const [ann, ben] = [
    room.joinJson(),
    room.joinJson({ name: "Ben", key: "another secret of 16 bytes" }),
  ];
  await room.pass();
  const text = "x".repeat(5000);
  ann.receive(JSON.stringify({ type: "say", id: "1", text }));
  await room.pass();
  const large = (connection: FakeConnection) =>
    connection.frames.find((frame) => frame.text.includes(text))!;
  assertStrictEquals(large(ann), large(ben));
  assertEquals(JSON.parse(large(ann).text).type, "entry");
  assertEquals(ann.lines.filter((line) => JSON.parse(line).type === "ack").length, 1);
});

Deno.test("Client terminates the connection if its last frames cannot be written", async () => {
  await using room = new Room();
  const connection = room.joinJson();
  await room.pass();
  connection.send = () => {
    throw new Error("broken");
  };
  room.hub.close("restarting");
  await room.pass();
  assert(connection.isTerminated);
  assertEquals(connection.closes.length, 1);
});

Deno.test("Client that lags by batches catches up: everything, once, in order", async () => {
  await using room = new Room();
  const [talker, slow] = [room.join(), room.join()];
  slow.bufferedAmount = 256 * 1024;
  await room.send(talker, numbered(1000));
  assertEquals(slow.sent, []);
  slow.bufferedAmount = 0;
  await room.pass(100);
  await room.send(talker, ["live again"]);
  assertEquals(slow.lines, [...numbered(1000), "live again"]);
  assertEquals(slow.closes, []);
});

Deno.test("Client that lags by bytes catches up as well", async () => {
  await using room = new Room();
  const [talker, slow] = [room.join(), room.join()];
  slow.bufferedAmount = 256 * 1024;
  await room.send(talker, numbered(200, 16_000)); // 3.2 MB, in fewer batches than the channel holds
  slow.bufferedAmount = 0;
  await room.pass(1000);
  assertEquals(slow.lines, talker.lines);
});

Deno.test("Client whose peer reads a little at a time is never closed", async () => {
  await using room = new Room();
  const [talker, slow] = [room.join(), room.join()];
  slow.isStuck = true;
  await room.send(talker, numbered(100, 16_000));
  for (let i = 0; i < 12; i++) {
    slow.bufferedAmount -= 1;
    await room.pass(9_000);
  }
  assertEquals(slow.closes, []);
});

Deno.test("Client whose peer reads nothing within the write deadline is closed, with a reason", async () => {
  await using room = new Room();
  const [talker, stuck] = [room.join(), room.join()];
  stuck.isStuck = true;
  await room.send(talker, ["hello"]);
  await room.pass(9_000);
  assertEquals(stuck.closes, []);
  await room.pass(3_000);
  assertEquals(stuck.closes.map((close) => close.code), [1008]);
  assert(stuck.closes[0]!.reason.startsWith("stalled: "));
  assert(stuck.isTerminated);
  assertEquals(room.logged, ["client closed stalled test"]);
  await room.send(talker, ["still here"]);
  assertEquals(talker.lines, ["hello", "still here"]);
  assertEquals(stuck.lines, ["hello"]);
});

for (const hours of [-24, -1, 2]) {
  Deno.test(`Client gives a reader and a typist the same time if the date jumps by ${hours} h`, async () => {
    await using room = new Room();
    const [talker, stuck] = [room.join(), room.join()];
    const [writer, witness] = [
      room.joinJson(),
      room.joinJson({ name: "Ben", key: "another secret of 16 bytes" }),
    ];
    const typed = () => witness.lines.filter((line) => line.includes('"typing"')).length;
    await room.pass();
    writer.receive('{"type":"typing"}');
    stuck.isStuck = true;
    await room.send(talker, ["hello"]);
    await room.pass(500);
    room.clock.jumpDate(hours * 3_600_000);
    writer.receive('{"type":"typing"}');
    await room.pass(500);
    assertEquals(typed(), 1);
    writer.receive('{"type":"typing"}');
    await room.pass(8_000);
    assertEquals([typed(), stuck.closes], [2, []]);
    await room.pass(3_000);
    assertEquals(stuck.closes.map((close) => close.code), [1008]);
  });
}

Deno.test("Client that sends an invalid message is closed after its earlier messages are delivered", async () => {
  await using room = new Room();
  const cases: [string | ArrayBuffer, number][] = [
    ["x".repeat(16 * 1024 + 1), 1009],
    [Uint8Array.of(0xff).buffer, 1007],
  ];
  const witness = room.join();
  for (const [data, code] of cases) {
    const rude = room.join();
    rude.receive("before");
    rude.receive(data);
    rude.receive("after");
    await room.pass();
    assertEquals(rude.closes.map((close) => close.code), [code]);
    assertEquals(rude.lines, ["before"]);
  }
  assertEquals(witness.lines, ["before", "before"]);
});

Deno.test("Client accepts the largest message that is allowed", async () => {
  await using room = new Room();
  const a = room.join();
  await room.send(a, ["x".repeat(16 * 1024)]);
  assertEquals(a.lines, ["x".repeat(16 * 1024)]);
});

Deno.test("Client whose socket has closed leaves the room and writes nothing more", async () => {
  await using room = new Room();
  const [talker, gone] = [room.join(), room.join()];
  gone.bufferedAmount = 256 * 1024;
  await room.send(talker, ["one"]);
  gone.end();
  gone.bufferedAmount = 0;
  await room.send(talker, ["two"]);
  await room.pass(100);
  assertEquals(gone.sent, []);
  assertEquals(talker.lines, ["one", "two"]);
});

Deno.test("Client writes queued frames before a stopping server closes it", async () => {
  await using room = new Room();
  const [talker, slow] = [room.join(), room.join()];
  slow.bufferedAmount = 256 * 1024;
  await room.send(talker, ["last words"]);
  room.hub.close("restarting");
  slow.bufferedAmount = 0;
  await room.pass(100);
  assertEquals(slow.lines, ["last words"]);
  assertEquals(slow.closes.map((close) => close.code), [1001]);
});

Deno.test("Client whose socket has closed is removed by the hub", async () => {
  await using room = new Room();
  const gone = room.join();
  await room.pass();
  gone.end();
  await room.pass();
  assertEquals(gone.closes.length, 1); // the write pump has ended, so the hub has closed the member
});

Deno.test("Client that has drained gets a new write deadline", async () => {
  await using room = new Room();
  const [talker, slow] = [room.join(), room.join()];
  slow.isStuck = true;
  await room.send(talker, ["one"]);
  await room.pass(1_500);
  slow.bufferedAmount = 0;
  await room.pass(60_000);
  await room.send(talker, ["two"]);
  await room.pass(5_000);
  assertEquals(slow.closes, []);
});

Deno.test("Client that was closed is not watched any longer", async () => {
  await using room = new Room();
  const [talker, stuck] = [room.join(), room.join()];
  stuck.isStuck = true;
  await room.send(talker, ["hello"]);
  await room.pass(15_000);
  assertEquals(stuck.closes.length, 1);
  let looks = 0;
  Object.defineProperty(stuck, "bufferedAmount", { get: () => (looks++, 5) });
  await room.pass(5_000);
  assertEquals(looks, 0);
});

Deno.test("Client whose socket hides progress is given the time that a slow reader needs", async () => {
  await using room = new Room();
  const talker = room.join();
  const slow = new FakeConnection();
  slow.unseenBytes = 100 * 1024; // no progress is visible for 100 s at 1 KiB/s
  slow.isStuck = true;
  room.add(slow);
  await room.send(talker, ["hello"]);
  await room.pass(99_000);
  assertEquals(slow.closes, []);
  await room.pass(3_000);
  assertEquals(slow.closes.map((close) => close.code), [1008]);
});

Deno.test("Client that sends messages is alive, even if its reads are not visible", async () => {
  await using room = new Room();
  const [talker, slow] = [room.join(), room.joinJson()];
  slow.isStuck = true;
  await room.send(talker, ["hello"]);
  for (let n = 0; n < 5; n++) {
    await room.pass(8_000);
    slow.receive('{"type":"ping"}');
  }
  assertEquals(slow.closes, []);
  await room.pass(12_000);
  assertEquals(slow.closes.map((close) => close.code), [1008]);
});

Deno.test("Client receives acknowledgements even if it lags, and presence only if it keeps up", async () => {
  await using room = new Room();
  const talker = room.joinJson();
  await room.pass(1_000);
  const slow = room.joinJson({ name: "Slow", key: "another secret, long enough" });
  slow.bufferedAmount = 256 * 1024;
  for (let n = 0; n < 400; n++) {
    talker.receive(JSON.stringify({ type: "say", id: `${n}`, text: "x".repeat(5000) }));
    await room.pass();
  }
  await room.pass(5_000);
  slow.receive('{"type":"say","id":"mine","text":"hello"}');
  room.joinJson({ name: "Late", key: "yet another secret, long enough" });
  await room.pass(5_000);
  slow.bufferedAmount = 0;
  await room.pass(5_000);
  const lines = slow.lines.map((line) => JSON.parse(line));
  const types = lines.map(({ type }) => type).filter((type) => type !== "entry");
  assertEquals(types, ["welcome", "presence", "ack", "presence"]);
  const seqs = lines.filter(({ type }) => type === "entry").map(({ seq }) => seq);
  assertEquals(seqs, Array.from({ length: 401 }, (_, n) => n + 1));
});

Deno.test("Client that reads none of its responses is closed", async () => {
  await using room = new Room();
  const rude = room.joinJson();
  rude.bufferedAmount = 256 * 1024;
  const page = JSON.stringify({ type: "say", id: "1", text: "x".repeat(16_000) });
  for (let n = 0; n < 10; n++) rude.receive(page.replace('"1"', `"${n}"`));
  await room.pass();
  for (let n = 0; n < 30; n++) rude.receive('{"type":"history","before":99}');
  await room.pass();
  rude.bufferedAmount = 0;
  await room.pass(1_000);
  assertEquals(rude.closes.map((close) => close.code), [1008]);
  assert(rude.closes[0]!.reason.startsWith("fell_behind: "));
});

Deno.test("Client sends bye before the server closes, in the protocol that has it", async () => {
  await using room = new Room();
  const [line, json] = [room.join(), room.joinJson()];
  await room.pass(100);
  room.hub.close("restarting");
  await room.pass();
  assertEquals(line.sent, []);
  const bye = JSON.parse(json.lines.at(-1)!);
  assertEquals(bye, { type: "bye", code: "restarting", retryAfterMs: 250 });
  assertEquals([line.closes[0]!.code, json.closes[0]!.code], [1001, 1001]);
});
