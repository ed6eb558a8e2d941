// A hook between a real hub and a real receiver on the loopback. Only the time is not real.
import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Webhook as Verifier } from "standardwebhooks";
import { Hub } from "../../hub.ts";
import type { Journal } from "../../journal/journal.ts";
import { MemoryJournal } from "../../journal/memory.ts";
import { openSqliteJournal } from "../../journal/sqlite/sqlite_journal.ts";
import { makeTextLog } from "../../base/log.ts";
import { anonymousAuthor } from "../../protocol/names.ts";
import { Webhook } from "./webhook.ts";

const SECRET = "a secret between two programs";
const DEADLINE_MS = 20_000;
const realSetTimeout = setTimeout;

/** What the receiver was posted. */
interface Post {
  readonly id: string;
  readonly room: string;
  readonly epoch: string;
  readonly entry?: { readonly seq: number; readonly text: string };
  readonly gap?: unknown;
}

/** Another program. It refuses what is not signed. */
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
    handler: (request) => this.#take(request),
  });

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/hooks/in?token=hidden`;
  }

  /** Entries by room and number, gaps as `gap`, in the order in which they came. */
  get told(): string[] {
    return this.posts.map(({ room, entry }) => `${room} ${entry?.seq ?? "gap"}`);
  }

  async #take(request: Request): Promise<Response> {
    this.paths.add(new URL(request.url).pathname);
    const body = this.#verifier.verify(await request.text(), Object.fromEntries(request.headers));
    const post = { id: request.headers.get("webhook-id")!, ...body as object } as Post;
    this.posts.push(post);
    return this.answer(post);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort(); // whatever is still unanswered
    await this.#server.finished;
  }
}

/** A hub with hooks. */
class Chat implements AsyncDisposable {
  readonly hub: Hub;
  readonly log: string[] = [];
  /** When a room had its turn: called at once when it is due. */
  readonly turns: { room: string; at: number }[] = [];
  /** Places that were noted: room and number. */
  readonly places: string[] = [];
  failures = 0;
  readonly #hooks: Webhook[] = [];
  readonly #running: Promise<void>;

  constructor(journal: Journal = new MemoryJournal(), keep = 0) {
    const onDelivered = (room: string) => this.#hooks.forEach((hook) => hook.notify(room));
    const log = () => {};
    this.hub = new Hub({ journal, keep, log, onDelivered });
    this.#running = this.hub.run();
  }

  async hook(url: string, room?: string): Promise<Webhook> {
    const { hub } = this;
    const hook = new Webhook({
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
          if (room !== "") this.turns.push({ room, at: Date.now() });
          return hub.cursor(reader, room);
        },
        moveCursor: (reader, room, seq) => {
          this.places.push(`${room} ${seq}`);
          return hub.moveCursor(reader, room, seq);
        },
      },
    });
    this.#hooks.push(hook);
    await hook.start();
    return hook;
  }

  async say(room: string, ...texts: string[]): Promise<void> {
    const author = { author: anonymousAuthor("Ann"), name: "Ann" };
    for (const text of texts) {
      const id = crypto.randomUUID();
      await this.hub.post(room, author, { kind: "say", id, text, ref: 0, on: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#hooks.map((hook) => hook.stop()));
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

function untilTold(receiver: Receiver, count: number): Promise<void> {
  return until(`${count} posts have come`, () => receiver.posts.length >= count);
}

/** A promise that a test resolves. */
function makeGate(): { promise: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, open: resolve };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, n) => from + n);
}

Deno.test("Webhook posts each entry as confab.v1 has it, in order, each under an id of its own", async () => {
  await using receiver = new Receiver();
  await using chat = new Chat();
  await chat.hook(receiver.url);
  await chat.say("räume", ...range(1, 250).map((n) => `text ${n}`));
  await untilTold(receiver, 250);
  assertEquals(receiver.told, range(1, 250).map((n) => `räume ${n}`));
  const { epoch } = await chat.hub.read("räume", { after: 0 }, { entries: 1, chars: 1 });
  const { id, entry, ...rest } = receiver.posts[6]!;
  assertEquals(id, `${epoch}.r%C3%A4ume.7`);
  assertEquals(rest, { room: "räume", epoch });
  const { at, id: entryId, ...fields } = entry as unknown as Record<string, unknown>;
  assert(typeof at === "number" && typeof entryId === "string");
  const from = { name: "Ann", tag: "0000" };
  assertEquals(fields, { type: "entry", seq: 7, kind: "say", from, text: "text 7" });
});

Deno.test("Webhook begins at the head of the rooms that are there, and at the first entry of others", async () => {
  await using receiver = new Receiver();
  await using chat = new Chat();
  await chat.say("old", "a", "b", "c");
  const hook = await chat.hook(receiver.url);
  await chat.say("new", "d");
  await chat.say("old", "e");
  await untilTold(receiver, 2);
  assertEquals(receiver.told.sort(), ["new 1", "old 4"]);
  await until("it is noted", () => chat.places.length === 4);
  await hook.stop();
  await chat.say("while it is away", "f");
  await chat.say("old", "g");
  await chat.hook(receiver.url);
  await untilTold(receiver, 4);
  assertEquals(receiver.told.slice(2).sort(), ["old 5", "while it is away 1"]);
});

Deno.test("Webhook of one room leaves the others alone, and is another hook than that of all", async () => {
  await using receiver = new Receiver();
  await using all = new Receiver();
  await using chat = new Chat();
  await chat.say("lobby", "of old");
  await chat.hook(receiver.url, "ops");
  await chat.say("lobby", "a");
  await chat.say("ops", "b");
  await chat.say("lobby", "c");
  await chat.say("ops", "d");
  await untilTold(receiver, 2);
  assertEquals(receiver.told, ["ops 1", "ops 2"]);
  assertEquals(new Set(chat.turns.map(({ room }) => room)), new Set(["ops"]));
  receiver.answer = () => new Response(null, { status: 500 });
  await chat.hook(receiver.url); // is new: begins at the heads
  await chat.hook(all.url);
  assertEquals(chat.places.slice(-6).sort(), [" 0", " 0", "lobby 3", "lobby 3", "ops 2", "ops 2"]);
});

Deno.test("Webhook tries again for ever, later each time, and the next only when one is taken", async () => {
  using time = new FakeTime();
  await using receiver = new Receiver();
  await using chat = new Chat();
  await chat.hook(receiver.url);
  const statuses = [302, 400, 500, 429, 410, 503, 503, 200];
  receiver.answer = () => {
    const status = statuses.shift() ?? 201;
    return new Response("why", { status, headers: { location: "/elsewhere" } });
  };
  await chat.say("lobby", "first", "second");
  for (const [n, waitMs] of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000].entries()) {
    await until("it has failed", () => chat.failures > n);
    const turns = chat.turns.length;
    time.tick(waitMs - 1);
    await chat.say("lobby", "another meanwhile"); // is no reason to hurry
    assertEquals(chat.turns.length, turns);
    time.tick(1);
    assertEquals(chat.turns.length, turns + 1);
  }
  await untilTold(receiver, 16);
  assertEquals(receiver.told, [...Array(8).fill(1), ...range(2, 9)].map((n) => `lobby ${n}`));
  assertEquals(new Set(receiver.posts.slice(0, 8).map(({ id }) => id)).size, 1);
  assertEquals(receiver.paths, new Set(["/hooks/in"]));
  const origin = `origin="${new URL(receiver.url).origin}"`;
  await until("it has told", () => chat.log.length > 1);
  assertEquals(chat.log, [
    `warn hook failed ${origin} status=302`,
    `info hook works again ${origin}`,
  ]);
});

Deno.test("Webhook says why there is no connection, and nothing of the URL but its origin", async () => {
  using time = new FakeTime();
  let url: string;
  {
    await using receiver = new Receiver();
    url = receiver.url;
  }
  await using chat = new Chat();
  await chat.hook(url);
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

Deno.test("Webhook takes no answer in 15 s for a failure", async () => {
  using time = new FakeTime();
  await using receiver = new Receiver();
  await using chat = new Chat();
  const gate = makeGate();
  receiver.answer = async () => {
    if (receiver.posts.length === 1) await gate.promise;
    return new Response();
  };
  await chat.hook(receiver.url);
  await chat.say("lobby", "a");
  await untilTold(receiver, 1);
  time.tick(15_000);
  await until("it has failed", () => chat.failures === 1);
  assert(chat.log[0]!.endsWith('reason="There was no answer in time"'), chat.log[0]);
  time.tick(1000);
  await untilTold(receiver, 2);
  gate.open();
  assertEquals(receiver.told, ["lobby 1", "lobby 1"]);
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
  await chat.hook(receiver.url);
  await chat.say("lobby", "a");
  for (const [n, waitMs] of [100_000, 300_000, 4_000].entries()) {
    await until("it has failed", () => chat.failures > n);
    const turns = chat.turns.length;
    time.tick(waitMs - 1);
    assertEquals(chat.turns.length, turns, `${waitMs}`);
    time.tick(1);
    assertEquals(chat.turns.length, turns + 1, `${waitMs}`);
  }
  await untilTold(receiver, 4);
});

Deno.test("Webhook does not read what the receiver has to say", async () => {
  await using receiver = new Receiver();
  await using chat = new Chat();
  let cancelled = 0;
  receiver.answer = () =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(10)), // and never ends
        cancel: () => void cancelled++,
      }),
    );
  await chat.hook(receiver.url);
  await chat.say("lobby", "a", "b", "c");
  await untilTold(receiver, 3);
  await until("it has hung up", () => cancelled === 3);
});

Deno.test("Webhook tells once of what retention has removed, in its place", async () => {
  using time = new FakeTime();
  await using receiver = new Receiver();
  await using chat = new Chat(new MemoryJournal(), 10);
  await chat.hook(receiver.url);
  receiver.answer = () => new Response(null, { status: 503 });
  await chat.say("lobby", ...range(1, 50).map(String));
  await until("it has failed", () => chat.failures === 1);
  receiver.answer = () => new Response();
  receiver.posts.length = 0;
  time.tick(1000);
  await untilTold(receiver, 11);
  assertEquals(receiver.told, ["lobby gap", ...range(41, 50).map((n) => `lobby ${n}`)]);
  const [{ id, epoch, ...gap }] = receiver.posts as [Post];
  assertEquals(id, `${epoch}.lobby.gap.40`);
  const expected = { from: 1, to: 40, count: 40, reason: "retention" };
  assertEquals(gap, { room: "lobby", gap: expected });
});

Deno.test("Webhook posts at most four rooms at a time, and each in its turn", async () => {
  await using receiver = new Receiver();
  await using chat = new Chat();
  const gate = makeGate();
  receiver.answer = () => gate.promise.then(() => new Response());
  await chat.hook(receiver.url);
  const rooms = range(1, 10).map((n) => `room-${n}`);
  for (const room of rooms) await chat.say(room, "a");
  await untilTold(receiver, 4);
  assertEquals(chat.turns.length, 4);
  gate.open();
  await untilTold(receiver, 10);
  assertEquals(receiver.told.sort(), rooms.map((room) => `${room} 1`).sort());
});

Deno.test("Webhook goes on in other rooms while some fail, and says so once", async () => {
  using time = new FakeTime();
  await using receiver = new Receiver();
  await using chat = new Chat();
  let isMended = false;
  receiver.answer = ({ room }) =>
    new Response(null, { status: room.startsWith("bad") && !isMended ? 400 : 200 });
  await chat.hook(receiver.url);
  const bad = range(1, 6).map((n) => `bad-${n}`);
  for (const room of bad) await chat.say(room, "a");
  await until("they have failed", () => chat.failures === bad.length);
  await chat.say("good", ...range(1, 20).map(String));
  const good = () => receiver.told.filter((told) => told.startsWith("good"));
  await until("the good room is told", () => good().length === 20);
  assertEquals(good(), range(1, 20).map((n) => `good ${n}`));
  assertEquals(chat.log.length, 1);
  isMended = true;
  time.tick(1000);
  await until("it works again", () => chat.log.length === 2);
  assertEquals(receiver.posts.length, 20 + 2 * bad.length);
});

Deno.test("Webhook.stop() ends what is under way; nothing that was taken is posted again", async () => {
  using _time = new FakeTime(); // no answer does not become one that is late
  await using receiver = new Receiver();
  await using chat = new Chat();
  const gate = makeGate();
  const hook = await chat.hook(receiver.url);
  receiver.answer = async ({ entry }) => {
    if (entry!.seq === 1) await gate.promise; // until all three are there
    if (entry!.seq === 3 && receiver.posts.length === 3) await stopped.promise;
    return new Response();
  };
  const stopped = makeGate();
  await chat.say("lobby", "a page of its own");
  await untilTold(receiver, 1);
  await chat.say("lobby", "b", "c");
  gate.open();
  await untilTold(receiver, 3);
  let noted: string | undefined;
  hook.stop().then(() => noted = chat.places.at(-1));
  await until("it has stopped", () => noted !== undefined);
  assertEquals(noted, "lobby 2");
  await chat.say("lobby", "d");
  assertEquals(receiver.told, ["lobby 1", "lobby 2", "lobby 3"]);
  await chat.hook(receiver.url);
  await untilTold(receiver, 5);
  stopped.open();
  assertEquals(receiver.told.slice(3), ["lobby 3", "lobby 4"]);
});

Deno.test("Webhook notes its place every second, and after each page", async () => {
  using time = new FakeTime();
  await using receiver = new Receiver();
  await using chat = new Chat();
  const [first, last] = [makeGate(), makeGate()];
  await chat.hook(receiver.url);
  receiver.answer = async ({ entry }) => {
    if (entry!.seq === 1) await first.promise;
    if (entry!.seq === 4 || entry!.seq === 5) time.tick(600);
    if (entry!.seq === 7) await last.promise;
    return new Response();
  };
  await chat.say("lobby", "a page of its own");
  await untilTold(receiver, 1);
  await chat.say("lobby", ...range(2, 8).map(String));
  first.open();
  await untilTold(receiver, 7);
  assertEquals(chat.places.slice(1), ["lobby 1", "lobby 5"]);
  last.open();
  await until("the page is noted", () => chat.places.at(-1) === "lobby 8");
  assertEquals(chat.places.slice(1), ["lobby 1", "lobby 5", "lobby 8"]);
});

Deno.test("Webhook leaves nothing out when the program is killed", async () => {
  const folder = await Deno.makeTempDir({ prefix: "confab-hook-" });
  const killed = `${folder}/killed`;
  try {
    await using receiver = new Receiver();
    {
      using journal = openSqliteJournal(folder);
      await using chat = new Chat(journal);
      await chat.say("lobby", "before there was a hook");
      const gate = makeGate();
      receiver.answer = () => gate.promise.then(() => new Response());
      await chat.hook(receiver.url);
      await chat.say("lobby", ...range(2, 300).map(String));
      gate.open();
      await untilTold(receiver, 150);
      copyJournal(folder, killed);
    }
    const before = receiver.posts.length;
    receiver.answer = () => new Response();
    using journal = openSqliteJournal(killed);
    await using chat = new Chat(journal);
    await chat.hook(receiver.url);
    await until("all is told", () => receiver.told.includes("lobby 300"));
    assertEquals([...new Set(receiver.told)], range(2, 300).map((n) => `lobby ${n}`));
    const [again] = receiver.posts.slice(before);
    assert(again!.entry!.seq > 100, `posts from ${again!.entry!.seq} on again`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** The journal as another process would find it if this one were killed now. */
function copyJournal(from: string, to: string): void {
  Deno.mkdirSync(to);
  for (const name of ["journal.db", "journal.db-wal"]) {
    Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
  }
}
