// Tests a webhook between a real hub and a real receiver on loopback. Only the time is fake.
import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Webhook as Verifier } from "standardwebhooks";
import { Hub } from "../../hub.ts";
import type { Journal } from "../../journal/journal.ts";
import { MemoryJournal } from "../../journal/memory.ts";
import { openSqliteJournal } from "../../journal/sqlite/sqlite_journal.ts";
import { makeTextLog } from "../../base/log.ts";
import { fakeMonotonic } from "../../tests/support/monotonic.ts";
import { anonymousAuthor } from "../../protocol/names.ts";
import { Webhook } from "./webhook.ts";

const SECRET = "a secret between two programs";
const DEADLINE_MS = 20_000;
const realSetTimeout = setTimeout;

/** A request that the receiver got. */
interface Post {
  readonly id: string;
  readonly room: string;
  readonly epoch: string;
  readonly entry?: { readonly seq: number; readonly text: string };
  readonly gap?: unknown;
}

/** Another program that receives requests. It refuses unsigned ones. */
class Receiver implements AsyncDisposable {
  readonly posts: Post[] = [];
  readonly paths = new Set<string>();
  answer: (post: Post) => Response | Promise<Response> = () => new Response();
  readonly #verifier = new Verifier(SECRET, { format: "raw" });
  readonly #end = new AbortController();
  readonly #server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    signal: this.#end.signal,
    onListen() {},
    handler: (request) => this.#receive(request),
  });

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/hooks/in?token=hidden`;
  }

  /** Received entries as room and seq, gaps as room and `gap`, in the order of arrival. */
  get received(): string[] {
    return this.posts.map(({ room, entry }) => `${room} ${entry?.seq ?? "gap"}`);
  }

  async #receive(request: Request): Promise<Response> {
    this.paths.add(new URL(request.url).pathname);
    const body = this.#verifier.verify(await request.text(), Object.fromEntries(request.headers));
    const post = { id: request.headers.get("webhook-id")!, ...body as object } as Post;
    this.posts.push(post);
    return this.answer(post);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort(); // aborts unanswered requests
    await this.#server.finished;
  }
}

/** A hub with webhooks. */
class Chat implements AsyncDisposable {
  readonly hub: Hub;
  readonly log: string[] = [];
  /** Deliveries of rooms and their times. */
  readonly deliveries: { room: string; at: number }[] = [];
  /** Stored cursors: room and seq. */
  readonly cursors: string[] = [];
  failures = 0;
  readonly #webhooks: Webhook[] = [];
  readonly #running: Promise<void>;

  constructor(journal: Journal = new MemoryJournal(), keep = 0) {
    const onDelivered = (room: string) => this.#webhooks.forEach((webhook) => webhook.notify(room));
    const log = () => {};
    this.hub = new Hub({ journal, keep, log, onDelivered });
    this.#running = this.hub.run();
  }

  async addWebhook(url: string, room?: string): Promise<Webhook> {
    const { hub } = this;
    const webhook = new Webhook({
      url,
      room,
      secret: SECRET,
      log: makeTextLog((line) => this.log.push(line.slice(line.indexOf(" ") + 1))),
      random: () => {
        this.failures++;
        return 0;
      },
      source: {
        read: (...args) => hub.read(...args),
        roomNames: () => hub.roomNames(),
        cursor: (reader, room) => {
          if (room !== "") this.deliveries.push({ room, at: Date.now() });
          return hub.cursor(reader, room);
        },
        moveCursor: (reader, room, seq) => {
          this.cursors.push(`${room} ${seq}`);
          return hub.moveCursor(reader, room, seq);
        },
      },
    });
    this.#webhooks.push(webhook);
    await webhook.start();
    return webhook;
  }

  async say(room: string, ...texts: string[]): Promise<void> {
    const author = { author: anonymousAuthor("Ann"), name: "Ann" };
    for (const text of texts) {
      const id = crypto.randomUUID();
      await this.hub.post(room, author, { kind: "say", id, text, ref: 0, on: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#webhooks.map((webhook) => webhook.stop()));
    this.hub.close("restarting");
    await this.#running;
  }
}

/** Waits in real time. */
async function until(what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + DEADLINE_MS;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`Waited in vain until ${what}`);
    await new Promise((resolve) => realSetTimeout(resolve, 1));
  }
}

function untilReceived(receiver: Receiver, count: number): Promise<void> {
  return until(`${count} posts have arrived`, () => receiver.posts.length >= count);
}

/** Creates a promise that the test resolves. */
function makeGate(): { promise: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, open: resolve };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, n) => from + n);
}

Deno.test("Webhook posts each entry as confab.v1 has it, in order, each with its own id", async () => {
  await using receiver = new Receiver();
  await using chat = new Chat();
  await chat.addWebhook(receiver.url);
  await chat.say("räume", ...range(1, 250).map((n) => `text ${n}`));
  await untilReceived(receiver, 250);
  assertEquals(receiver.received, range(1, 250).map((n) => `räume ${n}`));
  const { epoch } = await chat.hub.read("räume", { after: 0 }, { entries: 1, chars: 1 });
  const { id, entry, ...rest } = receiver.posts[6]!;
  assertEquals(id, `${epoch}.r%C3%A4ume.7`);
  assertEquals(rest, { room: "räume", epoch });
  const { at, id: entryId, ...fields } = entry as unknown as Record<string, unknown>;
  assert(typeof at === "number" && typeof entryId === "string");
  const from = { name: "Ann", tag: "0000" };
  assertEquals(fields, { type: "entry", seq: 7, kind: "say", from, text: "text 7" });
});

Deno.test("Webhook starts at the head of existing rooms, and at the first entry of new rooms", async () => {
  await using receiver = new Receiver();
  await using chat = new Chat();
  await chat.say("old", "a", "b", "c");
  const webhook = await chat.addWebhook(receiver.url);
  await chat.say("new", "d");
  await chat.say("old", "e");
  await untilReceived(receiver, 2);
  assertEquals(receiver.received.sort(), ["new 1", "old 4"]);
  await until("the cursors are stored", () => chat.cursors.length === 4);
  await webhook.stop();
  await chat.say("while it is away", "f");
  await chat.say("old", "g");
  await chat.addWebhook(receiver.url);
  await untilReceived(receiver, 4);
  assertEquals(receiver.received.slice(2).sort(), ["old 5", "while it is away 1"]);
});

Deno.test("Webhook of one room ignores other rooms, and has cursors apart from those of a webhook of all rooms", async () => {
  await using receiver = new Receiver();
  await using all = new Receiver();
  await using chat = new Chat();
  await chat.say("lobby", "of old");
  await chat.addWebhook(receiver.url, "ops");
  await chat.say("lobby", "a");
  await chat.say("ops", "b");
  await chat.say("lobby", "c");
  await chat.say("ops", "d");
  await untilReceived(receiver, 2);
  assertEquals(receiver.received, ["ops 1", "ops 2"]);
  assertEquals(new Set(chat.deliveries.map(({ room }) => room)), new Set(["ops"]));
  receiver.answer = () => new Response(null, { status: 500 });
  await chat.addWebhook(receiver.url); // is new, so it starts at the heads
  await chat.addWebhook(all.url);
  assertEquals(chat.cursors.slice(-6).sort(), [" 0", " 0", "lobby 3", "lobby 3", "ops 2", "ops 2"]);
});

Deno.test("Webhook retries for ever with growing delays, and posts the next entry only after success", async () => {
  using time = new FakeTime();
  await using receiver = new Receiver();
  await using chat = new Chat();
  await chat.addWebhook(receiver.url);
  const statuses = [302, 400, 500, 429, 410, 503, 503, 200];
  receiver.answer = () => {
    const status = statuses.shift() ?? 201;
    return new Response("why", { status, headers: { location: "/elsewhere" } });
  };
  await chat.say("lobby", "first", "second");
  for (const [n, waitMs] of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000].entries()) {
    await until("it has failed", () => chat.failures > n);
    const deliveries = chat.deliveries.length;
    time.tick(waitMs - 1);
    await chat.say("lobby", "another meanwhile"); // does not shorten the delay
    assertEquals(chat.deliveries.length, deliveries);
    time.tick(1);
    assertEquals(chat.deliveries.length, deliveries + 1);
  }
  await untilReceived(receiver, 16);
  assertEquals(receiver.received, [...Array(8).fill(1), ...range(2, 9)].map((n) => `lobby ${n}`));
  assertEquals(new Set(receiver.posts.slice(0, 8).map(({ id }) => id)).size, 1);
  assertEquals(receiver.paths, new Set(["/hooks/in"]));
  const origin = `origin="${new URL(receiver.url).origin}"`;
  await until("the failure is logged", () => chat.log.length > 1);
  assertEquals(chat.log, [
    `warn hook failed ${origin} status=302`,
    `info hook works again ${origin}`,
  ]);
});

Deno.test("Webhook logs why there is no connection, and no part of the URL but its origin", async () => {
  using time = new FakeTime();
  let url: string;
  {
    await using receiver = new Receiver();
    url = receiver.url;
  }
  await using chat = new Chat();
  await chat.addWebhook(url);
  await chat.say("lobby", "a");
  await until("it has failed", () => chat.failures === 1);
  const [line] = chat.log;
  const start = `warn hook failed origin="${new URL(url).origin}" reason="client error (Connect): `;
  assert(line!.startsWith(start), line);
  assert(!/hooks|token|hidden/.test(line!), line);
  time.tick(1000);
  await until("it has failed again", () => chat.failures === 2);
  assertEquals(chat.log.length, 1);
});

Deno.test("Webhook treats no answer within 15 s as a failure", async () => {
  using time = new FakeTime();
  await using receiver = new Receiver();
  await using chat = new Chat();
  const gate = makeGate();
  receiver.answer = async () => {
    if (receiver.posts.length === 1) await gate.promise;
    return new Response();
  };
  await chat.addWebhook(receiver.url);
  await chat.say("lobby", "a");
  await untilReceived(receiver, 1);
  time.tick(15_000);
  await until("it has failed", () => chat.failures === 1);
  assert(chat.log[0]!.endsWith('reason="There was no answer in time"'), chat.log[0]);
  time.tick(1000);
  await untilReceived(receiver, 2);
  gate.open();
  assertEquals(receiver.received, ["lobby 1", "lobby 1"]);
});

Deno.test("Webhook waits as long as the receiver asks, at most five minutes", async () => {
  using time = new FakeTime();
  await using receiver = new Receiver();
  await using chat = new Chat();
  const asked = ["100", "1000", "0"];
  receiver.answer = () => {
    const seconds = asked.shift();
    return new Response(null, seconds ? { status: 429, headers: { "retry-after": seconds } } : {});
  };
  await chat.addWebhook(receiver.url);
  await chat.say("lobby", "a");
  for (const [n, waitMs] of [100_000, 300_000, 4_000].entries()) {
    await until("it has failed", () => chat.failures > n);
    const deliveries = chat.deliveries.length;
    time.tick(waitMs - 1);
    assertEquals(chat.deliveries.length, deliveries, `${waitMs}`);
    time.tick(1);
    assertEquals(chat.deliveries.length, deliveries + 1, `${waitMs}`);
  }
  await untilReceived(receiver, 4);
});

Deno.test("Webhook does not read the body of the answer", async () => {
  await using receiver = new Receiver();
  await using chat = new Chat();
  let cancelled = 0;
  receiver.answer = () =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(10)), // the body never ends
        cancel: () => void cancelled++,
      }),
    );
  await chat.addWebhook(receiver.url);
  await chat.say("lobby", "a", "b", "c");
  await untilReceived(receiver, 3);
  await until("it has hung up", () => cancelled === 3);
});

Deno.test("Webhook reports entries removed by retention once, in order", async () => {
  using time = new FakeTime();
  await using receiver = new Receiver();
  await using chat = new Chat(new MemoryJournal(), 10);
  await chat.addWebhook(receiver.url);
  receiver.answer = () => new Response(null, { status: 503 });
  await chat.say("lobby", ...range(1, 50).map(String));
  await until("it has failed", () => chat.failures === 1);
  receiver.answer = () => new Response();
  receiver.posts.length = 0;
  time.tick(1000);
  await untilReceived(receiver, 11);
  assertEquals(receiver.received, ["lobby gap", ...range(41, 50).map((n) => `lobby ${n}`)]);
  const [{ id, epoch, ...gap }] = receiver.posts as [Post];
  assertEquals(id, `${epoch}.lobby.gap.40`);
  const expected = { from: 1, to: 40, count: 40, reason: "retention" };
  assertEquals(gap, { room: "lobby", gap: expected });
});

Deno.test("Webhook delivers at most four rooms at a time, and each in order", async () => {
  await using receiver = new Receiver();
  await using chat = new Chat();
  const gate = makeGate();
  receiver.answer = () => gate.promise.then(() => new Response());
  await chat.addWebhook(receiver.url);
  const rooms = range(1, 10).map((n) => `room-${n}`);
  for (const room of rooms) await chat.say(room, "a");
  await untilReceived(receiver, 4);
  assertEquals(chat.deliveries.length, 4);
  gate.open();
  await untilReceived(receiver, 10);
  assertEquals(receiver.received.sort(), rooms.map((room) => `${room} 1`).sort());
});

Deno.test("Webhook delivers other rooms while some fail, and logs the failure once", async () => {
  using time = new FakeTime();
  await using receiver = new Receiver();
  await using chat = new Chat();
  let isMended = false;
  receiver.answer = ({ room }) =>
    new Response(null, { status: room.startsWith("bad") && !isMended ? 400 : 200 });
  await chat.addWebhook(receiver.url);
  const bad = range(1, 6).map((n) => `bad-${n}`);
  for (const room of bad) await chat.say(room, "a");
  await until("they have failed", () => chat.failures === bad.length);
  await chat.say("good", ...range(1, 20).map(String));
  const good = () => receiver.received.filter((post) => post.startsWith("good"));
  await until("the good room is delivered", () => good().length === 20);
  assertEquals(good(), range(1, 20).map((n) => `good ${n}`));
  assertEquals(chat.log.length, 1);
  isMended = true;
  time.tick(1000);
  await until("it works again", () => chat.log.length === 2);
  assertEquals(receiver.posts.length, 20 + 2 * bad.length);
});

Deno.test("Webhook.stop() aborts requests under way; accepted entries are not posted again", async () => {
  using _time = new FakeTime(); // so that a missing answer does not time out
  await using receiver = new Receiver();
  await using chat = new Chat();
  const gate = makeGate();
  const webhook = await chat.addWebhook(receiver.url);
  receiver.answer = async ({ entry }) => {
    if (entry!.seq === 1) await gate.promise; // until all three entries exist
    if (entry!.seq === 3 && receiver.posts.length === 3) await stopped.promise;
    return new Response();
  };
  const stopped = makeGate();
  await chat.say("lobby", "a page of its own");
  await untilReceived(receiver, 1);
  await chat.say("lobby", "b", "c");
  gate.open();
  await untilReceived(receiver, 3);
  let stored: string | undefined;
  webhook.stop().then(() => stored = chat.cursors.at(-1));
  await until("it has stopped", () => stored !== undefined);
  assertEquals(stored, "lobby 2");
  await chat.say("lobby", "d");
  assertEquals(receiver.received, ["lobby 1", "lobby 2", "lobby 3"]);
  await chat.addWebhook(receiver.url);
  await untilReceived(receiver, 5);
  stopped.open();
  assertEquals(receiver.received.slice(3), ["lobby 3", "lobby 4"]);
});

for (const hours of [0, -24, -1, 2]) {
  const when = hours === 0 ? "" : `, if the date jumps by ${hours} h`;
  Deno.test(`Webhook stores its cursor every second, and after each page${when}`, async () => {
    using time = new FakeTime();
    using clock = fakeMonotonic();
    await using receiver = new Receiver();
    await using chat = new Chat();
    const [first, last] = [makeGate(), makeGate()];
    await chat.addWebhook(receiver.url);
    receiver.answer = async ({ entry }) => {
      if (entry!.seq === 1) await first.promise;
      if (entry!.seq === 3) clock.jumpDate(hours * 3_600_000);
      if (entry!.seq === 4 || entry!.seq === 5) time.tick(600);
      if (entry!.seq === 7) await last.promise;
      return new Response();
    };
    await chat.say("lobby", "a page of its own");
    await untilReceived(receiver, 1);
    await chat.say("lobby", ...range(2, 8).map(String));
    first.open();
    await untilReceived(receiver, 7);
    assertEquals(chat.cursors.slice(1), ["lobby 1", "lobby 5"]);
    last.open();
    await until("the cursor of the page is stored", () => chat.cursors.at(-1) === "lobby 8");
    assertEquals(chat.cursors.slice(1), ["lobby 1", "lobby 5", "lobby 8"]);
  });
}

Deno.test("Webhook leaves no entry out when the program is killed", async () => {
  const folder = await Deno.makeTempDir({ prefix: "confab-hook-" });
  const killed = `${folder}/killed`;
  try {
    await using receiver = new Receiver();
    {
      using journal = openSqliteJournal(folder);
      await using chat = new Chat(journal);
      await chat.say("lobby", "before there was a webhook");
      const gate = makeGate();
      receiver.answer = () => gate.promise.then(() => new Response());
      await chat.addWebhook(receiver.url);
      await chat.say("lobby", ...range(2, 300).map(String));
      gate.open();
      await untilReceived(receiver, 150);
      copyJournal(folder, killed);
    }
    const before = receiver.posts.length;
    receiver.answer = () => new Response();
    using journal = openSqliteJournal(killed);
    await using chat = new Chat(journal);
    await chat.addWebhook(receiver.url);
    await until("everything is delivered", () => receiver.received.includes("lobby 300"));
    assertEquals([...new Set(receiver.received)], range(2, 300).map((n) => `lobby ${n}`));
    const [again] = receiver.posts.slice(before);
    assert(again!.entry!.seq > 100, `posts from ${again!.entry!.seq} on again`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Copies the journal as another process would find it if this one were killed now. */
function copyJournal(from: string, to: string): void {
  Deno.mkdirSync(to);
  for (const name of ["journal.db", "journal.db-wal"]) {
    Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
  }
}
