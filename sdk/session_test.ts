import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { delay } from "@std/async/delay";
import { FakeTime } from "@std/testing/time";
import { within } from "../tests/support/deadline.ts";
import { fakeMonotonic } from "../tests/support/monotonic.ts";
import { startProgram } from "../tests/support/program.ts";
import type { Handlers, SessionOptions } from "./types.d.ts";
import { Session } from "./session.js";
import { SafeStorage } from "./storage.js";

fakeMonotonic(); // for all tests of this file

const WELCOME = {
  type: "welcome",
  room: "lobby",
  epoch: "e1",
  head: 0,
  you: { name: "Ann", tag: "k3f9" },
  resumed: false,
  limits: { textBytes: 100 },
};

/** Replaces a WebSocket: shows what a server would see, and does what it would do. */
class FakeSocket {
  readonly protocol: string;
  readonly sent: Record<string, unknown>[] = [];
  isClosed = false;
  onopen: ((event: unknown) => void) | null = null;
  onmessage: ((event: unknown) => void) | null = null;
  onclose: ((event: unknown) => void) | null = null;

  constructor(protocol: string) {
    this.protocol = protocol;
  }

  send(data: string): void {
    assert(!data.includes("\n"), "a line holds no newline");
    this.sent.push(JSON.parse(data));
  }

  /** Emits no close event, for a real socket may take long to emit it. */
  close(): void {
    this.isClosed = true;
  }

  /** Sends lines as one message. */
  receive(...lines: object[]): void {
    this.onmessage?.({ data: lines.map((line) => JSON.stringify(line)).join("\n") });
  }

  welcome(changes: Partial<typeof WELCOME> = {}): void {
    this.onopen?.({});
    this.receive({ ...WELCOME, ...changes });
  }

  sentOf(type: string): Record<string, unknown>[] {
    return this.sent.filter((line) => line["type"] === type);
  }
}

/** Web Storage in memory. Deno's own would outlive the test. */
class FakeStorage {
  readonly items = new Map<string, string>();
  get length(): number {
    return this.items.size;
  }
  key(index: number): string | null {
    return [...this.items.keys()][index] ?? null;
  }
  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }
  removeItem(key: string): void {
    this.items.delete(key);
  }
  /** Stored messages. */
  get messages(): string[] {
    return [...this.items.keys()].filter((key) => key.startsWith("confab.outbox."));
  }
}

/** Makes a session whose sockets the test controls. Random numbers are 0 by default, so that it reconnects at once. */
function setUp(options: Partial<SessionOptions> & { storage?: FakeStorage } = {}) {
  const sockets: FakeSocket[] = [];
  const storage = options.storage ?? new FakeStorage();
  const told: unknown[][] = [];
  const note = (name: string) => (...args: unknown[]) => void told.push([name, ...args]);
  const handlers: Handlers = {
    onState: note("state"),
    onWelcome: note("welcome"),
    onReset: note("reset"),
    onEntry: note("entry"),
    onGap: note("gap"),
    onPending: note("pending"),
    onPresence: note("presence"),
    onTyping: note("typing"),
    onError: note("error"),
  };
  const session = new Session({
    url: "ws://localhost/ws",
    room: "lobby",
    handlers,
    storage,
    random: () => 0,
    WebSocket: class extends FakeSocket {
      constructor(_url: string, protocol: string) {
        super(protocol);
        sockets.push(this);
      }
    },
    ...options,
  });
  return {
    session,
    sockets,
    storage,
    /** Arguments of one handler, in order. */
    told: (name: string) => told.filter(([first]) => first === name).map(([, arg]) => arg),
    order: () => told.map(([name]) => name),
    /** Newest socket. */
    socket: () => sockets.at(-1)!,
    seqs: () =>
      told.filter(([name]) => name === "entry").map(([, e]) => (e as { seq: number }).seq),
    states: () =>
      told.filter(([name]) => name === "pending").map(([, m]) => (m as { state: string }).state),
    [Symbol.dispose]: () => session.stop(),
  };
}

function entry(seq: number, id = `other-${seq}`) {
  const from = { name: "Bob", tag: "b0b0" };
  return { type: "entry", seq, id, kind: "say", from, at: 1_790_000_000_000, text: `text ${seq}` };
}

Deno.test("Session.start() sends a hello with key and name, and without after", () => {
  using _time = new FakeTime();
  using room = setUp();
  room.session.rename("Ann");
  room.session.start();
  room.session.start();
  assertEquals(room.sockets.length, 1);
  assertEquals(room.socket().sent, []);
  room.socket().welcome();
  const key = room.storage.getItem("confab.key")!;
  assert(/^[0-9a-f]{64}$/.test(key));
  assertEquals(room.socket().sent, [{ type: "hello", name: "Ann", key, history: 50 }]);
  assertEquals(room.told("state"), ["connecting", "online"]);
});

Deno.test("Session.start() keeps the key, and replaces one that no server would accept", () => {
  const { storage } = setUp();
  const key = storage.getItem("confab.key");
  setUp({ storage });
  assertEquals(storage.getItem("confab.key"), key);
  storage.setItem("confab.key", "short");
  setUp({ storage });
  assertEquals(storage.getItem("confab.key")?.length, 64);
});

Deno.test("Session.start() never sends its key to a server of another protocol", () => {
  using _time = new FakeTime();
  using room = setUp();
  room.session.start();
  Object.assign(room.socket(), { protocol: "" });
  room.socket().onopen?.({});
  assertEquals(room.socket().sent, []);
  assert(room.socket().isClosed);
});

Deno.test("Session delivers each entry once, in order of seq", () => {
  using _time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome({ head: 42 });
  room.socket().receive(entry(41), entry(42));
  room.socket().receive(entry(42), entry(41), entry(43), entry(43));
  assertEquals(room.seqs(), [41, 42, 43]);
  assertEquals(room.sockets.length, 1);
});

Deno.test("Session resumes at a hole instead of delivering what is behind it", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome({ head: 42 });
  room.socket().receive(entry(42), entry(44), entry(45));
  assertEquals(room.seqs(), [42]);
  assert(room.sockets[0]!.isClosed);
  time.tick(1);
  room.socket().welcome({ head: 45, resumed: true });
  const [hello] = room.socket().sentOf("hello");
  assertEquals([hello?.["after"], hello?.["epoch"]], [42, "e1"]);
  room.socket().receive(entry(43), entry(44), entry(45));
  assertEquals(room.seqs(), [42, 43, 44, 45]);
  assertEquals(room.told("reset"), []);
});

Deno.test("Session resumes from an empty room, which has no entry to count from", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome({ head: 0 });
  room.socket().onclose?.({});
  time.tick(1);
  room.socket().welcome({ head: 0, resumed: true });
  assertEquals(room.socket().sentOf("hello")[0]?.["after"], 0);
});

Deno.test("Session without history resumes from the head of its welcome", () => {
  using time = new FakeTime();
  using room = setUp({ history: 0, maxReplay: 500 });
  room.session.start();
  room.socket().welcome({ head: 9 });
  room.socket().onclose?.({});
  time.tick(1);
  room.socket().welcome({ head: 9, resumed: true });
  const [hello] = room.socket().sentOf("hello");
  assertEquals([hello?.["after"], hello?.["history"], hello?.["most"]], [9, 0, 500]);
});

Deno.test("Session starts anew again when nothing came before the connection ended", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome({ head: 42 });
  room.socket().onclose?.({});
  time.tick(1);
  room.socket().welcome({ head: 42 });
  const [hello] = room.socket().sentOf("hello");
  assert(!("after" in hello!)); // without which an epoch says nothing
  assertEquals(room.told("reset"), []);
});

Deno.test("Session delivers gaps and continues behind them", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome({ head: 2 });
  const gap = { type: "gap", from: 3, to: 39, count: 37, reason: "retention" };
  const late = { type: "gap", from: 38, to: 41, count: 4, reason: "skipped" };
  room.socket().receive(entry(2), gap, gap, late, entry(42));
  assertEquals(room.told("gap"), [gap, { ...late, from: 40, count: 2 }]);
  assertEquals(room.seqs(), [2, 42]);
  room.socket().receive({ ...gap, from: 44, to: 50, count: 7 });
  assertEquals(room.told("gap").length, 2);
  time.tick(1);
  room.socket().welcome({ resumed: true });
  assertEquals(room.socket().sentOf("hello")[0]?.["after"], 42);
});

Deno.test("Session starts over when the server has another history", async (t) => {
  const cases = {
    "another epoch": { epoch: "e2", resumed: false },
    "another epoch, whatever it says": { epoch: "e2", resumed: true },
    "no resume": { epoch: "e1", resumed: false },
  };
  for (const [name, changes] of Object.entries(cases)) {
    await t.step(name, () => {
      using time = new FakeTime();
      using room = setUp();
      room.session.start();
      room.socket().welcome({ head: 42 });
      room.socket().receive(entry(42));
      room.socket().onclose?.({});
      time.tick(1);
      room.socket().welcome({ head: 7, ...changes });
      room.socket().receive(entry(6), entry(7));
      assertEquals(room.order().filter((name) => name === "entry" || name === "reset"), [
        "entry",
        "reset",
        "entry",
        "entry",
      ]);
      assertEquals(room.seqs(), [42, 6, 7]);
      room.socket().onclose?.({});
      time.tick(1);
      room.socket().onopen?.({});
      const [hello] = room.socket().sentOf("hello");
      assertEquals([hello?.["after"], hello?.["epoch"]], [7, changes.epoch]);
    });
  }
});

Deno.test("Session backs off with full jitter up to a bound that doubles", () => {
  using time = new FakeTime();
  for (const random of [0, 0.5, 0.999]) {
    using room = setUp({ random: () => random });
    room.session.start();
    for (const bound of [500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]) {
      const made: number = room.sockets.length;
      room.socket().onclose?.({});
      const retryAtMs = time.now + random * bound;
      assertEquals(room.told("state").at(-1), { offline: true, retryAtMs });
      if (random > 0) {
        time.tick(random * bound - 1);
        assertEquals(room.sockets.length, made);
      }
      time.tick(1);
      assertEquals(room.sockets.length, made + 1);
      assertEquals(room.told("state").at(-1), "connecting");
    }
  }
});

Deno.test("Session resets its back-off only after a connection that lasted", () => {
  using time = new FakeTime();
  using room = setUp({ random: () => 1 });
  const delayMs = () => (room.told("state").at(-1) as { retryAtMs: number }).retryAtMs - time.now;
  room.session.start();
  for (const bound of [500, 1000, 2000]) {
    room.socket().welcome();
    time.tick(4_999);
    room.socket().onclose?.({});
    assertEquals(delayMs(), bound);
    time.tick(bound);
  }
  room.socket().welcome();
  time.tick(5_000);
  room.socket().onclose?.({});
  assertEquals(delayMs(), 500);
});

for (const hours of [-24, -1, 2]) {
  Deno.test(`Session measures its back-off and typing the same if the date jumps by ${hours} h`, () => {
    using time = new FakeTime();
    using clock = fakeMonotonic();
    using room = setUp({ random: () => 1 });
    room.session.start();
    for (const [onlineMs, boundMs] of [[1_000, 500], [4_999, 1_000], [5_000, 500]] as const) {
      room.socket().welcome();
      room.session.typing();
      clock.jumpDate(hours * 3_600_000);
      time.tick(onlineMs);
      room.session.typing();
      assertEquals(room.socket().sentOf("typing").length, onlineMs < 2_000 ? 1 : 2);
      room.socket().onclose?.({});
      const { retryAtMs } = room.told("state").at(-1) as { retryAtMs: number };
      assertEquals(retryAtMs, performance.now() + boundMs);
      time.tick(boundMs + 2_000); // longer than a typing notice lasts
    }
  });
}

Deno.test("Session waits at least as long as a bye says, and does not wait for the close", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome();
  room.socket().receive({ type: "bye", code: "restarting", retryAfterMs: 250 });
  assert(room.socket().isClosed);
  time.tick(249);
  assertEquals(room.sockets.length, 1);
  time.tick(1);
  assertEquals(room.sockets.length, 2);
  room.socket().receive({ type: "bye", code: "restarting", retryAfterMs: 1e12 });
  assertEquals(room.told("state").at(-1), { offline: true, retryAtMs: time.now + 600_000 });
});

Deno.test("Session.retryNow() connects at once, once", () => {
  using _time = new FakeTime();
  using room = setUp({ random: () => 1 });
  room.session.retryNow();
  assertEquals(room.sockets.length, 0);
  room.session.start();
  room.socket().onclose?.({});
  room.session.retryNow();
  room.session.retryNow();
  assertEquals(room.sockets.length, 2);
});

Deno.test("Session.retryNow() probes a connection", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome();
  room.session.retryNow();
  assertEquals(room.socket().sentOf("ping").length, 1);
  time.tick(9_999);
  room.session.retryNow();
  assertEquals(room.socket().sentOf("ping").length, 1);
  time.tick(1);
  assert(room.sockets[0]!.isClosed);
});

Deno.test("Session probes a silent connection and replaces it when no answer comes", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome();
  time.tick(14_999);
  assertEquals(room.socket().sentOf("ping"), []);
  time.tick(1);
  assertEquals(room.socket().sentOf("ping").length, 1);
  time.tick(9_999);
  room.socket().receive({ type: "pong" });
  time.tick(14_999);
  assertEquals(room.socket().sentOf("ping").length, 1);
  time.tick(1);
  assertEquals(room.socket().sentOf("ping").length, 2);
  time.tick(9_999);
  assertEquals(room.sockets.length, 1);
  time.tick(1);
  assert(room.sockets[0]!.isClosed);
  time.tick(1);
  assertEquals(room.sockets.length, 2);
});

Deno.test("Session does not probe a connection on which something comes", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome({ head: 1 });
  for (let seq = 1; seq <= 5; seq++) {
    time.tick(14_000);
    room.socket().receive(entry(seq));
  }
  assertEquals(room.socket().sentOf("ping"), []);
});

Deno.test("Session drops a connection that is not welcomed in time", async (t) => {
  for (const opens of [false, true]) {
    await t.step(opens ? "opened" : "not even opened", () => {
      using time = new FakeTime();
      using room = setUp();
      room.session.start();
      if (opens) room.socket().onopen?.({});
      time.tick(9_999);
      room.socket().receive({ type: "presence", count: 1 });
      assertEquals(room.sockets.length, 1);
      time.tick(1);
      assert(room.sockets[0]!.isClosed);
      time.tick(1);
      assertEquals(room.sockets.length, 2);
    });
  }
});

Deno.test("Session ignores what an abandoned socket still does", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  const [first] = room.sockets;
  room.socket().welcome({ head: 1 });
  room.socket().receive(entry(1));
  time.tick(25_000);
  time.tick(1);
  assertEquals(room.sockets.length, 2);
  room.socket().welcome({ head: 1, resumed: true });
  const states = room.told("state").length;
  first!.receive(entry(2));
  first!.onclose?.({});
  first!.onopen?.({});
  assertEquals(room.seqs(), [1]);
  assertEquals(room.told("state").length, states);
  assertEquals(room.socket().isClosed, false);
  assertEquals(room.socket().sentOf("hello").length, 1);
});

Deno.test("Session ignores what follows in the message that ended the connection", () => {
  using _time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome({ head: 2 });
  room.socket().receive(entry(2), entry(4), { type: "presence", count: 3 }, entry(3));
  assertEquals(room.seqs(), [2]);
  assertEquals(room.told("presence"), []);
});

Deno.test("Session.stop() leaves neither a timer nor a handler", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome();
  const id = room.session.say("hi");
  room.socket().receive({ type: "error", code: "not_stored", message: "", id, retryAfterMs: 50 });
  room.session.stop();
  const { length } = room.order();
  room.session.retryNow();
  assertEquals(room.order().length, length);
  assertEquals(room.sockets.length, 1);
  assert(room.socket().isClosed);
  room.session.start();
  room.socket().welcome();
  assertEquals(room.socket().sentOf("say").map((line) => line["id"]), [id]);
  room.session.stop();
  time.tick(100_000);
  assertEquals(room.sockets.length, 2);
});

Deno.test("Session.stop() works in a handler", () => {
  using time = new FakeTime();
  using room = setUp({ handlers: { onWelcome: () => room.session.stop() } });
  room.session.start();
  room.socket().welcome();
  time.tick(100_000);
  assertEquals(room.sockets.length, 1);
  assertEquals(room.socket().sentOf("ping"), []);
});

Deno.test("Session resumes behind an entry whose handler threw, and passes the error on", () => {
  using time = new FakeTime();
  const seqs: number[] = [];
  const onEntry = ({ seq }: { seq: number }) => {
    seqs.push(seq);
    if (seq === 2) throw new TypeError("from a handler");
  };
  using room = setUp({ handlers: { onEntry } });
  room.session.start();
  room.socket().welcome({ head: 3 });
  assertThrows(() => room.socket().receive(entry(1), entry(2), entry(3)), TypeError, "a handler");
  time.tick(1);
  room.socket().welcome({ head: 3, resumed: true });
  assertEquals(room.socket().sentOf("hello")[0]?.["after"], 2);
  room.socket().receive(entry(3));
  assertEquals(seqs, [1, 2, 3]);
  assertThrows(() => room.socket().onmessage?.({ data: "not JSON" }), SyntaxError);
  assert(room.socket().isClosed);
});

Deno.test("Session.say() works offline; all kinds go out in order once it is welcome", () => {
  using _time = new FakeTime();
  using room = setUp();
  const ids = [
    room.session.say("one"),
    room.session.say("two", { replyTo: 4 }),
    room.session.edit(5, "five"),
    room.session.remove(6),
    room.session.react(7, "👍", false),
  ];
  assertEquals(ids.map((id) => id.length), [32, 32, 32, 32, 32]);
  assertEquals(new Set(ids).size, 5);
  assertEquals(room.storage.messages, ids.map((id) => `confab.outbox.lobby.${id}`));
  assertEquals(room.session.pending.map(({ id }) => id), ids);
  room.session.start();
  room.socket().onopen?.({});
  assertEquals(room.socket().sent.length, 1);
  room.socket().receive(WELCOME);
  assertEquals(room.socket().sent.slice(1), [
    { type: "say", id: ids[0], text: "one" },
    { type: "say", id: ids[1], text: "two", replyTo: 4 },
    { type: "edit", id: ids[2], ref: 5, text: "five" },
    { type: "delete", id: ids[3], ref: 6 },
    { type: "react", id: ids[4], ref: 7, emoji: "👍", on: false },
  ]);
});

Deno.test("Session.say() is stored before it is sent", () => {
  using _time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome();
  let stored = 0;
  room.socket().send = () => void (stored = room.storage.messages.length);
  room.session.say("one");
  assertEquals(stored, 1);
});

Deno.test("Session.say() waits until an ack or the entry itself settles it", () => {
  using _time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome();
  const [one, two] = [room.session.say("one"), room.session.say("two")];
  assertEquals(room.socket().sentOf("say").map((line) => line["id"]), [one, two]);
  assertEquals(room.states(), ["pending", "pending"]);
  room.socket().receive({ type: "ack", id: one, seq: 1 });
  assertEquals(room.session.pending.map(({ id }) => id), [two]);
  assertEquals(room.storage.messages, [`confab.outbox.lobby.${two}`]);
  room.socket().receive(entry(1, one), entry(2, two));
  assertEquals(room.session.pending, []);
  room.socket().receive({ type: "ack", id: two, seq: 2 });
  assertEquals(room.storage.messages, []);
  assertEquals(room.states(), ["pending", "pending", "sent", "sent"]);
  const sent = room.told("pending").slice(2) as { id: string; seq: number; text: string }[];
  assertEquals(sent.map(({ id, seq, text }) => [id, seq, text]), [[one, 1, "one"], [
    two,
    2,
    "two",
  ]]);
  assertEquals(room.seqs(), [1, 2]);
});

Deno.test("Session sends again, in order, what a lost connection has not acknowledged", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome();
  const ids = ["one", "two", "three"].map((text) => room.session.say(text));
  room.socket().receive({ type: "ack", id: ids[1], seq: 1 });
  room.socket().onclose?.({});
  ids.push(room.session.say("four"));
  time.tick(1);
  room.socket().welcome({ resumed: true });
  assertEquals(room.socket().sentOf("say").map((line) => line["id"]), [ids[0], ids[2], ids[3]]);
});

Deno.test("Session loads what another one has left in the storage, of its own room only", () => {
  using time = new FakeTime();
  using room = setUp();
  const ids = ["one", "two", "three"].map((text) => room.session.say(text));
  room.storage.setItem("confab.outbox.lobby.broken", "{");
  room.storage.setItem("confab.outbox.lobby.null", "null");
  room.storage.setItem("confab.outbox.lobby.foreign", `{"id":"x","at":1}`);
  // In whichever order a browser lists the keys, and even when the clock was set back.
  const stored = [...room.storage.items].reverse();
  room.storage.items.clear();
  for (const [key, value] of stored) room.storage.setItem(key, value);
  time.tick(1000);
  using other = setUp({ storage: room.storage, room: "lob" });
  assertEquals(other.session.pending, []);
  using earlier = new Earlier(60_000);
  using again = setUp({ storage: room.storage });
  ids.push(again.session.say("four"));
  again.session.start();
  again.socket().welcome();
  assertEquals(again.socket().sentOf("say").map((line) => line["id"]), ids);
  assert(earlier.isSet);
  using last = setUp({ storage: room.storage });
  assertEquals(last.session.pending.map(({ id }) => id), ids);
});

Deno.test("Session keeps a message apart for each of two tabs", () => {
  using _time = new FakeTime();
  using one = setUp();
  using two = setUp({ storage: one.storage });
  const id = one.session.say("from one");
  two.session.say("from two");
  assertEquals(one.storage.messages.length, 2);
  two.session.start();
  two.socket().welcome();
  two.socket().receive({ type: "ack", id: two.session.pending[0]!.id, seq: 1 });
  assertEquals(one.storage.messages, [`confab.outbox.lobby.${id}`]);
});

Deno.test("Session keeps a refused message as failed, across a reload, until it is resent or discarded", () => {
  using _time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome();
  const [one, two] = [room.session.say("one"), room.session.say("two")];
  const refuse = (id: string) =>
    room.socket().receive({ type: "error", code: "no_name", message: "Choose a name first", id });
  refuse(one);
  refuse(two);
  assertEquals(room.told("error"), []);
  assertEquals(room.states(), ["pending", "pending", "failed", "failed"]);
  room.session.stop();

  using again = setUp({ storage: room.storage });
  const shown = again.session.pending.map((message) => ({ ...message, at: 0 }));
  const error = { code: "no_name", message: "Choose a name first" };
  assertEquals(shown, [
    { type: "say", id: one, text: "one", at: 0, state: "failed", error },
    { type: "say", id: two, text: "two", at: 0, state: "failed", error },
  ]);
  again.session.start();
  again.socket().welcome();
  assertEquals(again.socket().sentOf("say"), []);
  again.session.resend(one);
  assertEquals(again.socket().sentOf("say"), [{ type: "say", id: one, text: "one" }]);
  again.session.discard(two);
  assertEquals(again.session.pending.map(({ id, state }) => [id, state]), [[one, "pending"]]);
  assertEquals(again.storage.messages, [`confab.outbox.lobby.${one}`]);
  assertEquals(again.states(), ["pending", "discarded"]);
  again.session.resend(two);
  again.session.discard(two);
  assertEquals(again.states().length, 2);
});

Deno.test("Session sends a message again after retryAfterMs, and nothing before it", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome();
  const ids = [room.session.say("one"), room.session.say("two")];
  for (const id of ids) {
    time.tick(1000);
    room.socket().receive({
      type: "error",
      code: "not_stored",
      message: "",
      id,
      retryAfterMs: 2000,
    });
  }
  ids.push(room.session.say("three"));
  assertEquals(room.states(), ["pending", "pending", "pending"]);
  time.tick(1999);
  assertEquals(room.socket().sentOf("say").length, 2);
  time.tick(1);
  assertEquals(room.socket().sentOf("say").slice(2).map((line) => line["id"]), ids);
});

Deno.test("Session treats what it sent behind a refused message as refused as well", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome();
  const ids = ["one", "two", "three"].map((text) => room.session.say(text));
  const refusal = { type: "error", code: "rate_limited", message: "", retryAfterMs: 2000 };
  room.socket().receive({ ...refusal, id: ids[0] });
  time.tick(2000); // the other refusals are still on their way
  assertEquals(room.socket().sentOf("say").slice(3).map((line) => line["id"]), ids);
  room.session.rename("Anna");
  room.socket().receive(refusal);
  time.tick(2000);
  assertEquals(room.socket().sentOf("name").map((line) => line["name"]), ["Anna", "Anna"]);
});

Deno.test("Session has at most 64 messages in flight", () => {
  using _time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome();
  const ids = Array.from({ length: 100 }, (_, n) => room.session.say(String(n)));
  assertEquals(room.socket().sentOf("say").length, 64);
  for (const [n, id] of ids.slice(0, 64).entries()) {
    room.socket().receive({ type: "ack", id, seq: n + 1 });
  }
  assertEquals(room.socket().sentOf("say").map((line) => line["id"]), ids);
});

Deno.test("Session waits for retryAfterMs on the next connection as well", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome();
  const id = room.session.say("one");
  room.socket().receive({ type: "error", code: "not_stored", message: "", id, retryAfterMs: 2000 });
  room.socket().onclose?.({});
  time.tick(1);
  room.socket().welcome({ resumed: true });
  assertEquals(room.socket().sentOf("say"), []);
  time.tick(2000);
  assertEquals(room.socket().sentOf("say").length, 1);
});

Deno.test("Session fails what is not acknowledged for 20 s, and sends it again under its id", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome();
  const ids = [room.session.say("one"), room.session.say("two"), room.session.say("three")];
  const pass = (ms: number) => {
    time.tick(ms);
    room.socket().receive({ type: "pong" }); // it lives, all the while
  };
  pass(10_000);
  room.socket().receive(entry(1, ids[0])); // which gives the others time
  pass(10_000);
  pass(9_999);
  assertEquals(room.states(), ["pending", "pending", "pending", "sent"]);
  pass(1);
  assertEquals(room.states().slice(4), ["failed", "failed"]);
  assertEquals(room.session.pending.map(({ id }) => id), ids.slice(1));
  room.session.resend(ids[1]!);
  assertEquals(room.socket().sentOf("say").map((line) => line["id"]), [...ids, ids[1]]);
  room.socket().receive(entry(2, ids[1]), { type: "ack", id: ids[2], seq: 3 }); // the first try was only slow
  assertEquals(room.session.pending, []);
  assertEquals(room.sockets.length, 1);
  pass(20_000);
  assertEquals(room.states().slice(6), ["pending", "sent", "sent"]);
});

Deno.test("Session restarts the time limit of what it sends again on another connection", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome();
  room.session.say("one");
  time.tick(14_000);
  room.socket().onclose?.({});
  time.tick(1);
  room.socket().welcome({ resumed: true });
  time.tick(14_000);
  assertEquals(room.states(), ["pending"]);
  assertEquals(room.socket().sentOf("say").length, 1);
});

Deno.test("Session.say() fails what is too long, instead of having its connection closed for it", () => {
  using _time = new FakeTime();
  using room = setUp();
  room.session.say("ä".repeat(51));
  room.session.say("ä".repeat(50));
  room.session.start();
  room.socket().welcome();
  assertEquals(room.socket().sentOf("say").map((line) => line["text"]), ["ä".repeat(50)]);
  assertEquals(room.session.pending[0]?.error?.code, "too_long");
  assertEquals(room.states(), ["pending", "pending", "failed"]);
});

Deno.test("Session works with a storage that throws, and with one that is full", async (t) => {
  const fail = (): never => {
    throw new DOMException("The operation is insecure", "SecurityError");
  };
  class Throwing extends FakeStorage {
    override get length(): number {
      return fail();
    }
    override key = fail;
    override getItem = fail;
    override setItem = fail;
    override removeItem = fail;
  }
  class Full extends FakeStorage {
    override setItem = fail;
  }
  for (const storage of [new Throwing(), new Full()]) {
    await t.step(storage.constructor.name, () => {
      using _time = new FakeTime();
      using room = setUp({ storage });
      room.session.rename("Ann");
      assertEquals(room.session.name, "Ann");
      const id = room.session.say("one");
      room.session.start();
      room.socket().welcome();
      assertEquals(room.socket().sentOf("hello")[0]?.["name"], "Ann");
      assertEquals(room.socket().sentOf("say").length, 1);
      room.socket().receive({ type: "ack", id, seq: 1 });
      assertEquals(room.session.pending, []);
      assertEquals(room.states(), ["pending", "sent"]);
    });
  }
});

Deno.test("SafeStorage forgets what it removes, wherever that was", () => {
  const full = Object.assign(new FakeStorage(), {
    setItem: () => {
      throw new DOMException("Full", "QuotaExceededError");
    },
  });
  const storage = new SafeStorage(full);
  storage.set("a.1", "one");
  full.items.set("a.2", "two");
  full.items.set("b", "three");
  assertEquals(storage.keys("a.").sort(), ["a.1", "a.2"]);
  storage.remove("a.1");
  storage.remove("a.2");
  assertEquals([storage.get("a.1"), storage.get("a.2"), full.items.size], [
    undefined,
    undefined,
    1,
  ]);
});

Deno.test("Session.rename() sends the name at once, and in every hello", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome();
  assertEquals("name" in room.socket().sent[0]!, false);
  room.session.rename("Anna");
  assertEquals(room.socket().sentOf("name"), [{ type: "name", name: "Anna" }]);
  // Another tab shares the storage.
  room.storage.setItem("confab.name", "Annika");
  room.socket().onclose?.({});
  time.tick(1);
  room.socket().onopen?.({});
  assertEquals(room.socket().sent[0]?.["name"], "Annika");
});

Deno.test("Session.rename() during the hello sends the name before all else", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().onopen?.({});
  room.session.rename("Ann");
  room.session.say("one");
  room.socket().receive(WELCOME);
  assertEquals(room.socket().sent.map(({ type }) => type), ["hello", "name", "say"]);
  assertEquals(room.socket().sentOf("name"), [{ type: "name", name: "Ann" }]);
  room.socket().onclose?.({});
  time.tick(1);
  room.socket().welcome({ resumed: true });
  assertEquals(room.socket().sentOf("hello")[0]?.["name"], "Ann");
  assertEquals(room.socket().sentOf("name"), []);
});

Deno.test("Session returns to the previous name when the server refuses one", () => {
  using _time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome();
  room.session.rename("Ann");
  room.session.rename("\u202e");
  const error = { type: "error", code: "bad_name", message: "A name has 1 to 32 characters" };
  room.socket().receive(error);
  assertEquals(room.session.name, "Ann");
  assertEquals(room.told("error"), [error]);
  assertEquals(room.socket().sentOf("hello").length, 1);
});

Deno.test("Session sends a hello without a name when the server refuses it, and reads on", () => {
  using _time = new FakeTime();
  using room = setUp();
  room.storage.setItem("confab.name", "\u202e");
  room.session.rename("\u202d");
  room.session.start();
  room.socket().onopen?.({});
  const error = { type: "error", code: "bad_name", message: "" };
  room.socket().receive(error);
  room.socket().receive(error);
  const hellos = room.socket().sentOf("hello");
  assertEquals(hellos.map((hello) => hello["name"]), ["\u202d", "\u202e", undefined]);
  room.socket().receive({ ...WELCOME, head: 1 }, entry(1));
  assertEquals(room.seqs(), [1]);
  assertEquals(room.told("error").length, 2);
});

Deno.test("Session passes on presence, typing and errors, and ignores what it does not know", () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.typing();
  room.session.start();
  room.socket().welcome();
  const from = { name: "Bob", tag: "b0b0" };
  const presence = { type: "presence", count: 1, people: [from] };
  const error = { type: "error", code: "unknown_ref", message: "…", id: "of nobody" };
  room.socket().receive({ type: "confetti" }, presence, { type: "typing", from }, error);
  assertEquals(room.told("presence"), [presence]);
  assertEquals(room.told("typing"), [from]);
  assertEquals(room.told("error"), [error]);
  room.session.typing();
  time.tick(1_999);
  room.session.typing();
  assertEquals(room.socket().sentOf("typing").length, 1);
  time.tick(1);
  room.session.typing();
  assertEquals(room.socket().sentOf("typing").length, 2);
});

Deno.test("Session.history() resolves with the page that was requested", async () => {
  using _time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome({ head: 50 });
  const [first, second] = [room.session.history(42, 2), room.session.history(7)];
  assertEquals(room.socket().sentOf("history"), [
    { type: "history", before: 42, limit: 2 },
    { type: "history", before: 7, limit: 50 },
  ]);
  room.socket().receive(
    { type: "page", before: 7, entries: [], more: false },
    { type: "page", before: 42, entries: [entry(40), entry(41)], more: true },
  );
  assertEquals((await first).entries.map(({ seq }) => seq), [40, 41]);
  assertEquals([(await first).more, (await second).more], [true, false]);
  assertEquals(room.seqs(), []);
});

Deno.test("Session.history() repeats a request that the rate limit refused, when it may", async () => {
  using time = new FakeTime();
  using room = setUp();
  room.session.start();
  room.socket().welcome();
  const asked = [room.session.history(42), room.session.history(7)];
  room.socket().receive({ type: "page", before: 42, entries: [], more: true });
  const refusal = { type: "error", code: "rate_limited", message: "", retryAfterMs: 2000 };
  room.socket().receive(refusal);
  time.tick(1999);
  const sent = () => room.socket().sentOf("history").map(({ before }) => before);
  assertEquals(sent(), [42, 7]);
  time.tick(1);
  assertEquals(sent(), [42, 7, 7]);
  room.socket().receive({ type: "page", before: 7, entries: [], more: false });
  assertEquals((await Promise.all(asked)).map(({ before }) => before), [42, 7]);
});

Deno.test("Session.history() rejects without a connection, and when it ends", async () => {
  using time = new FakeTime();
  using room = setUp();
  await assertRejects(() => room.session.history(42), Error, "Cannot load history");
  room.session.start();
  room.socket().welcome();
  let failure: unknown;
  room.session.history(42).catch((error) => failure = error);
  room.socket().onclose?.({});
  await time.runMicrotasks();
  assertInstanceOf(failure, Error);
  assertStringIncludes(failure.message, "Cannot load history");
});

/** Sets the clock back, not the timers. Use it within fake time, which restores the real Date. */
class Earlier implements Disposable {
  readonly #Date = Date;
  readonly isSet: boolean;
  constructor(ms: number) {
    const { now } = Date;
    const before = now();
    globalThis.Date = new Proxy(Date, {
      get: (target, name) => name === "now" ? () => now() - ms : Reflect.get(target, name),
    });
    this.isSet = Date.now() < before;
  }
  [Symbol.dispose](): void {
    globalThis.Date = this.#Date;
  }
}

// Sessions with the real server.

/** Time limit of a test that waits for the server. */
const WAIT_MS = 20_000;

/** Makes a session with a real server, which the test may restart. Sending a line takes `lineMs`. */
function connectTo(
  port: number,
  { lineMs = 0, ...options }: Partial<SessionOptions> & { lineMs?: number } = {},
) {
  const closing: Promise<void>[] = [];
  const texts: string[] = [];
  const told: string[] = [];
  let wake = () => {};
  const onEntry: Handlers["onEntry"] = (entry) => {
    if (entry.kind === "say") texts.push(entry.text);
    wake();
  };
  const onPending: Handlers["onPending"] = ({ state }) => {
    told.push(state);
    wake();
  };
  const session = new Session({
    url: `ws://127.0.0.1:${port}/ws`,
    room: "lobby",
    storage: new FakeStorage(),
    handlers: { onEntry, onPending, onState: () => wake(), onPresence: () => wake() },
    WebSocket: class extends WebSocket {
      constructor(url: string, protocol: string) {
        super(url, protocol);
        closing.push(new Promise((resolve) => this.addEventListener("close", () => resolve())));
      }

      #sent = Promise.resolve();

      override send(data: string): void {
        if (lineMs === 0) return super.send(data);
        this.#sent = this.#sent.then(() => delay(lineMs)).then(() => super.send(data));
        closing.push(this.#sent);
      }
    },
    ...options,
  });
  return {
    session,
    texts,
    told,
    /** Checks the condition after every event of the session. */
    async until(isSo: () => boolean): Promise<void> {
      while (!isSo()) {
        await within(WAIT_MS, String(isSo), new Promise<void>((resolve) => wake = resolve));
      }
    },
    async [Symbol.asyncDispose](): Promise<void> {
      session.stop();
      await within(WAIT_MS, "the sockets to close", Promise.all(closing));
    },
  };
}

function freePort(): number {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return listener.addr.port;
}

async function makeFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "confab-data-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test("Session with the real server: two people read the same, and page back", async () => {
  await using program = await startProgram();
  await using ann = connectTo(program.port);
  await using bob = connectTo(program.port, { history: 2 });
  ann.session.rename("Ann");
  bob.session.rename("Bob");
  ann.session.start();
  for (const text of ["one", "two", "three"]) ann.session.say(text);
  await ann.until(() => ann.told.filter((state) => state === "sent").length === 3);
  bob.session.start();
  bob.session.say("four");
  await bob.until(() => bob.session.pending.length === 0);
  await ann.until(() => ann.texts.length === 4);
  assertEquals(ann.texts, ["one", "two", "three", "four"]);
  assertEquals(bob.texts, ["two", "three", "four"]);
  const { entries, more } = await bob.session.history(2);
  assertEquals(entries.map((entry) => entry.kind === "say" && entry.text), ["one"]);
  assertEquals(more, false);
});

Deno.test("Session with the real server: with a refused name it reads on, and cannot send", async () => {
  await using program = await startProgram();
  const storage = new FakeStorage();
  storage.setItem("confab.name", "\u202e");
  await using ann = connectTo(program.port, { storage });
  const id = ann.session.say("one");
  ann.session.start();
  await ann.until(() => ann.told.includes("failed"));
  assertEquals(ann.session.pending[0]?.error?.code, "no_name");
  ann.session.rename("Ann");
  ann.session.resend(id);
  await ann.until(() => ann.told.includes("sent"));
  assertEquals(ann.texts, ["one"]);
});

Deno.test("Session with the real server: what is sent again without an ack is stored once", async () => {
  await using program = await startProgram();
  const storage = new FakeStorage();
  storage.setItem("confab.name", "Ann");
  await using ann = connectTo(program.port, { storage });
  const id = ann.session.say("one");
  const items = new Map(storage.items);
  ann.session.start();
  await ann.until(() => ann.told.includes("sent") && ann.texts.length === 1);
  // The browser died before the ack arrived.
  const crashed = new FakeStorage();
  for (const [key, value] of items) crashed.setItem(key, value);
  await using again = connectTo(program.port, { storage: crashed });
  again.session.start();
  await again.until(() => again.told.includes("sent"));
  again.session.say("two");
  await again.until(() => again.texts.length === 2 && again.session.pending.length === 0);
  await ann.until(() => ann.texts.length === 2);
  assertEquals([ann.texts, again.texts], [["one", "two"], ["one", "two"]]);
  assert(!crashed.items.has(`confab.outbox.lobby.${id}`));
});

Deno.test("Session with the real server: what is sent while it is down arrives once, in order", async () => {
  await using folder = await makeFolder();
  const port = freePort();
  const options = { data: folder.path, args: ["--addr", `127.0.0.1:${port}`] };
  await using ann = connectTo(port);
  await using bob = connectTo(port);
  ann.session.rename("Ann");
  let said = 0;
  const say = () => ann.session.say(String(++said));
  {
    await using program = await startProgram(options);
    ann.session.start();
    bob.session.start();
    say();
    await bob.until(() => bob.texts.length === 1);
    // The server dies after storing some of these without acknowledging them.
    for (let n = 0; n < 200; n++) say();
    await ann.until(() => ann.told.includes("sent") && ann.session.pending.length < 200);
    program.kill("SIGKILL");
    await program.status;
  }
  say();
  say();
  await using _program = await startProgram(options);
  ann.session.retryNow();
  bob.session.retryNow();
  await ann.until(() => ann.session.pending.length === 0);
  await bob.until(() => bob.texts.length >= said);
  const expected = Array.from({ length: said }, (_, n) => String(n + 1));
  assertEquals(bob.texts, expected);
  await ann.until(() => ann.texts.length >= said);
  assertEquals(ann.texts, expected);
  assertEquals(ann.told.filter((state) => state === "sent").length, said);
});

Deno.test("Session with the real server: what was typed offline is sent in order, whatever the rate", async () => {
  await using program = await startProgram({ env: { CONFAB_RATE: "20" } });
  await using bob = connectTo(program.port);
  bob.session.start();
  // Lines behind a refused one arrive after the server's rate limit allows lines again.
  await using ann = connectTo(program.port, { lineMs: 5 });
  ann.session.rename("Ann");
  const expected = Array.from({ length: 100 }, (_, n) => String(n + 1));
  const say = (texts: string[]) => texts.forEach((text) => void ann.session.say(text));
  say(expected.slice(0, 60));
  ann.session.start();
  await ann.until(() => ann.told.includes("sent"));
  say(expected.slice(60, 99)); // while some of those are refused
  ann.session.rename("Anna");
  say(expected.slice(99));
  await bob.until(() => bob.texts.length >= 100);
  await ann.until(() => ann.session.pending.length === 0);
  assertEquals(bob.texts, expected);
  assert(!ann.told.includes("failed"));
  const { entries } = await bob.session.history(101, 1);
  assertEquals(entries[0]?.from.name, "Anna");
});
