import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { setImmediate as nextTurn } from "node:timers/promises";
import { ChatError, type ErrorCode } from "./protocol/errors.ts";
import { Hub, type JoinRequest } from "./hub.ts";
import type { Draft } from "./journal/journal.ts";
import { MemoryJournal } from "./journal/memory.ts";
import type { Log } from "./base/log.ts";
import type { Member } from "./hub/subscription.ts";
import { JSON_LINES } from "./protocol/confab_v1.ts";
import { Frame } from "./protocol/frame.ts";
import type { Ack, Batch, Message, Notice, Wire } from "./protocol/message.ts";
import { LINES } from "./protocol/plain_lines.ts";

/** A member without a socket: it has room for `room` batches and remembers all it is given. */
class FakeMember implements Member {
  readonly wire: Wire;
  readonly batches: Batch[] = [];
  readonly notices: Notice[] = [];
  readonly closes: (ErrorCode | undefined)[] = [];
  room: number;

  constructor(room = Infinity, wire: Wire = LINES) {
    this.room = room;
    this.wire = wire;
  }

  trySend(batch: Batch): boolean {
    if (this.room === 0) return false;
    this.room--;
    this.batches.push(batch);
    return true;
  }

  notify(notice: Notice): void {
    this.notices.push(notice);
  }

  close(code?: ErrorCode): void {
    this.closes.push(code);
  }

  /** What it has been sent: texts on either wire. */
  get lines(): string[] {
    const lines = this.batches.flatMap(({ frame }) => frame?.text.split("\n") ?? []);
    return this.wire === LINES ? lines : lines.map((line) => JSON.parse(line).text);
  }

  get seqs(): number[] {
    return this.batches.flatMap(({ frame }) => frame!.text.split("\n")).map((line) =>
      JSON.parse(line).seq
    );
  }

  get acks(): Ack[] {
    return this.told("acks").flatMap(({ acks }) => acks);
  }

  /** Notices of a kind, without what every one of that kind has. */
  told<T extends Notice["type"]>(type: T): Extract<Notice, { type: T }>[] {
    return this.notices.filter((notice) => notice.type === type) as never;
  }
}

/** A journal whose disk may be full. */
class FlakyJournal extends MemoryJournal {
  isFull = false;

  override append(drafts: readonly Draft[]) {
    if (this.isFull) return Promise.reject(new ChatError("not_stored", { cause: "disk full" }));
    return super.append(drafts);
  }
}

/** A journal that counts how often it is read. */
class CountingJournal extends FlakyJournal {
  reads = 0;

  override read(...args: Parameters<MemoryJournal["read"]>) {
    this.reads++;
    return super.read(...args);
  }
}

interface TestHub extends AsyncDisposable {
  readonly hub: Hub;
  readonly journal: FlakyJournal;
  readonly logged: string[];
  /** Somebody who speaks `confab.v1`, and what the hub told first. */
  arrive(arrival?: Partial<JoinRequest>, room?: string): FakeMember;
  join(member?: FakeMember, room?: string): FakeMember;
  say(member: FakeMember, text: string, more?: Partial<Message>): void;
}

function makeHub({ keep = 0, journal = new FlakyJournal() } = {}): TestHub {
  const logged: string[] = [];
  const log: Log = (_level, event) => logged.push(event);
  const hub = new Hub({ journal, keep, log });
  const running = hub.run();
  let people = 0;
  const join = (member = new FakeMember(), room = "lobby") => {
    hub.register(member, room);
    return member;
  };
  return {
    hub,
    journal,
    logged,
    join,
    arrive(arrival = {}, room = "lobby") {
      const member = new FakeMember(Infinity, JSON_LINES);
      const { author = `${++people}author`, name = `P${author.slice(0, 1)}`, ...rest } = arrival;
      const wish = {
        after: undefined,
        epoch: undefined,
        maxReplay: Infinity,
        history: 50,
        ...rest,
      };
      hub.register(member, room, { author, name, ...wish });
      return member;
    },
    say(member, text, more = {}) {
      hub.broadcast(member, { kind: "say", id: "", text, ref: 0, on: true, ...more });
    },
    async [Symbol.asyncDispose]() {
      hub.close("restarting");
      await running;
    },
  };
}

/** Lets the hub take what waits in its inbox and act on it. */
async function hubTurn(): Promise<void> {
  for (let i = 0; i < 4; i++) await nextTurn();
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, n) => first + n);
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `line ${n + 1}`);
}

Deno.test("Hub.register() gives somebody without a name no tag of who has no key", async () => {
  await using test = makeHub();
  const member = test.arrive({ author: "0000".padEnd(26, "z"), name: "" });
  await hubTurn();
  assertEquals(member.told("welcome")[0]!.you, { name: "", tag: "0000zz" });
});

Deno.test("Hub.register() reserves a tag for somebody who has no name yet", async () => {
  await using test = makeHub();
  const [ann, eve] = ["ann0aaaaa", "ann0aabbb"].map((author) => test.arrive({ author, name: "" }));
  await hubTurn();
  assertEquals(ann!.told("welcome")[0]!.you, { name: "", tag: "ann0aa" });
  assertEquals(eve!.told("welcome")[0]!.you, { name: "", tag: "ann0aab" });
  // A third one, who is not in the room and speaks before both.
  const message: Message = { kind: "say", id: "1", text: "hi", ref: 0, on: true };
  await test.hub.post("lobby", { author: "ann0aabcc", name: "Ann" }, message);
  test.hub.rename(eve!, "Ann");
  test.hub.rename(ann!, "Ann");
  for (const member of [eve!, ann!]) test.say(member, "hi", { id: "1" });
  await hubTurn();
  const entries = test.journal.read("lobby", { after: 0 }, { entries: 9, chars: 999 });
  assertEquals(entries.map(({ tag }) => tag), ["ann0aabc", "ann0aab", "ann0aa"]);
  assertEquals(test.arrive({ author: "ann0aaaaa", name: "Anna" }).closes, []);
});

Deno.test("Hub.broadcast() bounds the emoji of a message, and the reactions of a person", async () => {
  await using test = makeHub();
  const [ann, ben] = [test.arrive({ author: "ann0aaaaa" }), test.arrive({ author: "ben0aaaaa" })];
  test.say(ann, "hi", { id: "hi" });
  await hubTurn();
  let count = 0;
  const react = (member: FakeMember, text: string, on = true) =>
    test.say(member, text, { kind: "react", id: `react ${++count}`, ref: 1, on });
  const refused = (member: FakeMember) => member.told("error").map(({ code }) => code);
  // Many in one iteration, then as many in iterations of their own.
  for (let n = 0; n < 40; n++) react(ann, `${n}`);
  await hubTurn();
  assertEquals(refused(ann), Array(20).fill("too_many_reactions"));
  for (let n = 0; n < 3; n++) {
    react(ben, `other ${n}`);
    await hubTurn();
  }
  assertEquals(refused(ben), Array(3).fill("too_many_reactions"));
  // An emoji that is there may be used by others. Setting and taking back count together.
  for (let n = 0; n < 60; n++) react(ben, "7", n % 2 === 0);
  await hubTurn();
  assertEquals(refused(ben).length, 3 + 10);
  react(ben, "7", false);
  test.say(ben, "hi", { id: "hi" });
  // An accepted one is known, although it would be refused by now.
  test.say(ann, "3", { kind: "react", id: "react 4", ref: 1 });
  await hubTurn();
  assertEquals(refused(ben).length, 3 + 10);
  assertEquals(ann.acks.at(-1), { id: "react 4", seq: 5 });
});

Deno.test("Hub.broadcast() claims a tag with the first message, not with each", async () => {
  await using test = makeHub();
  const { journal } = test;
  const claimTag = journal.claimTag.bind(journal);
  let claims = 0;
  journal.claimTag = (...args) => {
    claims++;
    return claimTag(...args);
  };
  const member = test.arrive();
  for (const id of ["1", "2", "3"]) test.say(member, "hi", { id });
  await hubTurn();
  assertEquals([member.acks.length, claims], [3, 1]);
});

Deno.test("Hub.register() that fails leaves the room to those who come in the same turn", async () => {
  await using test = makeHub();
  const { hub, journal } = test;
  const hasName = journal.hasName.bind(journal);
  let isBroken = true;
  journal.hasName = (...args) => {
    if (isBroken) throw new ChatError("not_stored");
    return hasName(...args);
  };
  const read = hub.read("lobby", { after: 0 }, { entries: 1, chars: 1 }); // makes the room
  const unlucky = test.arrive();
  const lucky = test.join();
  await hubTurn();
  isBroken = false;
  await read;
  assertEquals(unlucky.closes.length, 1);
  const other = test.join();
  test.say(other, "hello");
  await hubTurn();
  assertEquals([lucky.lines, other.lines], [["hello"], ["hello"]]);
});

Deno.test("Hub.broadcast() reaches every member, its sender included, in one order", async () => {
  await using test = makeHub();
  const members = [test.join(), test.join(), test.arrive()];
  for (const [n, line] of numbered(500).entries()) {
    test.say(members[n % 3]!, line, { id: `${n}` });
    if (n % 7 === 0) await nextTurn();
  }
  await hubTurn();
  assertEquals(members[2]!.lines, numbered(500));
  const named = numbered(500).map((line, n) => n % 3 === 2 ? `¶ P1#1autho: ${line}` : line);
  for (const member of members.slice(0, 2)) assertEquals(member.lines, named);
});

Deno.test("Hub.broadcast() makes one batch of what one turn finds, the same object for all on a wire", async () => {
  await using test = makeHub();
  const [a, b, c] = [test.join(), test.join(), test.arrive()];
  await hubTurn();
  for (const text of ["one", "two", "three"]) test.say(a, text);
  await hubTurn();
  assertEquals(a.batches, [{ lastSeq: 3, frame: new Frame("one\ntwo\nthree") }]);
  assert(a.batches[0] === b.batches[0]);
  assertEquals([c.batches.length, c.lines], [1, ["one", "two", "three"]]);
});

Deno.test("Hub.broadcast() gathers what the reads of one round of the event loop bring", async () => {
  await using test = makeHub();
  const member = test.join();
  await hubTurn();
  for (const text of ["one", "two", "three"]) {
    test.say(member, text);
    for (let i = 0; i < 20; i++) await null; // between two reads, only microtasks run
  }
  await hubTurn();
  assertEquals(member.batches.map((batch) => batch.frame?.text), ["one\ntwo\nthree"]);
});

Deno.test("Hub.broadcast() sends a long turn in several batches, in order", async () => {
  await using test = makeHub();
  const [member, json] = [test.join(), test.arrive()];
  await hubTurn();
  const said = Array.from({ length: 100 }, (_, n) => `${n} `.padEnd(16_000, "x"));
  for (const text of said) test.say(member, text);
  for (let n = 0; n < 20_000; n++) test.say(member, "");
  await hubTurn();
  for (const { lines, batches } of [member, json]) {
    assertEquals(lines.slice(0, 100), said);
    assertEquals(lines.length, 20_100);
    const largest = Math.max(...batches.map((batch) => batch.frame!.byteLength));
    assert(largest < 100_000, `${largest} bytes in one batch`);
  }
  for (const text of ["short", "and", "together"]) test.say(member, text);
  await hubTurn();
  assertEquals(member.batches.at(-1)!.frame?.text, "short\nand\ntogether");
});

Deno.test("Hub.broadcast() acknowledges and delivers after the commit, and only then", async () => {
  const committing = Promise.withResolvers<void>();
  class SlowJournal extends FlakyJournal {
    override async append(drafts: readonly Draft[]) {
      const appended = await super.append(drafts);
      if (drafts.length > 0) await committing.promise;
      return appended;
    }
  }
  await using test = makeHub({ journal: new SlowJournal() });
  const [ann, ben] = [test.arrive(), test.arrive()];
  await hubTurn();
  test.say(ann, "hello", { id: "1" });
  await hubTurn();
  const late = test.arrive(); // waits for the loop, which waits for the commit
  await hubTurn();
  assertEquals([ann.acks, ann.lines, ben.lines, late.notices], [[], [], [], []]);
  committing.resolve();
  await hubTurn();
  assertEquals(ann.acks, [{ id: "1", seq: 1 }]);
  for (const { lines } of [ann, ben, late]) assertEquals(lines, ["hello"]);
  assertEquals(ben.acks, []);
});

Deno.test("Hub.broadcast() gives a repeated id its first seq, and delivers nothing", async () => {
  await using test = makeHub();
  const ann = test.arrive({ author: "ann0" });
  test.say(ann, "once", { id: "1" });
  test.say(ann, "once", { id: "1" }); // in the same turn
  await hubTurn();
  const again = test.arrive({ author: "ann0", history: 0 });
  test.say(again, "once", { id: "1" });
  const ben = test.arrive({ author: "ben0", history: 0 });
  test.say(ben, "the id of another author", { id: "1" });
  await hubTurn();
  const ack = (seq: number) => ({ id: "1", seq });
  assertEquals(ann.acks, [ack(1), ack(1)]);
  assertEquals(again.acks, [ack(1)]);
  assertEquals(ben.acks, [ack(2)]);
  assertEquals(ann.lines, ["once", "the id of another author"]);
});

Deno.test("Hub.broadcast() refuses a known id with other content, in the same turn and later", async () => {
  await using test = makeHub();
  const ann = test.arrive({ author: "ann0" });
  test.say(ann, "once", { id: "1" });
  test.say(ann, "other", { id: "1" });
  await hubTurn();
  test.say(ann, "other", { id: "1" });
  test.say(ann, "once", { id: "1", ref: 1 }); // an answer to something
  test.say(ann, "next", { id: "2" });
  await hubTurn();
  assertEquals(ann.acks, [{ id: "1", seq: 1 }, { id: "2", seq: 2 }]);
  const errors = ann.told("error").map(({ code, id }) => `${code} ${id}`);
  assertEquals(errors, ["id_taken 1", "id_taken 1", "id_taken 1"]);
  assertEquals(ann.lines, ["once", "next"]);
});

Deno.test("Hub.broadcast() tells a sender what could not be stored, and goes on when it can", async () => {
  await using test = makeHub();
  const [ann, line] = [test.arrive(), test.join()];
  await hubTurn();
  test.journal.isFull = true;
  test.say(ann, "lost", { id: "1" });
  test.say(line, "lost as well");
  await hubTurn();
  test.say(ann, "lost", { id: "2" });
  await hubTurn();
  const [error] = ann.told("error");
  assertEquals([error!.code, error!.id, error!.retryAfterMs! > 0], ["not_stored", "1", true]);
  assertEquals([ann.acks, ann.lines, ann.closes], [[], [], []]);
  assertEquals(line.closes, ["not_stored"]); // has no id to be told by
  assertEquals(test.logged, ["append failed"]); // once
  test.hub.history(ann, { before: 100, limit: 10 });
  test.journal.isFull = false;
  test.say(ann, "found", { id: "1" });
  await hubTurn();
  assertEquals(ann.acks, [{ id: "1", seq: 1 }]);
  assertEquals([ann.lines, ann.told("page").length], [["found"], 1]);
});

Deno.test("Hub keeps rooms apart, and forgets an empty one but not its journal", async () => {
  await using test = makeHub();
  const [ann, ben] = [test.arrive({}, "a"), test.arrive({}, "b")];
  test.say(ann, "in a", { id: "1" });
  test.say(ben, "in b", { id: "1" });
  await hubTurn();
  assertEquals([ann.lines, ben.lines], [["in a"], ["in b"]]);
  assertEquals([ann.acks[0]!.seq, ben.acks[0]!.seq], [1, 1]);
  test.hub.unregister(ann);
  await hubTurn();
  const back = test.arrive({}, "a");
  await hubTurn();
  assertEquals([back.lines, back.told("welcome")[0]!.head], [["in a"], 1]);
});

Deno.test("Hub.register() without an arrival takes part from here on", async () => {
  await using test = makeHub();
  const early = test.join();
  test.say(early, "before");
  await hubTurn();
  const late = test.join();
  test.say(early, "after");
  await hubTurn();
  assertEquals(early.lines, ["before", "after"]);
  assertEquals([late.lines, late.notices.filter(({ type }) => type !== "presence")], [[
    "after",
  ], []]);
});

Deno.test("Hub.register() welcomes, then replays, then goes on live: no hole and no double", async () => {
  await using test = makeHub();
  const talker = test.join();
  for (const line of numbered(30)) {
    test.say(talker, line);
    test.arrive({ after: 10 }); // in the turn of a message that is not committed yet
    if (line.endsWith("5")) await hubTurn();
  }
  await hubTurn();
  const { epoch } = test.journal;
  const resumed = test.arrive({ after: 12, epoch });
  test.say(talker, "31");
  const fresh = test.arrive({ history: 3 });
  test.say(talker, "32");
  await hubTurn();
  test.say(talker, "33");
  await hubTurn();
  const all = [...numbered(30), "31", "32", "33"];
  assertEquals(resumed.lines, all.slice(12));
  assertEquals(fresh.lines, all.slice(27));
  const welcome = (member: FakeMember) => {
    const { head, resumed } = member.told("welcome")[0]!;
    assertEquals(member.notices[0]!.type, "welcome");
    return [head, resumed];
  };
  assertEquals([welcome(resumed), welcome(fresh)], [[30, true], [30, false]]);
});

Deno.test("Hub.register() in every turn of a busy room: each sees every message once, in order", async () => {
  await using test = makeHub();
  const talker = test.join();
  const joined: { member: FakeMember; after: number }[] = [];
  for (let n = 1; n <= 300; n++) {
    test.say(talker, `${n}`);
    const after = n % 7 === 0 ? 0 : Math.max(0, n - 5);
    if (n % 3 === 0) joined.push({ member: test.arrive({ after }), after });
    if (n % 4 === 0) await nextTurn();
  }
  await hubTurn();
  for (const { member, after } of joined) {
    const { resumed, head } = member.told("welcome")[0]!;
    const start = resumed ? after : Math.max(0, head - 50);
    assertEquals(member.seqs, Array.from({ length: 300 - start }, (_, i) => start + i + 1));
  }
});

Deno.test("Hub.register() resumes what is kept, and counts what is not", async () => {
  await using test = makeHub({ keep: 100 });
  const talker = test.join();
  for (const line of numbered(500)) test.say(talker, line);
  await hubTurn();
  const { epoch } = test.journal;
  const kept = Array.from({ length: 100 }, (_, n) => 401 + n);
  const retention = { type: "gap", from: 11, to: 400, count: 390, reason: "retention" };
  const skipped = { type: "gap", from: 401, to: 490, count: 90, reason: "skipped" };
  const cases: [Partial<JoinRequest>, boolean, unknown[], number[]][] = [
    [{ after: 10, epoch }, true, [retention], kept],
    [{ after: 10 }, true, [retention], kept],
    [{ after: 10, epoch, maxReplay: 10 }, true, [retention, skipped], kept.slice(-10)],
    [{ after: 10, epoch, maxReplay: 1000 }, true, [retention], kept],
    [{ after: 495, epoch, maxReplay: 2 }, true, [{ ...skipped, from: 496, to: 498, count: 3 }], [
      499,
      500,
    ]],
    [{ after: 400, epoch }, true, [], kept],
    [{ after: 500, epoch }, true, [], []],
    [{ after: 0, epoch, maxReplay: 0 }, true, [{ ...retention, from: 1, count: 400 }, {
      ...skipped,
      to: 500,
      count: 100,
    }], []],
    [{ after: 501, epoch }, false, [], kept.slice(-50)],
    [{ after: Infinity, epoch, history: 3 }, false, [], kept.slice(-3)],
    [{ after: 10, epoch: "another", history: 500 }, false, [], kept],
    [{ history: 0 }, false, [], []],
  ];
  for (const [arrival, resumed, gaps, seqs] of cases) {
    const member = test.arrive(arrival);
    await hubTurn();
    const name = JSON.stringify(arrival);
    assertEquals(member.told("welcome")[0]!.resumed, resumed, name);
    assertEquals(member.told("gap") as unknown[], gaps, name);
    assertEquals(member.batches.length > 0 ? member.seqs : [], seqs, name);
  }
});

Deno.test("Hub.unregister() closes the member once, with its code, after what was said before", async () => {
  await using test = makeHub();
  const [leaver, other, stranger] = [test.join(), test.join(), new FakeMember()];
  test.say(leaver, "before");
  test.hub.unregister(leaver, "too_long");
  test.hub.unregister(leaver);
  test.hub.unregister(stranger);
  await hubTurn();
  test.say(other, "after");
  test.say(leaver, "from outside");
  await hubTurn();
  assertEquals(leaver.lines, ["before"]);
  assertEquals(leaver.closes, ["too_long"]);
  assertEquals(stranger.closes, []);
  assertEquals(other.lines, ["before", "after"]);
});

Deno.test("Hub.broadcast() makes a full member lag, not leave, and delays nobody", async () => {
  await using test = makeHub();
  const [slow, quick] = [test.join(new FakeMember(2)), test.join()];
  for (const line of numbered(10)) {
    test.say(quick, line);
    await hubTurn();
  }
  assertEquals(quick.lines, numbered(10));
  assertEquals(slow.lines, numbered(2));
  assertEquals(slow.closes, []);
});

Deno.test("Hub sends a lagging member nothing until it asks, though it has room again", async () => {
  await using test = makeHub();
  const slow = test.join(new FakeMember(0));
  test.say(slow, "1");
  await hubTurn();
  slow.room = Infinity;
  test.say(slow, "2");
  await hubTurn();
  assertEquals(slow.lines, []);
  test.hub.catchUp(slow);
  await hubTurn();
  assertEquals(slow.lines, ["1", "2"]);
});

Deno.test("Hub.catchUp() makes the member live in the turn that reaches the head: no hole, no double", async () => {
  await using test = makeHub();
  const slow = test.join(new FakeMember(1));
  const said: string[] = [];
  const say = (text: string) => {
    said.push(text);
    test.say(slow, text);
  };
  for (let n = 1; n <= 20; n++) {
    say(`alone ${n}`);
    await hubTurn();
  }
  for (let n = 1; n <= 30; n++) {
    slow.room = n < 20 ? n % 2 : 3;
    say(`before ${n}`);
    test.hub.catchUp(slow);
    say(`after ${n}`);
    await hubTurn();
  }
  slow.room = Infinity;
  test.hub.catchUp(slow);
  await hubTurn();
  assertEquals(slow.lines, said);
});

Deno.test("Hub.catchUp() reads a long way page by page, and others are served in between", async () => {
  await using test = makeHub();
  const slow = test.join(new FakeMember(0));
  const quick = test.join();
  for (const line of numbered(5000)) test.say(quick, line);
  await hubTurn();
  slow.room = Infinity;
  test.hub.catchUp(slow);
  await hubTurn();
  test.say(quick, "meanwhile");
  await hubTurn();
  assertEquals(quick.lines.at(-1), "meanwhile");
  for (let i = 0; i < 20; i++) await hubTurn();
  assertEquals(slow.lines, [...numbered(5000), "meanwhile"]);
  assertGreater(slow.batches.length, 4);
});

Deno.test("Hub reads and encodes a page once for all who come back at once, wherever they were", async () => {
  const journal = new CountingJournal();
  await using test = makeHub({ journal });
  const talker = test.join();
  await hubTurn();
  for (const line of numbered(2000)) test.say(talker, line);
  await hubTurn();
  journal.reads = 0;
  const back = Array.from({ length: 60 }, (_, n) => test.arrive({ after: n % 3 * 100, name: "" }));
  for (let turns = 0; turns < 10; turns++) await hubTurn();
  for (const [n, member] of back.entries()) {
    assertEquals(member.seqs, range(n % 3 * 100 + 1, 2000));
    assertStrictEquals(member.batches.at(-1), back[0]!.batches.at(-1));
  }
  // One for each place that they were at, then the three that all of them read.
  assertEquals(journal.reads, 6);
});

Deno.test("Hub gives a page that ended at the head to nobody once there is more", async () => {
  await using test = makeHub();
  const talker = test.join();
  const slow = [test.arrive(), test.arrive()];
  await hubTurn();
  for (const member of slow) member.room = 0;
  for (const line of numbered(10)) test.say(talker, line);
  await hubTurn();
  slow[0]!.room = 5;
  test.hub.catchUp(slow[0]!);
  await hubTurn();
  test.say(talker, "one more");
  await hubTurn();
  slow[1]!.room = 1;
  test.hub.catchUp(slow[1]!);
  await hubTurn();
  for (const member of slow) assertEquals(member.seqs, range(1, 11));
});

Deno.test("Hub gives no page with a text that was deleted since the page was read", async () => {
  await using test = makeHub();
  const ann = test.arrive();
  const slow = [test.arrive(), test.arrive()];
  await hubTurn();
  for (const member of slow) member.room = 0;
  for (const line of numbered(600)) test.say(ann, line, { id: line });
  await hubTurn();
  slow[0]!.room = 1;
  test.hub.catchUp(slow[0]!);
  await hubTurn();
  assertEquals(slow[0]!.lines[0], "line 1");
  test.say(ann, "", { kind: "delete", ref: 1, id: "delete" });
  await hubTurn();
  slow[1]!.room = 9;
  test.hub.catchUp(slow[1]!);
  for (let turns = 0; turns < 3; turns++) await hubTurn();
  assertEquals(slow[1]!.lines.slice(0, 2), ["", "line 2"]);
  assertEquals(slow[1]!.seqs, range(1, 601));
});

Deno.test("Hub gives pages to 64 members in a turn at most, and to the others in the next ones", async () => {
  await using test = makeHub();
  const talker = test.join();
  for (const line of numbered(10)) test.say(talker, line);
  await hubTurn();
  const back = Array.from({ length: 150 }, () => test.arrive({ after: 0, name: "" }));
  const served = () => back.filter(({ batches }) => batches.length > 0).length;
  const seen = new Set<number>();
  for (let turns = 0; turns < 20; turns++) {
    await nextTurn();
    seen.add(served());
  }
  assertEquals([...seen].filter((count) => count > 0), [64, 128, 150]);
});

Deno.test("Hub.catchUp() by a live member changes nothing", async () => {
  await using test = makeHub();
  const member = test.join();
  test.say(member, "1");
  await hubTurn();
  test.hub.catchUp(member); // has never lagged
  await hubTurn();
  assertEquals(member.lines, ["1"]);
});

Deno.test("Hub keeps what a lagging member needs, beyond retention", async () => {
  await using test = makeHub({ keep: 10 });
  const slow = test.join(new FakeMember(0));
  const talker = test.join();
  for (let n = 0; n < 40; n++) {
    for (let i = 0; i < 50; i++) test.say(talker, `${n} ${i}`);
    await hubTurn();
  }
  assertEquals(test.journal.floor("lobby"), 0);
  slow.room = Infinity;
  test.hub.catchUp(slow);
  for (let i = 0; i < 20; i++) await hubTurn();
  assertEquals(slow.lines, talker.lines);
  test.say(talker, "and now it is removed");
  await hubTurn();
  assertEquals(test.journal.floor("lobby"), 2001 - 10);
});

Deno.test("Hub ends what it keeps for a lagging member where the journal can afford no more", async () => {
  class PoorJournal extends FlakyJournal {
    override readonly maxHeld = 300 as never;
  }
  await using test = makeHub({ keep: 10, journal: new PoorJournal() });
  const slow = test.join(new FakeMember(0));
  const json = test.arrive();
  json.room = 0;
  const talker = test.join();
  for (let n = 1; n <= 1000; n++) test.say(talker, `${n}`);
  await hubTurn();
  assertEquals(test.journal.floor("lobby"), 690);
  assertEquals(slow.closes, ["fell_behind"]); // its wire has no word for a gap
  json.room = Infinity;
  test.hub.catchUp(json);
  for (let i = 0; i < 5; i++) await hubTurn();
  assertEquals(json.told("gap"), [
    { type: "gap", from: 1, to: 690, count: 690, reason: "retention" },
  ]);
  assertEquals(json.seqs, Array.from({ length: 310 }, (_, n) => 691 + n));
});

Deno.test("Hub lets only authors edit and delete, and refers only to messages that are there", async () => {
  await using test = makeHub();
  const [ann, ben] = [test.arrive(), test.arrive()];
  const line = test.join();
  test.say(ann, "mine", { id: "1" });
  test.say(line, "nobody's");
  await hubTurn();
  const cases: [FakeMember, Partial<Message>, ErrorCode | undefined][] = [
    [ben, { kind: "edit", ref: 1 }, "not_yours"],
    [ben, { kind: "delete", ref: 1 }, "not_yours"],
    [ben, { kind: "delete", ref: 2 }, "not_yours"],
    [ben, { kind: "edit", ref: 99 }, "unknown_ref"],
    [ben, { kind: "say", ref: 99 }, "unknown_ref"],
    [ben, { kind: "say", ref: 1 }, undefined],
    [ben, { kind: "react", ref: 1, text: "👍" }, undefined],
    [ben, { kind: "react", ref: 4, text: "👍" }, "unknown_ref"], // is a reaction itself
    [ann, { kind: "edit", ref: 1 }, undefined],
    [ann, { kind: "delete", ref: 1 }, undefined],
  ];
  for (const [n, [member, message, code]] of cases.entries()) {
    test.say(member, "text", { id: `case ${n}`, ...message });
    await hubTurn();
    const refused = member.told("error").find(({ id }) => id === `case ${n}`);
    assertEquals(refused?.code, code, JSON.stringify(message));
  }
  assertEquals(test.journal.head("lobby"), 2 + 4);
});

Deno.test("Hub acknowledges again what was accepted once, though what it refers to is gone", async () => {
  await using test = makeHub({ keep: 2 });
  const ann = test.arrive({ author: "ann0" });
  test.say(ann, "first", { id: "1" });
  await hubTurn();
  test.say(ann, "better", { id: "2", kind: "edit", ref: 1 });
  for (const line of numbered(600)) test.say(ann, line, { id: line });
  await hubTurn();
  assertGreater(test.journal.floor("lobby"), 1);
  ann.notices.length = 0;
  test.say(ann, "better", { id: "2", kind: "edit", ref: 1 });
  test.say(ann, "too late", { id: "3", kind: "edit", ref: 1 });
  await hubTurn();
  assertEquals(ann.acks, [{ id: "2", seq: 2 }]);
  assertEquals(ann.told("error").map(({ id, code }) => [id, code]), [["3", "unknown_ref"]]);
});

Deno.test("Hub.history() tells a page of what is kept, and whether there is more", async () => {
  await using test = makeHub({ keep: 20 });
  const ann = test.arrive();
  for (const line of numbered(50)) test.say(ann, line, { id: line });
  await hubTurn();
  const ask = async (before: number, limit: number) => {
    ann.notices.length = 0;
    test.hub.history(ann, { before, limit });
    await hubTurn();
    const [page] = ann.told("page");
    assertEquals(page!.before, before);
    return [page!.entries.map(({ seq }) => seq), page!.more];
  };
  assertEquals(await ask(51, 3), [[48, 49, 50], true]);
  assertEquals(await ask(34, 3), [[31, 32, 33], false]);
  assertEquals(await ask(34, 500), [[31, 32, 33], false]);
  assertEquals(await ask(31, 5), [[], false]);
  assertEquals(await ask(1, 5), [[], false]);
  assertEquals(await ask(2 ** 53 - 1, 1), [[50], true]);
});

Deno.test("Hub says who is there: one person a key, coalesced, names up to a hundred", async () => {
  using time = new FakeTime();
  await using test = makeHub();
  const watcher = test.arrive({ author: "watcher", name: "Wim" });
  const phone = test.arrive({ author: "ann0", name: "Ann" });
  test.arrive({ author: "ann0", name: "Ann" });
  test.arrive({ author: "ann0x", name: "Ann" });
  test.arrive({ author: "lurker", name: "" });
  test.join();
  await hubTurn();
  watcher.notices.length = 0;
  time.tick(250);
  await hubTurn();
  const people = [{ name: "Wim", tag: "watche" }, { name: "Ann", tag: "ann0" }, {
    name: "Ann",
    tag: "ann0x",
  }];
  assertEquals(watcher.notices, [{ type: "presence", count: 5, people }]);
  test.hub.unregister(phone); // the other connection stays
  test.hub.rename(watcher, "Willem");
  await hubTurn();
  time.tick(249);
  await hubTurn();
  assertEquals(watcher.told("presence").length, 1);
  time.tick(1);
  await hubTurn();
  const renamed = { name: "Willem", tag: "watche" };
  assertEquals(watcher.told("presence").at(-1)!.people, [renamed, ...people.slice(1)]);
  for (let n = 0; n < 97; n++) test.arrive({ author: `p${n}author`, name: "P" });
  await hubTurn();
  time.tick(250);
  await hubTurn();
  assertEquals(watcher.told("presence").at(-1), { type: "presence", count: 102 });
});

Deno.test("Hub.rename() stamps what is said from then on", async () => {
  await using test = makeHub();
  const [ann, line] = [test.arrive({ name: "" }), test.join()];
  test.say(ann, "without a name", { id: "0" });
  await hubTurn();
  assertEquals(ann.told("error")[0]!.code, "no_name");
  for (const name of ["Ann", "Anna"]) {
    test.hub.rename(ann, name);
    test.say(ann, "hello", { id: name });
  }
  await hubTurn();
  assertEquals(line.lines, ["¶ Ann#1autho: hello", "¶ Anna#1autho: hello"]);
});

Deno.test("Hub.typing() tells the others, not the one who types", async () => {
  await using test = makeHub();
  const [ann, same] = [test.arrive({ author: "ann0" }), test.arrive({ author: "ann0" })];
  const [ben, nameless] = [test.arrive(), test.arrive({ name: "" })];
  test.hub.typing(ann);
  test.hub.typing(nameless);
  await hubTurn();
  const typing = [{ type: "typing" as const, from: { name: "Pa", tag: "ann0" } }];
  assertEquals([ben, ann, same].map((member) => member.told("typing")), [typing, [], []]);
});

Deno.test("Hub.typing() passes on a bounded number of notices a second in a room, whoever types", async () => {
  await using test = makeHub();
  const startedMs = performance.now();
  const ann = test.arrive({ author: "ann0" });
  const typists = Array.from({ length: 100 }, (_, n) => test.arrive({ author: `typist${n}` }));
  for (const typist of typists) test.hub.typing(typist);
  await hubTurn();
  const count = ann.told("typing").length;
  const most = 20 + 10 * (performance.now() - startedMs) / 1000;
  assert(count >= 20 && count <= most, `${count} of at most ${most}`);
});

Deno.test("Hub drops a member that throws; the others get their batch", async () => {
  await using test = makeHub();
  const [bad, good] = [test.join(), test.join()];
  await hubTurn();
  bad.trySend = () => {
    throw new Error("broken");
  };
  test.say(good, "still here");
  await hubTurn();
  assertEquals(good.lines, ["still here"]);
  await hubTurn();
  assertEquals(bad.closes, ["internal"]);
  assertEquals(test.logged, ["member failed"]);
});

Deno.test("Hub outlives a member whose close or tell throws", async () => {
  await using test = makeHub();
  const [bad, mute, good] = [test.join(), test.arrive(), test.join()];
  await hubTurn();
  bad.close = mute.notify = () => {
    throw new Error("broken");
  };
  test.hub.unregister(bad);
  test.say(mute, "said and not told", { id: "1" });
  await hubTurn();
  test.say(good, "still here");
  await hubTurn();
  assertEquals(good.lines.at(-1), "still here");
  assertEquals(mute.closes, ["internal"]);
});

Deno.test("Hub.broadcast() lets nothing overtake what could not be stored", async () => {
  await using test = makeHub();
  const [ann, ben] = [test.arrive(), test.arrive({ author: "ben0", name: "Ben" })];
  await hubTurn();
  test.journal.isFull = true;
  test.say(ann, "one", { id: "1" });
  await hubTurn();
  test.journal.isFull = false;
  for (const [id, text] of [["2", "two"], ["3", "three"]]) test.say(ann, text!, { id: id! });
  test.say(ben, "not behind it", { id: "1" });
  await hubTurn();
  const refused = ann.told("error").map(({ code, id }) => `${code} ${id}`);
  assertEquals(refused, ["not_stored 1", "not_stored 2", "not_stored 3"]);
  for (const [id, text] of [["1", "one"], ["2", "two"]]) test.say(ann, text!, { id: id! });
  await hubTurn();
  assertEquals(ben.lines, ["not behind it", "one", "two"]);
});

Deno.test("Hub.broadcast() acknowledges a known id whatever else is wrong with its message", async () => {
  await using test = makeHub();
  const first = test.arrive({ author: "ann0", name: "Ann" });
  test.say(first, "once", { id: "1" });
  await hubTurn();
  test.hub.unregister(first);
  await hubTurn();
  const nameless = test.arrive({ author: "ann0", name: "" });
  const other = test.arrive({ author: "ben0", name: "Ben" });
  await hubTurn();
  test.say(nameless, "once", { id: "1" });
  test.say(nameless, "another", { id: "1" });
  test.say(nameless, "never seen", { id: "2" });
  test.say(other, "a neighbour", { id: "1" });
  await hubTurn();
  assertEquals(nameless.acks, [{ id: "1", seq: 1 }]);
  assertEquals(nameless.told("error").map(({ code, id }) => [code, id]), [
    ...[["no_name", "1"], ["no_name", "2"]],
  ]);
  assertEquals(other.acks, [{ id: "1", seq: 2 }]);
});

Deno.test("Hub.broadcast() acknowledges a known id while the next one waits for a retry", async () => {
  await using test = makeHub();
  const ann = test.arrive();
  test.say(ann, "once", { id: "1" });
  await hubTurn();
  test.journal.isFull = true;
  test.say(ann, "cannot be stored", { id: "2" });
  await hubTurn();
  test.journal.isFull = false;
  test.say(ann, "once", { id: "1" }); // overtakes nothing: it is stored already
  test.say(ann, "behind it", { id: "3" });
  await hubTurn();
  assertEquals(ann.acks.map(({ id }) => id), ["1", "1"]);
  assertEquals(ann.told("error").map(({ id }) => id), ["2", "3"]);
});

Deno.test("Hub.broadcast() takes an id that comes twice in one batch for one message", async () => {
  await using test = makeHub();
  const ann = test.arrive();
  await hubTurn();
  test.say(ann, "once", { id: "1" });
  test.say(ann, "once", { id: "1" });
  test.say(ann, "edits what is not there", { id: "1", kind: "edit", ref: 77 });
  await hubTurn();
  assertEquals(ann.acks.map(({ id, seq }) => [id, seq]), [["1", 1], ["1", 1]]);
  assertEquals(ann.told("error").map(({ code, id }) => [code, id]), [["unknown_ref", "1"]]);
  assertEquals(test.journal.head("lobby"), 1);
});

Deno.test("Hub refuses a draft that the journal refuses, and stores its neighbours", async () => {
  class PickyJournal extends FlakyJournal {
    override async append(drafts: readonly Draft[]) {
      const results = await super.append(drafts.filter(({ text }) => text !== "bad"));
      return drafts.map(({ text }) =>
        text === "bad" ? new ChatError("internal") : results.shift()!
      );
    }
  }
  await using test = makeHub({ journal: new PickyJournal() });
  const [ann, ben, bad, line] = [test.arrive(), test.arrive(), test.arrive(), test.join()];
  await hubTurn();
  const author = { author: "poster0", name: "Poster" };
  const post = (text: string) =>
    test.hub.post("lobby", author, { kind: "say", id: text, text, ref: 0, on: true });
  test.say(ann, "one", { id: "1" });
  test.say(bad, "bad", { id: "1" });
  test.say(ben, "two", { id: "1" });
  test.say(line, "bad");
  const [refused, posted] = [assertRejects(() => post("bad"), ChatError), post("three")];
  await hubTurn();
  assertEquals([ann.acks[0]!.seq, ben.acks[0]!.seq, await posted], [1, 2, 3]);
  assertEquals(bad.told("error").map(({ code, id, retryAfterMs }) => [code, id, retryAfterMs]), [
    ["internal", "1", undefined],
  ]);
  assertEquals((await refused).code, "internal");
  assertEquals([line.closes, bad.closes], [["internal"], []]);
  test.say(bad, "good", { id: "2" });
  await hubTurn();
  assertEquals(bad.acks, [{ id: "2", seq: 4 }]);
  assertEquals(test.logged, ["draft refused"]);
});

Deno.test("Hub.broadcast() lets no line overtake one that could not be stored and cannot be refused", async () => {
  const disk = Promise.withResolvers<void>();
  class StallingJournal extends FlakyJournal {
    override async append(drafts: readonly Draft[]) {
      if (drafts[0]?.text !== "first") return super.append(drafts);
      await disk.promise;
      throw new ChatError("not_stored");
    }
  }
  await using test = makeHub({ journal: new StallingJournal() });
  const [line, other] = [test.join(), test.join()];
  await hubTurn();
  test.say(line, "first");
  await hubTurn();
  test.say(line, "second"); // arrives during the commit
  disk.resolve();
  await hubTurn();
  test.say(other, "third");
  await hubTurn();
  assertEquals([line.closes, other.lines], [["not_stored"], ["third"]]);
});

Deno.test("Hub closes a member that cannot be registered", async () => {
  class BrokenJournal extends FlakyJournal {
    override hasName(): boolean {
      throw new ChatError("not_stored");
    }
  }
  await using test = makeHub({ journal: new BrokenJournal() });
  const [ann, line] = [test.arrive(), test.join()];
  test.say(line, "still here");
  await hubTurn();
  assertEquals([ann.closes, line.lines], [["internal"], ["still here"]]);
});

Deno.test("Hub.close() closes a member that registers behind it in the same turn", async () => {
  await using test = makeHub();
  test.hub.close("restarting");
  const late = test.join();
  await hubTurn();
  assertEquals(late.closes, ["restarting"]);
});

Deno.test("Hub.close() stores and delivers what was said before, then closes live and lagging alike", async () => {
  const test = makeHub();
  const [live, lagging] = [test.join(), test.join(new FakeMember(0))];
  test.say(live, "last words");
  await test[Symbol.asyncDispose]();
  test.say(live, "too late");
  const late = test.join();
  await hubTurn();
  assertEquals(live.lines, ["last words"]);
  assertEquals(test.journal.head("lobby"), 1);
  assertEquals([late.lines, late.closes], [[], ["restarting"]]);
  assertEquals([live.closes, lagging.closes], [["restarting"], ["restarting"]]);
});
