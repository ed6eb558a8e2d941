import { assert, assertEquals } from "@std/assert";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ErrorCode } from "./errors.ts";
import { Hub, type Member } from "./hub.ts";
import type { Log } from "./log.ts";
import type { Batch } from "./wire/message.ts";
import { encodeLines } from "./wire/text.ts";

/** A member without a socket: it has room for `room` batches and remembers all it is given. */
class FakeMember implements Member {
  readonly batches: Batch[] = [];
  readonly closes: (ErrorCode | undefined)[] = [];
  room: number;

  constructor(room = Infinity) {
    this.room = room;
  }

  trySend(batch: Batch): boolean {
    if (this.room === 0) return false;
    this.room--;
    this.batches.push(batch);
    return true;
  }

  close(code?: ErrorCode): void {
    this.closes.push(code);
  }

  get lines(): string[] {
    return this.batches.flatMap((batch) => batch.frame.split("\n"));
  }

  get lastSeq(): number {
    return this.batches.at(-1)?.lastSeq ?? 0;
  }
}

interface TestHub extends AsyncDisposable {
  readonly hub: Hub;
  readonly logged: string[];
}

function makeHub(backlog = { maxBatches: 1000, maxBytes: 1_000_000 }): TestHub {
  const logged: string[] = [];
  const log: Log = (_level, event) => logged.push(event);
  const hub = new Hub({ encode: encodeLines, backlog, log });
  const running = hub.run();
  return {
    hub,
    logged,
    async [Symbol.asyncDispose]() {
      hub.close("stopping");
      await running;
    },
  };
}

/** Lets the hub take what waits in its inbox and act on it. */
async function hubTurn(): Promise<void> {
  for (let i = 0; i < 3; i++) await nextTurn();
}

Deno.test("Hub.broadcast() reaches every member, its sender included, in one order", async () => {
  await using test = makeHub();
  const members = [new FakeMember(), new FakeMember(), new FakeMember()];
  for (const member of members) test.hub.register(member);
  for (let n = 0; n < 500; n++) {
    test.hub.broadcast(`line ${n}`);
    if (n % 7 === 0) await nextTurn();
  }
  await hubTurn();
  const expected = Array.from({ length: 500 }, (_, n) => `line ${n}`);
  for (const member of members) assertEquals(member.lines, expected);
});

Deno.test("Hub.broadcast() makes one batch of what one turn finds, the same object for all", async () => {
  await using test = makeHub();
  const [a, b] = [new FakeMember(), new FakeMember()];
  test.hub.register(a);
  test.hub.register(b);
  for (const text of ["one", "two", "three"]) test.hub.broadcast(text);
  await hubTurn();
  assertEquals(a.batches, [{ firstSeq: 1, lastSeq: 3, frame: "one\ntwo\nthree", byteLength: 13 }]);
  assert(a.batches[0] === b.batches[0]);
});

Deno.test("Hub.broadcast() gathers what the reads of one round of the event loop bring", async () => {
  await using test = makeHub();
  const member = new FakeMember();
  test.hub.register(member);
  await hubTurn();
  for (const text of ["one", "two", "three"]) {
    test.hub.broadcast(text);
    for (let i = 0; i < 20; i++) await null; // between two reads, only microtasks run
  }
  await hubTurn();
  assertEquals(member.batches.map((batch) => batch.frame), ["one\ntwo\nthree"]);
});

Deno.test("Hub.broadcast() sends a long turn in several batches, in order", async () => {
  await using test = makeHub({ maxBatches: 1000, maxBytes: 10_000_000 });
  const member = new FakeMember();
  test.hub.register(member);
  const said = Array.from({ length: 100 }, (_, n) => `${n} `.padEnd(16_000, "x"));
  for (const text of said) test.hub.broadcast(text);
  await hubTurn();
  assertEquals(member.lines, said);
  const largest = Math.max(...member.batches.map((batch) => batch.byteLength));
  assert(largest < 100_000, `${largest} bytes in one batch`);
  for (const text of ["short", "and", "together"]) test.hub.broadcast(text);
  await hubTurn();
  assertEquals(member.batches.at(-1)!.frame, "short\nand\ntogether");
});

Deno.test("Hub.broadcast() bounds a batch of empty messages as well", async () => {
  await using test = makeHub();
  const member = new FakeMember();
  test.hub.register(member);
  for (let n = 0; n < 300_000; n++) test.hub.broadcast("");
  await hubTurn();
  assertEquals(member.lastSeq, 300_000);
  const largest = Math.max(...member.batches.map((batch) => batch.byteLength));
  assert(largest < 100_000, `${largest} bytes in one batch`);
});

Deno.test("Hub.catchUp() does not cut the batch of the turn to pieces", async () => {
  await using test = makeHub();
  const quick = new FakeMember();
  const slow = Array.from({ length: 10 }, () => new FakeMember(0));
  for (const member of [quick, ...slow]) test.hub.register(member);
  test.hub.broadcast("1");
  await hubTurn();
  const said = ["1"];
  for (const member of slow) {
    member.room = Infinity;
    said.push(`${said.length + 1}`);
    test.hub.broadcast(said.at(-1)!);
    test.hub.catchUp(member, 0);
  }
  await hubTurn();
  assertEquals(quick.batches.length, 2);
  for (const member of slow) assertEquals(member.lines, said);
});

Deno.test("Hub numbers messages without holes and counts bytes of UTF-8", async () => {
  await using test = makeHub();
  const member = new FakeMember();
  test.hub.register(member);
  test.hub.broadcast("é");
  await hubTurn();
  test.hub.broadcast("a");
  test.hub.broadcast("");
  await hubTurn();
  assertEquals(member.batches.map((b) => [b.firstSeq, b.lastSeq, b.byteLength]), [[1, 1, 2], [
    2,
    3,
    2,
  ]]);
});

Deno.test("Hub.register() takes part from its place among the messages, not from its turn", async () => {
  await using test = makeHub();
  const [early, late] = [new FakeMember(), new FakeMember()];
  test.hub.register(early);
  test.hub.broadcast("before");
  test.hub.register(late);
  test.hub.broadcast("after");
  await hubTurn();
  assertEquals(early.lines, ["before", "after"]);
  assertEquals(late.lines, ["after"]);
});

Deno.test("Hub.unregister() closes the member once, with its code, and sends it nothing more", async () => {
  await using test = makeHub();
  const [leaver, stranger] = [new FakeMember(), new FakeMember()];
  test.hub.register(leaver);
  test.hub.broadcast("before");
  test.hub.unregister(leaver, "too_long");
  test.hub.unregister(leaver);
  test.hub.unregister(stranger);
  test.hub.broadcast("after");
  await hubTurn();
  assertEquals(leaver.lines, ["before"]);
  assertEquals(leaver.closes, ["too_long"]);
  assertEquals(stranger.closes, []);
});

Deno.test("Hub.broadcast() makes a full member lag, not leave, and delays nobody", async () => {
  await using test = makeHub();
  const [slow, quick] = [new FakeMember(2), new FakeMember()];
  test.hub.register(slow);
  test.hub.register(quick);
  for (let n = 1; n <= 10; n++) {
    test.hub.broadcast(`${n}`);
    await hubTurn();
  }
  assertEquals(quick.lines.length, 10);
  assertEquals(slow.lines, ["1", "2"]);
  assertEquals(slow.closes, []);
});

Deno.test("Hub sends a lagging member nothing until it asks, though it has room again", async () => {
  await using test = makeHub();
  const slow = new FakeMember(0);
  test.hub.register(slow);
  test.hub.broadcast("1");
  await hubTurn();
  slow.room = Infinity;
  test.hub.broadcast("2");
  await hubTurn();
  assertEquals(slow.lines, []);
  test.hub.catchUp(slow, 0);
  await hubTurn();
  assertEquals(slow.lines, ["1", "2"]);
});

Deno.test("Hub.catchUp() makes the member live in the turn that reaches the head: no hole, no double", async () => {
  await using test = makeHub();
  const slow = new FakeMember(1);
  test.hub.register(slow);
  const said: string[] = [];
  const say = (text: string) => {
    said.push(text);
    test.hub.broadcast(text);
  };
  for (let n = 1; n <= 20; n++) {
    say(`alone ${n}`);
    await hubTurn();
  }
  for (let n = 1; n <= 30; n++) {
    slow.room = 3; // at first a page of the backlog, at last more than there is: it is live again
    say(`before ${n}`);
    test.hub.catchUp(slow, slow.lastSeq);
    say(`after ${n}`);
    await hubTurn();
  }
  assertEquals(slow.lines, said);
});

Deno.test("Hub.catchUp() by a live member changes nothing", async () => {
  await using test = makeHub();
  const member = new FakeMember();
  test.hub.register(member);
  test.hub.broadcast("1");
  await hubTurn();
  test.hub.catchUp(member, 0); // has never lagged
  await hubTurn();
  assertEquals(member.lines, ["1"]);
  member.room = 0;
  test.hub.broadcast("2");
  await hubTurn();
  member.room = Infinity;
  test.hub.catchUp(member, 1);
  await hubTurn();
  test.hub.catchUp(member, 0); // is live again
  await hubTurn();
  assertEquals(member.lines, ["1", "2"]);
});

Deno.test("Hub.catchUp() closes a member that fell behind what is held", async () => {
  await using test = makeHub({ maxBatches: 3, maxBytes: 1000 });
  const slow = new FakeMember(1);
  test.hub.register(slow);
  for (let n = 1; n <= 6; n++) {
    test.hub.broadcast(`${n}`);
    await hubTurn();
  }
  assertEquals(slow.closes, []);
  slow.room = Infinity;
  test.hub.catchUp(slow, 1);
  await hubTurn();
  assertEquals(slow.closes, ["fell_behind"]);
  assertEquals(slow.lines, ["1"]);
});

Deno.test("Hub drops a member that throws; the others get their batch", async () => {
  await using test = makeHub();
  const [bad, good] = [new FakeMember(), new FakeMember()];
  bad.trySend = () => {
    throw new Error("broken");
  };
  test.hub.register(bad);
  test.hub.register(good);
  test.hub.broadcast("still here");
  await hubTurn();
  assertEquals(good.lines, ["still here"]);
  assertEquals(bad.closes, ["internal"]);
  assertEquals(test.logged, ["member failed"]);
});

Deno.test("Hub outlives a member whose close throws", async () => {
  await using test = makeHub();
  const [bad, good] = [new FakeMember(), new FakeMember()];
  bad.close = () => {
    throw new Error("broken");
  };
  test.hub.register(bad);
  test.hub.register(good);
  test.hub.unregister(bad);
  await hubTurn();
  test.hub.broadcast("still here");
  await hubTurn();
  assertEquals(good.lines, ["still here"]);
  assertEquals(test.logged, ["member failed"]);
});

Deno.test("Hub.close() closes a member that registers behind it in the same turn", async () => {
  await using test = makeHub();
  const late = new FakeMember();
  test.hub.close("stopping");
  test.hub.register(late);
  await hubTurn();
  assertEquals(late.closes, ["stopping"]);
});

Deno.test("Hub.close() delivers what was said before, then closes live and lagging alike", async () => {
  const test = makeHub();
  const [live, lagging] = [new FakeMember(), new FakeMember(0)];
  test.hub.register(live);
  test.hub.register(lagging);
  test.hub.broadcast("last words");
  await test[Symbol.asyncDispose]();
  test.hub.broadcast("too late");
  const late = new FakeMember();
  test.hub.register(late);
  await hubTurn();
  assertEquals(live.lines, ["last words"]);
  assertEquals([late.lines, late.closes], [[], ["stopping"]]);
  assertEquals([live.closes, lagging.closes], [["stopping"], ["stopping"]]);
});
