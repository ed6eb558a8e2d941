import { assert, assertEquals } from "@std/assert";
import { Channel } from "@std/async/channel";
import { FakeTime } from "@std/testing/time";
import { within } from "../tests/support/deadline.ts";
import { FakeStorage } from "../tests/support/fake_storage.ts";
import { fakeMonotonic } from "../tests/support/monotonic.ts";
import { startProgram } from "../tests/support/program.ts";
import type { SessionOptions, SocketLike, State } from "./types.d.ts";
import { Session } from "./session.js";
import { HttpFallback } from "./http_fallback.js";

fakeMonotonic(); // for all tests of this file

/** Time limit of a test that waits. */
const WAIT_MS = 20_000;

const HELLO = {
  type: "hello",
  name: "Änn",
  key: "k".repeat(64),
  after: 41,
  epoch: "e1",
  most: 500,
};

/** Request as a server sees it, with the means to respond. */
interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
  readonly signal: AbortSignal;
  answer(status: number, body: BodyInit | null | object, headers?: HeadersInit): void;
  /** Fails the request without a response. */
  fail(): void;
}

/** Replaces the network: requests wait in it until the test responds. */
class FakeNetwork implements Disposable {
  readonly #fetch = globalThis.fetch;
  readonly #asked = new Channel<Asked>({ capacity: 100 });

  constructor() {
    globalThis.fetch = (input, init) => this.#ask(new Request(input, init));
  }

  /** Takes the next request. */
  next(): Promise<Asked> {
    return within(WAIT_MS, "a request", this.#asked.receive());
  }

  /** Whether no request is waiting. */
  get isQuiet(): boolean {
    return this.#asked.size === 0;
  }

  async #ask(request: Request): Promise<Response> {
    const { method, headers, signal } = request;
    const answer = Promise.withResolvers<Response>();
    signal.addEventListener("abort", () => answer.reject(signal.reason));
    if (signal.aborted) answer.reject(signal.reason);
    const body = await request.text();
    this.#asked.trySend({
      method,
      url: new URL(request.url),
      headers,
      body,
      signal,
      answer: (status, body, headers = {}) => {
        const isObject = body?.constructor === Object;
        answer.resolve(
          new Response(isObject ? JSON.stringify(body) : body as BodyInit, { status, headers }),
        );
      },
      fail: () => answer.reject(new TypeError("Failed to fetch")),
    });
    return await answer.promise;
  }

  [Symbol.dispose](): void {
    globalThis.fetch = this.#fetch;
  }
}

/** Stream whose response the test writes in chunks. */
function makeBody() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  return {
    readable,
    /** Writes a chunk. Resolves once the client has read it. */
    write: (text: string | Uint8Array) =>
      writer.write(typeof text === "string" ? new TextEncoder().encode(text) : text),
    close: () => writer.close(),
    abort: () => writer.abort(),
  };
}

/** Opens a fallback and collects its events. */
function openStream(url = "ws://localhost/r/kitchen/ws") {
  const told = new Channel<string>({ capacity: 1000 });
  const stream: SocketLike = new HttpFallback(url, "confab.v1");
  const opened = new Promise<void>((resolve) => stream.onopen = () => resolve());
  stream.onmessage = ({ data }) => void told.trySend(data);
  stream.onclose = ({ isRenewal }) => void told.trySend(isRenewal ? "to be renewed" : "closed");
  const next = () => within(WAIT_MS, "something told", told.receive());
  return {
    opened,
    send: (line: object) => stream.send(JSON.stringify(line)),
    /** Takes the data of the next message. */
    next,
    /** Takes the next line. */
    line: async () => JSON.parse(await next()),
    /** Whether no message is waiting. */
    get isQuiet() {
      return told.size === 0;
    },
    close: () => stream.close(),
    [Symbol.dispose]: () => stream.close(),
  };
}

/** Opens a fallback that has sent its hello and gets its stream, with its network. */
async function openFollowing() {
  const network = new FakeNetwork();
  const stream = openStream();
  stream.send(HELLO);
  const body = makeBody();
  (await network.next()).answer(200, body.readable);
  await body.write(": hello\n\n");
  assertEquals(await stream.next(), "");
  return {
    network,
    stream,
    body,
    [Symbol.dispose]() {
      stream.close();
      network[Symbol.dispose]();
    },
  };
}

function say(id: string) {
  return { type: "say", id, text: `text ${id}` };
}

Deno.test("HttpFallback opens by itself, and requests what the hello says, with the key in a header", async () => {
  using network = new FakeNetwork();
  using stream = openStream();
  await stream.opened;
  assert(network.isQuiet);
  stream.send(HELLO);
  const { method, url, headers } = await network.next();
  assertEquals([method, url.origin, url.pathname], ["GET", "http://localhost", "/r/kitchen"]);
  const query = { name: "Änn", after: "41", epoch: "e1", most: "500" };
  assertEquals(Object.fromEntries(url.searchParams), query);
  assertEquals(headers.get("accept"), "text/event-stream");
  assertEquals(headers.get("confab-key"), HELLO.key);
});

Deno.test("HttpFallback derives the room's URL from the socket's", async () => {
  using network = new FakeNetwork();
  for (
    const [socket, room] of [
      ["ws://localhost:8080/ws", "http://localhost:8080/r/lobby"],
      ["wss://localhost/r/k%C3%BCche/ws", "https://localhost/r/k%C3%BCche"],
      ["wss://localhost/chat/ws", "https://localhost/chat/r/lobby"],
      ["wss://localhost/chat/r/ws/ws", "https://localhost/chat/r/ws"],
    ] as const
  ) {
    using stream = openStream(socket);
    stream.send({ type: "hello", key: HELLO.key });
    const { url } = await network.next();
    assertEquals(url.origin + url.pathname, room);
  }
});

Deno.test("HttpFallback emits whole lines, wherever the network splits them", async () => {
  const lines = [
    `{"type":"welcome","room":"küche"}`,
    `{"type":"entry","seq":1,"text":"👍🏽 ja"}`,
    `{"type":"bye"}`,
  ];
  const events = `event: welcome\nid: 0\ndata: ${lines[0]}\n\nid: 1\ndata: ${lines[1]}\n\n` +
    `: heartbeat\n\nevent: bye\ndata:${lines[2]}\n\n`;
  const bytes = new TextEncoder().encode(events);
  for (let cut = 0; cut <= bytes.length; cut++) {
    using network = new FakeNetwork();
    using stream = openStream();
    stream.send(HELLO);
    const body = makeBody();
    (await network.next()).answer(200, body.readable);
    const [before, after] = [bytes.subarray(0, cut), bytes.subarray(cut)];
    await body.write(before);
    await body.write(after);
    await body.close();
    let told = "";
    for (let data = ""; data !== "closed"; data = await stream.next()) told += `${data}\n`;
    assertEquals(told.split("\n").filter((line) => line !== "").map((line) => line.trim()), lines);
  }
});

Deno.test("HttpFallback emits a sign of life for any data", async () => {
  using following = await openFollowing();
  const { stream, body } = following;
  await body.write(": heartb");
  assertEquals(await stream.next(), "");
});

Deno.test("HttpFallback closes when no stream comes, and when the stream ends", async (t) => {
  const ways: Record<string, (asked: Asked) => void> = {
    "no network": (asked) => asked.fail(),
    "a proxy without a server": (asked) => asked.answer(502, "<h1>Bad Gateway</h1>"),
    "a server that stops": (asked) => asked.answer(503, { code: "restarting", retryAfterMs: 1 }),
    "its end": (asked) => {
      const body = makeBody();
      asked.answer(200, body.readable);
      body.close();
    },
    "its break": (asked) => {
      const body = makeBody();
      asked.answer(200, body.readable);
      body.abort();
    },
  };
  for (const [name, answer] of Object.entries(ways)) {
    await t.step(name, async () => {
      using network = new FakeNetwork();
      using stream = openStream();
      stream.send(HELLO);
      answer(await network.next());
      assertEquals(await stream.next(), "closed");
    });
  }
});

Deno.test("HttpFallback emits the refusal of a name, and accepts another hello", async () => {
  using network = new FakeNetwork();
  using stream = openStream();
  stream.send(HELLO);
  (await network.next()).answer(400, { title: "A name is short", status: 400, code: "bad_name" });
  const refusal = { type: "error", code: "bad_name", message: "A name is short" };
  assertEquals(await stream.line(), refusal);
  stream.send({ type: "hello", key: HELLO.key, history: 50 });
  const again = await network.next();
  assertEquals(again.url.search, "?history=50");
  again.answer(200, `data: {"type":"welcome"}\n\n`);
  assertEquals(await stream.line(), { type: "welcome" });
});

Deno.test("HttpFallback emits a ban, and when to reconnect", async () => {
  using network = new FakeNetwork();
  using stream = openStream();
  stream.send(HELLO);
  const problem = { status: 403, code: "banned", detail: "Banned until then", retryAfterMs: 9_000 };
  (await network.next()).answer(403, problem);
  assertEquals(await stream.line(), {
    ...{ type: "error", code: "banned", message: "Banned until then", retryAfterMs: 9_000 },
  });
  assertEquals(await stream.line(), { type: "bye", retryAfterMs: 9_000 });
  assert(stream.isQuiet);
});

Deno.test("HttpFallback posts one line after another, each after the response to the one before", async () => {
  using following = await openFollowing();
  const { network, stream } = following;
  const lines = [say("a"), { type: "edit", id: "b", ref: 1, text: "x" }, say("c")];
  for (const line of lines) stream.send(line);
  for (const [index, line] of lines.entries()) {
    const { method, url, headers, body, answer } = await network.next();
    assert(network.isQuiet);
    assertEquals([method, url.href], ["POST", "http://localhost/r/kitchen?"]);
    assertEquals(headers.get("content-type"), "application/json");
    assertEquals(headers.get("confab-key"), HELLO.key);
    assertEquals(JSON.parse(body), { ...line, name: "Änn" });
    answer(201, { seq: 50 + index, id: line.id });
    assertEquals(await stream.line(), { type: "ack", id: line.id, seq: 50 + index });
  }
  // Again, after a time with nothing to post.
  stream.send(say("d"));
  assertEquals(JSON.parse((await network.next()).body).id, "d");
});

Deno.test("HttpFallback refuses the lines behind one that must be retried as well", async () => {
  using following = await openFollowing();
  const { network, stream } = following;
  for (const id of ["a", "b", "c"]) stream.send(say(id));
  const problem = { title: "Not stored", status: 503, code: "not_stored", retryAfterMs: 500 };
  (await network.next()).answer(503, { ...problem, id: "a" });
  for (const id of ["a", "b", "c"]) {
    const error = {
      type: "error",
      code: "not_stored",
      message: "Not stored",
      id,
      retryAfterMs: 500,
    };
    assertEquals(await stream.line(), error);
  }
  assert(network.isQuiet);
  stream.send(say("a"));
  assertEquals(JSON.parse((await network.next()).body).id, "a");
});

Deno.test("HttpFallback continues behind a line that is refused for good, by a proxy as well", async () => {
  using following = await openFollowing();
  const { network, stream } = following;
  for (const id of ["a", "b", "c"]) stream.send(say(id));
  const problem = { title: "A field is wrong", detail: "No such ref", code: "unknown_ref" };
  (await network.next()).answer(409, problem);
  (await network.next()).answer(403, "<h1>Request blocked</h1>");
  (await network.next()).answer(201, { seq: 3, id: "c" });
  const refusal = { type: "error", code: "unknown_ref", message: "No such ref", id: "a" };
  assertEquals(await stream.line(), refusal);
  const blocked = { type: "error", code: "refused", message: "HTTP 403", id: "b" };
  assertEquals(await stream.line(), blocked);
  assertEquals(await stream.line(), { type: "ack", id: "c", seq: 3 });
});

Deno.test("HttpFallback treats the refusal of a rate limiter in a proxy as a request to retry", async (t) => {
  const limited = "<h1>Too many requests</h1>";
  const ways: Record<string, [wait: number, answer: Parameters<Asked["answer"]>]> = {
    "429 with a time": [7_000, [429, limited, { "retry-after": "7" }]],
    "429 with a date": [1_000, [429, limited, { "retry-after": new Date().toUTCString() }]],
    "429 without": [1_000, [429, limited]],
    "425": [1_000, [425, null]],
    "408 of the server": [1_000, [408, { code: "refused", title: "HTTP 408", status: 408 }]],
    "429 that says it twice": [500, [429, { retryAfterMs: 500 }, { "retry-after": "1" }]],
  };
  for (const [name, [retryAfterMs, answer]] of Object.entries(ways)) {
    await t.step(name, async () => {
      using following = await openFollowing();
      const { network, stream } = following;
      for (const id of ["a", "b"]) stream.send(say(id));
      (await network.next()).answer(...answer);
      for (const id of ["a", "b"]) {
        const message = `HTTP ${answer[0]}`;
        const error = { type: "error", code: "refused", message, id, retryAfterMs };
        assertEquals(await stream.line(), error);
      }
      assert(network.isQuiet);
    });
  }
});

Deno.test("HttpFallback closes when the server does not respond to a post", async (t) => {
  const ways: Record<string, (asked: Asked) => void> = {
    "no network": (asked) => asked.fail(),
    "a proxy without a server": (asked) => asked.answer(502, "<h1>Bad Gateway</h1>"),
    "a page to log in": (asked) => asked.answer(200, "<h1>Hotel</h1>"),
  };
  for (const [name, answer] of Object.entries(ways)) {
    await t.step(name, async () => {
      using following = await openFollowing();
      const { network, stream } = following;
      stream.send(say("a"));
      answer(await network.next());
      assertEquals(await stream.next(), "closed");
    });
  }
});

Deno.test("HttpFallback closes when there is no response in time", async () => {
  using following = await openFollowing();
  const { network, stream } = following;
  using time = new FakeTime();
  stream.send(say("a"));
  const { signal } = await network.next();
  await time.tickAsync(14_999);
  assert(stream.isQuiet);
  await time.tickAsync(1);
  assertEquals(await stream.next(), "closed");
  assert(signal.aborted);
});

Deno.test("HttpFallback reads history page by page", async () => {
  using following = await openFollowing();
  const { network, stream } = following;
  stream.send({ type: "history", before: 42, limit: 50 });
  const { method, url, headers, answer } = await network.next();
  assertEquals([method, url.search], ["GET", "?before=42&limit=50"]);
  assertEquals(headers.get("accept"), "application/json");
  const entries = [{ type: "entry", seq: 41 }];
  answer(200, { room: "kitchen", epoch: "e1", head: 60, entries, more: true });
  assertEquals(await stream.line(), { type: "page", before: 42, entries, more: true });
  stream.send({ type: "history", before: 41, limit: 50 });
  (await network.next()).answer(429, { code: "rate_limited", title: "Slowly", retryAfterMs: 70 });
  const refusal = { type: "error", code: "rate_limited", message: "Slowly", retryAfterMs: 70 };
  assertEquals(await stream.line(), refusal);
  stream.send({ type: "history", before: 41, limit: 50 });
  (await network.next()).answer(500, {});
  assertEquals(await stream.next(), "closed");
});

Deno.test("HttpFallback answers a ping when the server responds and the stream is not silent", async (t) => {
  await t.step("both live", async () => {
    using time = new FakeTime();
    using following = await openFollowing();
    const { network, stream } = following;
    await time.tickAsync(16_000);
    stream.send({ type: "ping", n: 1 });
    const { method, answer } = await network.next();
    assertEquals(method, "HEAD");
    answer(200, null);
    assertEquals(await stream.next(), "");
  });
  await t.step("the server does not answer", async () => {
    using following = await openFollowing();
    const { network, stream } = following;
    stream.send({ type: "ping", n: 1 });
    (await network.next()).fail();
    assertEquals(await stream.next(), "closed");
  });
  await t.step("the stream is silent", async () => {
    using time = new FakeTime();
    using following = await openFollowing();
    await time.tickAsync(21_000);
    following.stream.send({ type: "ping", n: 1 });
    assertEquals(await following.stream.next(), "closed");
  });
  for (const hours of [-24, -1, 2]) {
    await t.step(`the date jumps by ${hours} h`, async () => {
      using time = new FakeTime();
      using clock = fakeMonotonic();
      using following = await openFollowing();
      const { network, stream } = following;
      clock.jumpDate(hours * 3_600_000);
      stream.send({ type: "ping", n: 1 });
      (await network.next()).answer(200, null);
      assertEquals(await stream.next(), "");
      await time.tickAsync(21_000);
      stream.send({ type: "ping", n: 2 });
      assertEquals(await stream.next(), "closed");
    });
  }
});

Deno.test("HttpFallback closes for a new name, which the next hello contains, and does not send typing", async () => {
  using following = await openFollowing();
  const { network, stream } = following;
  stream.send({ type: "typing" });
  assert(network.isQuiet);
  stream.send({ type: "name", name: "Anna" });
  assertEquals(await stream.next(), "to be renewed");
  assert(network.isQuiet);
});

Deno.test("HttpFallback.close() ends all requests", async () => {
  using network = new FakeNetwork();
  using stream = openStream();
  stream.send(HELLO);
  const following = await network.next();
  stream.send(say("a"));
  const posting = await network.next();
  stream.close();
  assert(following.signal.aborted && posting.signal.aborted);
});

// Sessions over the fallback.

/** Starts a session with a name and collects its events. It reconnects without a delay by default. */
function makeSession(
  port: number,
  Socket: new (url: string, protocol: string) => SocketLike,
  { random = () => 0 }: Pick<SessionOptions, "random"> = {},
) {
  const texts: string[] = [];
  const people: string[][] = [];
  const states: State[] = [];
  let wake = () => {};
  const told = <T>(note: (value: T) => void) => (value: T) => {
    note(value);
    wake();
  };
  const storage = new FakeStorage();
  storage.setItem("confab.name", "Ann");
  const session = new Session({
    url: `ws://127.0.0.1:${port}/ws`,
    room: "lobby",
    storage,
    random,
    WebSocket: Socket,
    handlers: {
      onEntry: told((entry) => void (entry.kind === "say" && texts.push(entry.text))),
      onPending: told(() => {}),
      onPresence: told((presence) => void people.push(presence.people!.map(({ name }) => name))),
      onState: told((state) => void states.push(state)),
    },
  });
  return {
    session,
    texts,
    people,
    states,
    /** Checks the condition after every event of the session. */
    async until(isSo: () => boolean): Promise<void> {
      while (!isSo()) {
        await within(WAIT_MS, String(isSo), new Promise<void>((resolve) => wake = resolve));
      }
    },
    [Symbol.dispose]: () => session.stop(),
  };
}

/** WebSocket that every proxy blocks. */
class BlockedSocket implements SocketLike {
  static count = 0;
  onopen: SocketLike["onopen"] = null;
  onmessage: SocketLike["onmessage"] = null;
  onclose: SocketLike["onclose"] = null;
  readonly protocol = "";
  constructor() {
    BlockedSocket.count++;
  }
  send(): void {}
  close(): void {}
}

Deno.test("Session.fallBack() continues without WebSockets, at once and for good", async () => {
  BlockedSocket.count = 0;
  using network = new FakeNetwork();
  using ann = makeSession(1, BlockedSocket);
  ann.session.start();
  assertEquals(BlockedSocket.count, 1);
  ann.session.fallBack();
  assertEquals(ann.states, ["connecting", "connecting"]);
  (await network.next()).fail();
  // The session reconnects.
  assertEquals((await network.next()).headers.get("accept"), "text/event-stream");
  assertEquals(BlockedSocket.count, 1);
});

Deno.test("Session.fallBack() resets the back-off", async () => {
  using time = new FakeTime();
  using network = new FakeNetwork();
  using ann = makeSession(1, BlockedSocket, { random: () => 1 });
  ann.session.start();
  for (const delayMs of [500, 1_000, 2_000]) time.tick(10_000 + delayMs);
  ann.session.fallBack();
  (await network.next()).fail();
  const isOffline = () => typeof ann.states.at(-1) === "object";
  await ann.until(isOffline);
  assertEquals(ann.states.at(-1), { offline: true, retryAtMs: time.now + 500 });
});

Deno.test("Session continues without WebSockets when their constructor throws", async () => {
  using network = new FakeNetwork();
  class ThrowingSocket extends BlockedSocket {
    constructor() {
      super();
      throw new TypeError("Illegal constructor");
    }
  }
  using ann = makeSession(1, ThrowingSocket);
  ann.session.start();
  assertEquals((await network.next()).headers.get("accept"), "text/event-stream");
  assertEquals(ann.states, ["connecting"]);
});

Deno.test("Session over HttpFallback is never offline for a new name, and sends at once what waits for it", async () => {
  using network = new FakeNetwork();
  using ann = makeSession(1, HttpFallback, { random: () => 1 });
  const welcome = `data: {"type":"welcome","epoch":"e1","head":0,"limits":{"textBytes":100}}\n\n`;
  /** Responds to the next request, which must ask for a stream, with a stream. */
  const follow = async () => {
    const { url, answer } = await network.next();
    const body = makeBody();
    answer(200, body.readable);
    await body.write(welcome);
    return url.searchParams.get("name");
  };
  ann.session.start();
  assertEquals(await follow(), "Ann");
  const isOnline = () => ann.states.at(-1) === "online";
  await ann.until(isOnline);
  ann.session.rename("Anna");
  ann.session.say("one");
  assertEquals(await follow(), "Anna");
  await ann.until(isOnline);
  const { text, name } = JSON.parse((await network.next()).body);
  assertEquals([text, name], ["one", "Anna"]);
  assertEquals(ann.states, ["connecting", "online", "connecting", "online"]);
});

Deno.test("Session over HttpFallback with the real server: what is sent while it is down arrives once, in order", async () => {
  const data = await Deno.makeTempDir({ prefix: "confab-data-" });
  await using _folder = { [Symbol.asyncDispose]: () => Deno.remove(data, { recursive: true }) };
  const first = await startProgram({ data });
  const { port } = first;
  using ann = makeSession(port, HttpFallback);
  let said = 0;
  const say = () => ann.session.say(String(++said));
  {
    await using program = first;
    ann.session.start();
    await ann.until(() => ann.people.flat().includes("Ann"));
    for (let n = 0; n < 100; n++) say();
    await ann.until(() => ann.session.pending.length < 95);
    // The server probably stores one message without acknowledging it.
    program.kill("SIGKILL");
    await program.status;
  }
  say();
  await using _program = await startProgram({ data, args: ["--addr", `127.0.0.1:${port}`] });
  ann.session.retryNow();
  await ann.until(() => ann.session.pending.length === 0 && ann.texts.length >= said);
  const expected = Array.from({ length: said }, (_, n) => String(n + 1));
  assertEquals(ann.texts, expected);
  const { entries, more } = await ann.session.history(3);
  assertEquals(entries.map((entry) => entry.kind === "say" && entry.text), ["1", "2"]);
  assertEquals(more, false);
});
