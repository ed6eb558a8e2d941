// Streams of a room, each through a real listener.
import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { within } from "../../tests/support/deadline.ts";
import { JsonSocket, type Line, makeKey } from "../../tests/support/json_socket.ts";
import { serve } from "../../tests/support/serving.ts";

const EVENTS = "text/event-stream";
const LINES = "application/x-ndjson";

async function send(url: string, ...texts: string[]): Promise<void> {
  for (const text of texts) {
    await (await fetch(url, { method: "POST", body: text })).body?.cancel();
  }
}

async function joinOps(port: number, name: string): Promise<JsonSocket> {
  const { socket } = await JsonSocket.join(port, { path: "/r/ops/ws", name });
  return socket;
}

async function next(socket: JsonSocket, type: string): Promise<Line> {
  const line = await socket.read(type);
  assert(line, `the connection ended before ${type}`);
  return line;
}

/** Reads a stream line by line. Disposing it disconnects. */
class Follower implements AsyncDisposable {
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #abort: AbortController;
  #text = "";

  private constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#abort = abort;
    this.#reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<Follower> {
    const abort = new AbortController();
    return new Follower(await fetch(url, { headers, signal: abort.signal }), abort);
  }

  /** Returns the next line; undefined at the end. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const { value, done } = await within(5_000, "a line", this.#reader.read());
      if (done) return undefined;
      this.#text += value;
    }
  }

  /** Returns the next line of JSON, which may be the data of an event. */
  async next(): Promise<Line> {
    for (;;) {
      const line = await this.line();
      if (line === undefined) throw new Error("The stream has ended");
      if (/^(?:data: )?\{/.test(line)) return JSON.parse(line.replace("data: ", ""));
    }
  }

  async texts(count: number): Promise<string[]> {
    const texts: string[] = [];
    while (texts.length < count) {
      const { type, text } = await this.next();
      if (type === "entry") texts.push(text);
    }
    return texts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#reader.cancel().catch(() => {});
  }
}

for (const type of [EVENTS, LINES]) {
  Deno.test(`GET of ${type} streams new messages`, async () => {
    await using server = await serve();
    await send(server.url, "before");
    await using follower = await Follower.open(server.url, { accept: type });
    const { headers } = follower.response;
    assertEquals([headers.get("content-type"), headers.get("x-accel-buffering")], [type, "no"]);
    assertEquals(headers.get("cache-control"), "no-store, no-transform");
    assertEquals(headers.get("x-content-type-options"), "nosniff");
    const welcome = await follower.next();
    assertEquals([welcome.type, welcome.head, welcome.resumed], ["welcome", 1, false]);
    await send(server.url, "one", "two\nlines");
    assertEquals(await follower.texts(2), ["one", "two\nlines"]);
  });

  Deno.test(`GET of ${type} resumes after Last-Event-ID or ?after`, async () => {
    await using server = await serve({ keep: 4 });
    await send(server.url, "1", "2", "3", "4", "5", "6");
    for (const [query, id] of [["?after=4", ""], ["", "4"], ["?after=1", "4"]]) {
      await using follower = await Follower.open(server.url + query, {
        accept: type,
        ...id ? { "last-event-id": id } : {},
      });
      assertEquals((await follower.next()).resumed, true);
      assertEquals(await follower.texts(2), ["5", "6"]);
    }
    await using late = await Follower.open(`${server.url}?after=1`, { accept: type });
    await late.next();
    const { from, to, count, reason } = await late.next();
    assertEquals([from, to, count, reason], [2, 2, 1, "retention"]);
    assertEquals(await late.texts(4), ["3", "4", "5", "6"]);
  });

  Deno.test(`GET of ${type} starts anew in another history`, async () => {
    await using server = await serve();
    await send(server.url, "1", "2", "3");
    for (const query of ["?after=1&epoch=other&history=1", "?after=9&history=1", "?history=1"]) {
      await using follower = await Follower.open(server.url + query, { accept: type });
      assertEquals((await follower.next()).resumed, false);
      assertEquals(await follower.texts(1), ["3"]);
    }
    const other = { accept: type, "last-event-id": "abc" };
    await using foreign = await Follower.open(`${server.url}?after=1`, other);
    assertEquals((await foreign.next()).resumed, false);
    assertEquals(await foreign.texts(3), ["1", "2", "3"]); // stored messages, not only new ones
  });

  Deno.test(`GET of ${type} resumes after the last received id, whatever epoch is in the URL`, async () => {
    await using server = await serve();
    await send(server.url, "1", "2", "3");
    const headers = { accept: type, "last-event-id": "1" };
    await using follower = await Follower.open(`${server.url}?epoch=before`, headers);
    assertEquals((await follower.next()).resumed, true);
    assertEquals(await follower.texts(2), ["2", "3"]);
  });

  Deno.test(`GET of ${type} with a key makes the person present`, async () => {
    await using server = await serve();
    await using bob = await joinOps(server.port, "Bob");
    const headers = { accept: type, "confab-key": makeKey("Ann") };
    await using ann = await Follower.open(`${server.url}?name=Ann`, headers);
    const { you } = await ann.next() as unknown as { you: { name: string; tag: string } };
    assertEquals([you.name, you.tag.length], ["Ann", 6]);
    const isBoth = (line: Line) => line["count"] === 2 && JSON.stringify(line).includes(you.tag);
    let line = await ann.next();
    while (line.type !== "presence" || !isBoth(line)) line = await ann.next();
    bob.send({ type: "typing" });
    while (line.type !== "typing") line = await ann.next();
    for (line = await next(bob, "presence"); !isBoth(line);) line = await next(bob, "presence");
  });

  Deno.test(`GET of ${type} sends bye when the server stops, and ends`, async () => {
    await using server = await serve();
    await using follower = await Follower.open(server.url, { accept: type });
    await follower.next();
    await server.stop();
    assertEquals((await follower.next()).type, "bye");
    while (await follower.line() !== undefined);
  });

  Deno.test(`GET of ${type} sends heartbeats while there are no messages`, async () => {
    using time = new FakeTime();
    await using server = await serve();
    await using follower = await Follower.open(server.url, { accept: type });
    const welcome = await follower.line();
    assert(welcome);
    const beat = type === EVENTS ? ":" : '{"type":"pong"}';
    await time.tickAsync(12_000);
    let line = await follower.line();
    while (line !== beat) line = await follower.line();
  });
}

Deno.test("GET of text with ?follow sends empty lines while there are no messages", async () => {
  using time = new FakeTime();
  await using server = await serve();
  await using follower = await Follower.open(`${server.url}?follow`);
  assertEquals(await follower.line(), ""); // at once
  for (let n = 0; n < 2; n++) {
    await time.tickAsync(12_000);
    assertEquals(await follower.line(), "");
  }
  await using resumed = await Follower.open(`${server.url}?follow&after=9`);
  assertEquals(await resumed.line(), "");
});

Deno.test("GET of a stream after the rooms are closed sends bye and ends, so that an event source reconnects", async () => {
  await using server = await serve();
  server.hub.close("restarting");
  await using follower = await Follower.open(server.url, { accept: EVENTS });
  assertEquals(follower.response.status, 200);
  assertEquals((await follower.next()).type, "bye");
  while (await follower.line() !== undefined);
});

Deno.test("GET of a stream without a key receives no presence, and is counted as one person", async () => {
  await using server = await serve();
  await using follower = await Follower.open(server.url, { accept: LINES });
  await using other = await Follower.open(server.url, { accept: LINES });
  await Promise.all([follower.next(), other.next()]);
  await using bob = await joinOps(server.port, "Bob");
  while ((await next(bob, "presence"))["count"] !== 3);
  bob.send({ type: "typing" });
  await send(server.url, "one");
  assertEquals((await follower.next()).type, "entry");
});

Deno.test("GET of a stream sends an id to resume from before its first entry", async () => {
  await using server = await serve();
  await send(server.url, "1", "2", "3", "4", "5");
  for (const [query, id] of [["", 5], ["?history=2", 3], ["?after=1", 1]] as const) {
    await using follower = await Follower.open(server.url + query, { accept: EVENTS });
    assertEquals([await follower.line(), await follower.line()], ["event: welcome", `id: ${id}`]);
  }
});

Deno.test("GET of a stream skips all but the last missed entries, if asked to", async () => {
  await using server = await serve();
  await send(server.url, "1", "2", "3", "4", "5");
  await using follower = await Follower.open(`${server.url}?after=1&most=2`, { accept: EVENTS });
  await follower.next();
  const { reason, count } = await follower.next();
  assertEquals([reason, count], ["skipped", 2]);
  assertEquals(await follower.texts(2), ["4", "5"]);
});

Deno.test("GET of text with ?follow streams lines for people", async () => {
  await using server = await serve();
  await send(server.url, "before");
  await using follower = await Follower.open(`${server.url}?follow&after=0`);
  assertEquals((await follower.line())!.split(" ").slice(1), ["before"]);
  await send(`${server.url}?name=ci`, "after");
  assertEquals((await follower.line())!.split(" ").slice(1), ["¶", "ci#0000:", "after"]);
  const page = await fetch(`${server.url}?follow=0`);
  assertEquals((await page.text()).split("\n").length, 3); // the response ends
});

Deno.test("HEAD of a stream returns its headers and ends", async () => {
  await using server = await serve();
  const response = await fetch(server.url, { method: "HEAD", headers: { accept: EVENTS } });
  assertEquals([response.headers.get("content-type"), await response.text()], [EVENTS, ""]);
});

Deno.test("GET of a stream refuses an invalid key or name", async () => {
  await using server = await serve();
  const cases: [string, string, string][] = [
    ["", "short", "bad_field"],
    ["?name=a%00b", makeKey("Ann"), "bad_name"],
  ];
  for (const [query, key, code] of cases) {
    const headers = { accept: EVENTS, "confab-key": key };
    const response = await fetch(server.url + query, { headers });
    assertEquals([response.status, (await response.json()).code], [400, code]);
  }
});

Deno.test("serveStream() sends a slow reader everything, once, in order", async () => {
  await using server = await serve();
  await using follower = await Follower.open(server.url, { accept: LINES });
  await using bob = await joinOps(server.port, "Bob");
  const count = 600;
  for (let n = 1; n <= count; n++) {
    bob.send({ type: "say", id: `${n}`, text: `${n} `.padEnd(16_000, "x") });
    if (n % 100 === 0) { while ((await next(bob, "ack")).id !== `${n}`); }
  }
  const numbers = (await follower.texts(count)).map((text) => Number.parseInt(text));
  assertEquals(numbers, Array.from({ length: count }, (_, n) => n + 1));
  assertEquals(server.logged, []);
});

Deno.test("serveStream() forgets a reader that disconnects, and is not delayed by one that does not read", async () => {
  await using server = await serve();
  using stuck = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const head = `GET /r/ops HTTP/1.1\r\nHost: x\r\nAccept: ${LINES}\r\n\r\n`;
  await stuck.write(new TextEncoder().encode(head));
  await using bob = await joinOps(server.port, "Bob");
  while ((await next(bob, "presence"))["count"] !== 2);
  const text = "x".repeat(16_000);
  for (let n = 1; n <= 600; n++) {
    bob.send({ type: "say", id: `${n}`, text });
    if (n % 100 === 0) { while ((await next(bob, "ack")).id !== `${n}`); }
  }
  stuck.close();
  let line = await next(bob, "presence");
  while (line["count"] !== 1) line = await next(bob, "presence");
});
