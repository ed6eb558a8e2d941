// Limits of what is stored for good: nothing before somebody speaks, and then names and rooms at the rate of the address.
import { assert, assertEquals } from "@std/assert";
import { setImmediate as nextTurn } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";
import { AddressBudgets, LimitLog } from "../base/address_budget.ts";
import { DEFAULT_LIMITS } from "../base/limits.ts";
import { Hub } from "../hub.ts";
import type { Journal } from "../journal/journal.ts";
import { MemoryJournal } from "../journal/memory.ts";
import { openSqliteJournal } from "../journal/sqlite/sqlite_journal.ts";
import { JSON_LINES } from "../protocol/confab_v1.ts";
import { ChatError, type ErrorCode } from "../protocol/errors.ts";
import type { From, Message, Notice, NoticeOf } from "../protocol/message.ts";
import { LINES } from "../protocol/plain_lines.ts";
import type { Member } from "./subscription.ts";

/** Longer than presence waits. */
const PRESENCE_MS = 300;

/** A member that keeps its notices. */
class Guest implements Member {
  readonly wire: Member["wire"] = JSON_LINES;
  readonly notices: Notice[] = [];
  readonly closes: (ErrorCode | undefined)[] = [];

  trySend(): boolean {
    return true;
  }

  notify(notice: Notice): void {
    this.notices.push(notice);
  }

  close(code?: ErrorCode): void {
    this.closes.push(code);
  }

  told<T extends Notice["type"]>(type: T): NoticeOf<T>[] {
    return this.notices.filter((notice) => notice.type === type) as never;
  }
}

class LinesGuest extends Guest {
  override readonly wire = LINES;
}

function makeHub({ journal = new MemoryJournal() as Journal, maxRooms = Infinity, keep = 0 } = {}) {
  const logged: string[] = [];
  const log = (_level: string, event: string, fields: Record<string, unknown> = {}) =>
    void logged.push([event, ...Object.values(fields)].join(" "));
  const hub = new Hub({ journal, keep, log, maxRooms });
  const running = hub.run();
  const arrive = (author: string, name: string, room = "lobby") => {
    const guest = new Guest();
    const resumePoint = { after: undefined, epoch: undefined, maxReplay: Infinity, history: 0 };
    hub.register(guest, room, { author, name, ...resumePoint });
    return guest;
  };
  const end = async () => {
    hub.close("restarting");
    await running;
  };
  return { hub, journal, logged, arrive, [Symbol.asyncDispose]: end };
}

async function settle(): Promise<void> {
  for (let n = 0; n < 6; n++) await nextTurn();
}

/** Waits until presence was announced. */
async function presenceOf(guest: Guest): Promise<readonly From[]> {
  const before = guest.told("presence").length;
  for (const endMs = Date.now() + 20 * PRESENCE_MS; Date.now() < endMs;) {
    if (guest.told("presence").length > before) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return guest.told("presence").at(-1)!.people ?? [];
}

function saying(text: string): Message {
  return { kind: "say", id: `${text} ${crypto.randomUUID()}`, text, ref: 0, on: true };
}

/** Posts, and returns the code of the refusal, or "" if it was accepted. */
async function post(
  hub: Hub,
  room: string,
  author: Parameters<Hub["post"]>[1],
  text = "hi",
): Promise<string> {
  try {
    await hub.post(room, author, saying(text));
    return "";
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    if (error.code === "rate_limited") assert(error.retryAfterMs! >= 500);
    return error.code;
  }
}

/** Counts the rows of the tables that grow for good. */
function countRows(data: string): Record<string, number> {
  const db = new DatabaseSync(`${data}/journal.db`, { readOnly: true });
  const tables = ["rooms", "authors", "people", "entries"];
  const counts = tables.map((table) => [
    table,
    Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()!["n"]),
  ]);
  db.close();
  return Object.fromEntries(counts);
}

Deno.test("Hub.register() and rename() store nothing before the first message, and show a tag all the same", async () => {
  const data = await Deno.makeTempDir({ prefix: "confab-growth-" });
  try {
    const journal = openSqliteJournal(data);
    {
      await using test = makeHub({ journal });
      const ann = test.arrive("annannann", "Ann");
      assertEquals(await presenceOf(ann), [{ name: "Ann", tag: "annann" }]);
      assertEquals(ann.told("welcome")[0]!.you, { name: "Ann", tag: "annann" });
      test.hub.rename(ann, "Anna");
      assertEquals(await presenceOf(ann), [{ name: "Anna", tag: "annann" }]);
      for (let n = 0; n < 100; n++) test.arrive(`guest${n}guest`, `Guest ${n}`, `room-${n}`);
      // A commit for another reason must not store them either.
      await test.hub.moveCursor("reader", "lobby", 0);
      await settle();
      assertEquals(countRows(data), { rooms: 0, authors: 0, people: 0, entries: 0 });
      test.hub.broadcast(ann, saying("hi"));
      await settle();
      assertEquals(countRows(data), { rooms: 1, authors: 1, people: 1, entries: 1 });
      assertEquals(journal.read("lobby", { after: 0 }, { entries: 1, chars: 9 })[0]!.tag, "annann");
    }
    journal[Symbol.dispose]();
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("Room.rename() shows different tags for two people who have not spoken, and each keeps its tag", async () => {
  await using test = makeHub();
  const { hub, journal } = test;
  const [first, second] = [test.arrive("abcdefgh", "Ann"), test.arrive("abcdefxy", "Ben")];
  await settle();
  const tags = [first, second].map((guest) => guest.told("welcome")[0]!.you.tag);
  assertEquals(tags, ["abcdef", "abcdefx"]);
  hub.broadcast(second, saying("hi"));
  hub.broadcast(first, saying("hi"));
  await settle();
  const entries = journal.read("lobby", { after: 0 }, { entries: 9, chars: 99 });
  assertEquals(entries.map(({ tag }) => tag), ["abcdefx", "abcdef"]);
  assertEquals([first, second].map((guest) => guest.told("acks").length), [1, 1]);
});

Deno.test("Hub.post() leaves the tag to the person who is here and has not spoken", async () => {
  await using test = makeHub();
  const { hub, journal } = test;
  const guest = test.arrive("abcdefgh", "Ann");
  await settle();
  assertEquals(await post(hub, "lobby", { author: "abcdefxy", name: "Ann" }), "");
  hub.broadcast(guest, saying("hi"));
  await settle();
  const entries = journal.read("lobby", { after: 0 }, { entries: 9, chars: 99 });
  assertEquals(entries.map(({ tag }) => tag), ["abcdefx", "abcdef"]);
});

Deno.test("Hub refuses new rooms and names beyond the address's rate, and nothing else", async () => {
  await using test = makeHub();
  const { hub, logged, journal } = test;
  const log = (_level: string, event: string, fields: Record<string, unknown> = {}) =>
    void logged.push([event, ...Object.values(fields)].join(" "));
  const budgets = new AddressBudgets({ ...DEFAULT_LIMITS, messagesPerS: 0.1 }, new LimitLog(log));
  const [budget, other] = [budgets.of("a")!, budgets.of("b")!];
  const known = { author: "known", name: "Known", budget };
  const rooms = [];
  for (let n = 0; n < 4; n++) rooms.push(await post(hub, `room-${n}`, known));
  assertEquals(rooms, ["", "", "rate_limited", "rate_limited"]); // 20 for a message per second
  const names = [];
  for (let n = 0; n < 10; n++) {
    names.push(await post(hub, "room-0", { author: `author${n}`, name: "New", budget }));
  }
  assertEquals(
    names.filter((code) => code === "").length,
    8,
    "10, of which two rooms had one each",
  );
  assertEquals(await post(hub, "room-0", known), "");
  assertEquals(await post(hub, "room-9", { ...known, budget: other }), "");
  assertEquals(logged, ["limit reached --rate a"]);
  // A refused message leaves nothing.
  assertEquals(journal.rooms().toSorted(), ["room-0", "room-1", "room-9"]);
  assertEquals(journal.hasName("room-3", "known", "Known"), false);
});

Deno.test("Hub counts a new room once, however many messages of an iteration begin it", async () => {
  await using test = makeHub();
  const limitLog = new LimitLog(() => {});
  const budgets = new AddressBudgets({ ...DEFAULT_LIMITS, messagesPerS: 0.1 }, limitLog);
  const from = { author: "annannann", name: "Ann", budget: budgets.of("a")! };
  const codes = await Promise.all(Array.from({ length: 9 }, () => post(test.hub, "one", from)));
  assertEquals(new Set(codes), new Set([""]));
  assertEquals(await post(test.hub, "two", from), "");
  assertEquals(await post(test.hub, "three", from), "rate_limited");
});

Deno.test("Hub refuses a room beyond the maximum, also after a restart; rooms that exist go on", async () => {
  const journal = new MemoryJournal();
  const author = { author: "annannann", name: "Ann" };
  {
    await using test = makeHub({ journal, maxRooms: 2 });
    const posts = ["a", "b", "c", "d"].map((room) => post(test.hub, room, author)); // one iteration
    const [first, second, ...rest] = await Promise.all(posts);
    assertEquals([first, second, ...rest], ["", "", "too_many_rooms", "too_many_rooms"]);
    assertEquals(test.logged, ["limit reached --max-rooms"]);
  }
  await using test = makeHub({ journal, maxRooms: 2 });
  assertEquals(await post(test.hub, "c", author), "too_many_rooms");
  assertEquals(await post(test.hub, "a", author), "");
  const [guest, line] = [test.arrive("benbenben", "Ben", "empty"), new LinesGuest()];
  test.hub.register(line, "empty");
  const message = saying("hi");
  test.hub.broadcast(guest, message);
  test.hub.broadcast(line, { ...saying("hi"), id: "" });
  await settle();
  const [error] = guest.told("error");
  assertEquals([error!.code, error!.id], ["too_many_rooms", message.id]);
  assertEquals([guest.closes, line.closes], [[], ["too_many_rooms"]]);
  assertEquals(journal.rooms().toSorted(), ["a", "b"]);
});

Deno.test("Hub accepts in a full folder what a room's own retention makes space for", async () => {
  const data = await Deno.makeTempDir({ prefix: "confab-growth-" });
  try {
    using journal = openSqliteJournal(data, { maxBytes: 20 * 1024 * 1024 });
    await using test = makeHub({ journal, keep: 20 });
    const author = { author: "annannann", name: "Ann" };
    const say = (room: string) => post(test.hub, room, author, "x".repeat(16_000));
    for (let n = 0; n < 60; n++) assertEquals(await say("lobby"), "");
    const codes: string[] = [];
    for (const round of [1, 2]) {
      for (let n = 0; n < 2_000; n++) {
        const code = await say(`room-${n}`);
        if (code === "") continue;
        codes.push(`${round} ${code}`);
        break;
      }
    }
    assertEquals(codes, ["1 data_full", "2 data_full"]); // first no new room, then no message
    // A reader that never reads holds nothing back.
    const stuck = new Guest();
    stuck.trySend = () => false;
    const point = { after: journal.floor("lobby"), epoch: undefined, maxReplay: Infinity };
    test.hub.register(stuck, "lobby", { author: "zoezoezoe", name: "", history: 0, ...point });
    for (let n = 0; n < 60; n++) assertEquals(await say("lobby"), "");
    assertEquals([journal.head("lobby"), journal.head("room-0")], [120, 2]);
    assertEquals(test.logged, ["limit reached --max-data"]);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("Hub reserves no space of the folder for messages that it refuses", async () => {
  const data = await Deno.makeTempDir({ prefix: "confab-growth-" });
  try {
    using journal = openSqliteJournal(data, { maxBytes: 20 * 1024 * 1024 });
    await using test = makeHub({ journal });
    const budgets = new AddressBudgets(
      { ...DEFAULT_LIMITS, messagesPerS: 0.1 },
      new LimitLog(() => {}),
    );
    const from = { author: "annannann", name: "Ann", budget: budgets.of("a")! };
    const codes = new Set<string>();
    for (let n = 0; n < 1_000; n++) codes.add(await post(test.hub, `room-${n}`, from));
    assertEquals(codes, new Set(["", "rate_limited"]));
    assertEquals(await post(test.hub, "room-0", { author: "benbenben", name: "Ben" }), "");
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("Hub commits what retention removes without waiting for another message", async () => {
  const data = await Deno.makeTempDir({ prefix: "confab-growth-" });
  try {
    using journal = openSqliteJournal(data);
    await using test = makeHub({ journal, keep: 1 });
    const author = { author: "annannann", name: "Ann" };
    while (journal.floor("lobby") === 0) assertEquals(await post(test.hub, "lobby", author), "");
    await settle();
    // In an open transaction the WAL could not be emptied of deleted texts.
    assertEquals(countRows(data)["entries"], 1);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});
