// What the hub does for those who are not in a room: one thing said, some entries read, a reader's place kept.
import { assertEquals, assertRejects } from "@std/assert";
import { ChatError, type ErrorCode } from "../protocol/errors.ts";
import type { Log } from "../base/log.ts";
import { type Author, Hub } from "../hub.ts";
import type { Draft } from "../journal/journal.ts";
import { MemoryJournal } from "../journal/memory.ts";
import { anonymousAuthor } from "../protocol/names.ts";
import type { Member } from "./subscription.ts";
import { JSON_LINES } from "../protocol/confab_v1.ts";
import type { Batch, Entry, Message, Notice } from "../protocol/message.ts";

const ANN: Author = { author: "k3f9".padEnd(26, "0"), name: "Ann" };
const BOB: Author = { author: "7w2m".padEnd(26, "0"), name: "Bob" };
const ALL = { entries: 500, chars: Infinity };

/** A journal whose disk may be full, and that may be told to wait before it commits. */
class SlowJournal extends MemoryJournal {
  isFull = false;
  gate: Promise<unknown> = Promise.resolve();
  appends = 0;
  heads = 0;
  claims = 0;

  override claimTag(...args: Parameters<MemoryJournal["claimTag"]>) {
    this.claims++;
    return super.claimTag(...args);
  }

  override head(room: string) {
    this.heads++;
    return super.head(room);
  }

  override async append(drafts: readonly Draft[]) {
    this.appends++;
    await this.gate;
    if (this.isFull) throw new ChatError("not_stored");
    return super.append(drafts);
  }
}

function makeHub({ keep = 0, log = (() => {}) as Log } = {}) {
  const journal = new SlowJournal();
  const delivered: string[] = [];
  const hub = new Hub({
    journal,
    keep,
    log,
    onDelivered: (room) => delivered.push(room),
  });
  const running = hub.run();
  const close = async () => {
    hub.close("restarting");
    await running;
  };
  return { hub, journal, delivered, close, [Symbol.asyncDispose]: close };
}

let ids = 0;

function saying(more: Partial<Message> = {}): Message {
  return { kind: "say", id: `id${++ids}`, text: "hi", ref: 0, on: true, ...more };
}

/** Somebody in the room who remembers the texts. */
class Listener implements Member {
  readonly wire = JSON_LINES;
  readonly texts: string[] = [];

  trySend({ frame }: Batch): boolean {
    this.texts.push(...frame!.text.split("\n").map((line) => JSON.parse(line).text));
    return true;
  }

  notify(_notice: Notice): void {}
  close(_code?: ErrorCode): void {}
}

async function codeOf(promise: Promise<unknown>): Promise<ErrorCode> {
  return (await assertRejects(() => promise, ChatError)).code;
}

Deno.test("Hub.post() resolves with the number once everybody who is live has it", async () => {
  await using test = makeHub();
  const listener = new Listener();
  test.hub.register(listener, "ops");
  await test.hub.roomNames(); // a turn in which it comes to be live
  assertEquals(await test.hub.post("ops", ANN, saying({ text: "one" })), 1);
  assertEquals(listener.texts, ["one"]);
  const posts = [2, 3, 4].map((n) => test.hub.post("ops", ANN, saying({ text: `${n}` })));
  assertEquals(await Promise.all(posts), [2, 3, 4]);
  assertEquals(await test.hub.post("other", ANN, saying()), 1);
  assertEquals(listener.texts, ["one", "2", "3", "4"]);
});

Deno.test("Hub.post() of a known id adds nothing and resolves with the first number", async () => {
  await using test = makeHub();
  const message = saying();
  assertEquals(await test.hub.post("ops", ANN, message), 1);
  assertEquals(await test.hub.post("ops", { ...ANN, name: "Anna" }, message), 1);
  assertEquals(await test.hub.post("ops", BOB, message), 2);
});

Deno.test("Hub.post() of a known id with other content rejects with id_taken, and logs nothing", async () => {
  const log: string[] = [];
  await using test = makeHub({ log: (_level, event) => log.push(event) });
  const ci: Author = { author: anonymousAuthor("ci"), name: "ci" };
  for (const author of [ANN, ci]) {
    const message = saying();
    const seq = await test.hub.post("ops", author, message);
    const neighbour = test.hub.post("ops", BOB, saying());
    for (const other of [{ text: "other" }, { ref: 1 }]) {
      const promise = test.hub.post("ops", author, { ...message, ...other });
      const error = await assertRejects(() => promise, ChatError);
      assertEquals([error.code, error.id], ["id_taken", message.id]);
    }
    assertEquals(await test.hub.post("ops", author, message), seq);
    assertEquals(await neighbour, seq + 1);
  }
  assertEquals([test.journal.head("ops"), log], [4, []]);
});

Deno.test("Hub.post() rejects with what a member would be told", async () => {
  await using test = makeHub();
  const { hub, journal } = test;
  const anyone = { author: anonymousAuthor(""), name: "" };
  await hub.post("ops", ANN, saying());
  const post = (author: Author, more: Partial<Message>) =>
    codeOf(hub.post("ops", author, saying(more)));
  assertEquals(await post({ ...ANN, name: "" }, {}), "no_name");
  assertEquals(await post(ANN, { kind: "edit", ref: 9 }), "unknown_ref");
  assertEquals(await post(BOB, { kind: "edit", ref: 1 }), "not_yours");
  assertEquals(await hub.post("ops", anyone, saying()), 2);
  // Not even what somebody without a key has said.
  for (const kind of ["edit", "delete", "react"] as const) {
    assertEquals(await post(anyone, { kind, ref: 2 }), "no_key");
  }
  journal.isFull = true;
  const error = await assertRejects(() => hub.post("ops", ANN, saying({ id: "x" })), ChatError);
  assertEquals([error.code, error.id, error.retryAfterMs], ["not_stored", "x", 2_000]);
  journal.isFull = false;
  assertEquals(await hub.post("ops", ANN, saying({ id: "x" })), 3);
});

Deno.test("Hub.post() rejects when its name cannot be claimed, and the rooms go on", async () => {
  await using test = makeHub();
  test.journal.claimTag = () => {
    throw new ChatError("not_stored");
  };
  assertEquals(await codeOf(test.hub.post("ops", ANN, saying())), "not_stored");
  assertEquals((await test.hub.read("ops", { after: 0 }, ALL)).head, 0);
});

Deno.test("Hub.post() that is refused leaves nothing in the journal", async () => {
  await using test = makeHub();
  const { hub, journal } = test;
  await codeOf(hub.post("ops", BOB, saying({ kind: "edit", ref: 9 })));
  await hub.roomNames();
  assertEquals([journal.appends, journal.claims], [0, 0]);
});

Deno.test("Hub.post() and read() leave no room in memory that nobody is in", async () => {
  await using test = makeHub();
  const { hub, journal } = test;
  for (let n = 1; n <= 3; n++) {
    await hub.read("ops", { after: 0 }, ALL);
    await hub.roomNames(); // the turn is over
    assertEquals(journal.heads, n); // it was made anew
  }
  hub.register(new Listener(), "ops");
  await hub.roomNames();
  for (let n = 1; n <= 3; n++) await hub.read("ops", { after: 0 }, ALL);
  assertEquals(journal.heads, 4);
});

Deno.test("Hub.read() gives what was delivered, and not what is being stored", async () => {
  await using test = makeHub();
  const { hub, journal } = test;
  for (let n = 1; n <= 5; n++) await hub.post("ops", ANN, saying({ text: `${n}` }));
  const texts = (entries: readonly Entry[]) => entries.map(({ text }) => text).join("");
  const read = async (range: { after: number } | { before: number }, entries = 500) =>
    texts((await hub.read("ops", range, { entries, chars: Infinity })).entries);
  assertEquals(await read({ after: 0 }), "12345");
  assertEquals(await read({ after: 2 }, 2), "34");
  assertEquals(await read({ before: 5 }, 2), "34");
  assertEquals(await read({ before: Infinity }, 2), "45");
  assertEquals(await read({ after: 5 }) + await read({ before: 1 }), "");
  const gate = Promise.withResolvers<void>();
  journal.gate = gate.promise;
  const post = hub.post("ops", ANN, saying({ text: "6" }));
  const during = read({ after: 0 });
  gate.resolve();
  assertEquals([await during, await post, await read({ after: 0 })], ["12345", 6, "123456"]);
});

Deno.test("Hub.read() gives nothing that retention is about to remove, and says where that ends", async () => {
  await using test = makeHub({ keep: 3 });
  for (let n = 1; n <= 5; n++) await test.hub.post("ops", ANN, saying());
  const { floor, head, entries } = await test.hub.read("ops", { after: 0 }, ALL);
  assertEquals([floor, head, entries.map(({ seq }) => seq)], [2, 5, [3, 4, 5]]);
  const before = await test.hub.read("ops", { before: 4 }, ALL);
  assertEquals(before.entries.map(({ seq }) => seq), [3]);
});

Deno.test("Hub.moveCursor() keeps a reader's place, and roomNames() the rooms that were spoken in", async () => {
  await using test = makeHub();
  const { hub, journal } = test;
  await hub.read("silent", { after: 0 }, ALL);
  for (const room of ["ops", "lobby"]) await hub.post(room, ANN, saying());
  assertEquals((await hub.roomNames()).toSorted(), ["lobby", "ops"]);
  assertEquals(await hub.cursor("reader", "ops"), undefined);
  const { appends } = journal;
  await hub.moveCursor("reader", "ops", 7);
  await hub.roomNames();
  assertEquals(journal.appends, appends + 1); // durable without anybody's message
  assertEquals(await hub.cursor("reader", "ops"), 7);
  assertEquals(await hub.cursor("other", "ops"), undefined);
});

Deno.test("HubOptions.onDelivered is told each room that something was said in", async () => {
  await using test = makeHub();
  const { hub, delivered } = test;
  await Promise.all(
    ["ops", "ops", "lobby"].map((room) => hub.post(room, ANN, saying({ id: "1" }))),
  );
  assertEquals(delivered, ["ops", "lobby"]);
  await hub.post("ops", ANN, saying({ id: "1" })); // known: nothing new
  assertEquals(delivered.length, 2);
});

Deno.test("Hub.close(): what was asked before is answered, what comes after is refused", async () => {
  const { hub, close } = makeHub();
  const asked = [hub.post("ops", ANN, saying()), hub.read("ops", { after: 0 }, ALL)];
  await close();
  await Promise.all(asked);
  assertEquals(await codeOf(hub.post("ops", ANN, saying())), "restarting");
  assertEquals(await codeOf(hub.read("ops", { after: 0 }, ALL)), "restarting");
  assertEquals(await codeOf(hub.roomNames()), "restarting");
});
