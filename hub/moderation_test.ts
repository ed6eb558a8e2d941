// What operators may do, and what it does to everybody else: through the hub, without sockets.
import { assertEquals, assertMatch } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Principal } from "../auth/principal.ts";
import { ChatError, type ErrorCode } from "../protocol/errors.ts";
import { Hub } from "../hub.ts";
import type { Draft } from "../journal/journal.ts";
import { MemoryJournal } from "../journal/memory.ts";
import { anonymousAuthor } from "../protocol/names.ts";
import type { Member } from "./subscription.ts";
import { JSON_LINES } from "../protocol/confab_v1.ts";
import type { Batch, Message, Notice } from "../protocol/message.ts";

const OPERATOR: Principal = { room: undefined, isOperator: true, sessionId: undefined };
const MINUTE_MS = 60_000;

class FlakyJournal extends MemoryJournal {
  isFull = false;

  override append(drafts: readonly Draft[]) {
    return this.isFull ? Promise.reject(new ChatError("not_stored")) : super.append(drafts);
  }
}

class FakeMember implements Member {
  readonly wire = JSON_LINES;
  readonly address: string;
  readonly principal?: Principal;
  readonly lines: Record<string, unknown>[] = [];
  readonly closes: (ErrorCode | undefined)[] = [];

  constructor(address: string, principal?: Principal) {
    this.address = address;
    if (principal) this.principal = principal;
  }

  trySend({ frame }: Batch): boolean {
    this.#note(frame!.text);
    return true;
  }

  notify(notice: Notice): void {
    this.#note(JSON_LINES.encodeNotice(notice)!.text);
  }

  close(code?: ErrorCode): void {
    this.closes.push(code);
  }

  /** What has become of each of its messages, in order: `id seq`, or `id code`. */
  get answers(): string[] {
    return this.lines.flatMap(({ type, id, seq, code }) =>
      type === "ack" || (type === "error" && id !== undefined) ? [`${id} ${seq ?? code}`] : []
    );
  }

  #note(text: string): void {
    this.lines.push(...text.split("\n").map((line) => JSON.parse(line)));
  }
}

function makeHub(journal = new FlakyJournal()) {
  const hub = new Hub({ journal, keep: 0, log: () => {} });
  const running = hub.run();
  let ids = 0;
  return {
    hub,
    journal,
    come(
      name: string,
      { address = "", room = "lobby", isOperator = false, author = name } = {},
    ) {
      const member = new FakeMember(address, isOperator ? OPERATOR : undefined);
      const wish = { after: undefined, epoch: undefined, maxReplay: Infinity, history: 50 };
      hub.register(member, room, { author: author.toLowerCase().padEnd(26, "0"), name, ...wish });
      return member;
    },
    do(member: Member, kind: Message["kind"], more: Partial<Message> = {}) {
      hub.broadcast(member, { kind, id: `${++ids}`, text: "x", ref: 0, on: true, ...more });
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

/** Terms of a ban. */
function ban(ref: number, minutes = 60, withAddresses = false): Partial<Message> {
  return { ref, ban: { minutes, withAddresses } };
}

Deno.test("Hub.broadcast() lets an operator delete what others said, and nobody else; edits stay the author's", async () => {
  await using test = makeHub();
  const [ann, ben, cat] = [
    test.come("Ann", { isOperator: true }),
    test.come("Ben"),
    test.come("Cat"),
  ];
  test.do(ben, "say");
  await hubTurn();
  test.do(cat, "delete", { ref: 1 });
  test.do(ann, "edit", { ref: 1 });
  test.do(ann, "delete", { ref: 1 });
  await hubTurn();
  assertEquals(cat.answers, ["2 not_yours"]);
  assertEquals(ann.answers, ["3 not_yours", "4 2"]);
  assertEquals(ben.lines.at(-1), {
    ...{ type: "entry", seq: 2, id: "4", kind: "delete", ref: 1 },
    ...{ from: { name: "Ann", tag: "ann000" }, at: ben.lines.at(-1)!["at"] },
  });
});

Deno.test("Hub.broadcast() refuses what only operators may do", async () => {
  await using test = makeHub();
  const ben = test.come("Ben");
  test.do(ben, "say");
  await hubTurn();
  test.do(ben, "close");
  test.do(ben, "ban", ban(1));
  await hubTurn();
  assertEquals(ben.answers, ["1 1", "2 not_operator", "3 not_operator"]);
  const visitor = { author: anonymousAuthor(""), name: "" };
  const close = { kind: "close", id: "9", text: "", ref: 0, on: true } as const;
  assertEquals(
    await test.hub.post("lobby", visitor, close).catch(({ code }) => code),
    "not_operator",
  );
});

Deno.test("Hub.broadcast() in a closed room takes deletions, and all from operators, until it is opened", async () => {
  await using test = makeHub();
  const [ann, ben, other] = [
    test.come("Ann", { isOperator: true }),
    test.come("Ben"),
    test.come("Ben", { room: "ops" }),
  ];
  test.do(ben, "say");
  await hubTurn();
  test.do(ann, "close");
  // In the same turn: what comes behind it is judged by it.
  for (const kind of ["say", "edit", "react", "delete"] as const) {
    test.do(ben, kind, { ref: kind === "say" ? 0 : 1 });
  }
  test.do(ann, "say");
  test.do(other, "say");
  await hubTurn();
  const refused = ["3 room_closed", "4 room_closed", "5 room_closed"];
  assertEquals(ben.answers.toSorted(), ["1 1", ...refused, "6 3"]);
  assertEquals([ann.answers, other.answers], [["2 2", "7 4"], ["8 1"]]);
  const late = test.come("Cat");
  await hubTurn();
  assertEquals(late.lines[0]!["closed"], true);
  test.do(ann, "close", { on: false });
  test.do(ben, "say");
  await hubTurn();
  assertEquals(ben.answers.at(-1), "10 6");
});

Deno.test("Hub in a closed room passes on neither names nor typing, but those of operators", async () => {
  using time = new FakeTime();
  await using test = makeHub();
  const [ann, ben] = [test.come("Ann", { isOperator: true }), test.come("Ben")];
  test.do(ann, "close");
  await hubTurn();
  const seen = async () => {
    await hubTurn();
    time.tick(250);
    await hubTurn();
    return ann.lines.splice(0).filter(({ type }) => type === "presence" || type === "typing");
  };
  await seen();
  const present = (count: number, ...names: string[]) => ({
    type: "presence",
    count,
    people: names.map((name) => ({ name, tag: name.toLowerCase().padEnd(6, "0") })),
  });
  const late = test.come("Buy");
  test.come("Op", { isOperator: true });
  const again = test.come("Buy at x", { author: "Ben" });
  const nameless = test.come("", { author: "Cat" });
  for (const member of [ben, late, again, nameless]) test.hub.typing(member);
  test.hub.rename(ben, "Buy at y");
  test.hub.rename(nameless, "Buy at z");
  test.hub.rename(late, "Buy"); // its own
  assertEquals(await seen(), [present(5, "Ann", "Ben", "Op")]);
  const refusals = (member: FakeMember) => member.lines.filter(({ type }) => type === "error");
  assertEquals([ben, nameless, late].map((m) => refusals(m).map(({ code }) => code)), [
    ["room_closed"],
    ["room_closed"],
    [],
  ]);
  assertEquals(late.lines[0]!["you"], { name: "Buy", tag: "buy000" });
  assertEquals(again.lines[0]!["you"], { name: "Ben", tag: "ben000" });
  test.hub.rename(ann, "Anna");
  test.hub.typing(ann);
  await hubTurn();
  assertEquals(ben.lines.at(-1), { type: "typing", from: { name: "Anna", tag: "ann000" } });
  // Once it is open all is as if it had never been closed.
  test.do(ann, "close", { on: false });
  test.do(late, "say");
  test.hub.typing(late);
  const [typing, presence] = await seen();
  assertEquals(typing, { type: "typing", from: { name: "Buy", tag: "buy000" } });
  const people = presence!["people"] as { name: string; tag: string }[];
  assertEquals(people.map(({ name, tag }) => `${name} ${tag}`).toSorted(), [
    "Anna ann000",
    "Ben ben000",
    "Buy buy000",
    "Op op0000",
  ]);
});

Deno.test("Hub.broadcast() of a close that was sent before closes nothing again", async () => {
  await using test = makeHub();
  const [ann, ben] = [test.come("Ann", { isOperator: true }), test.come("Ben")];
  test.do(ann, "close", { id: "c" });
  test.do(ann, "close", { on: false });
  await hubTurn();
  test.do(ann, "close", { id: "c" });
  test.do(ben, "say"); // in the same turn
  await hubTurn();
  test.do(ben, "say");
  await hubTurn();
  assertEquals(ann.answers.map((answer) => answer.split(" ")[1]), ["1", "2", "1"]);
  assertEquals(ben.answers.map((answer) => answer.split(" ")[1]), ["3", "4"]);
});

Deno.test("Hub.broadcast() of a close or a ban with a known id is a repeat only with the same content", async () => {
  await using test = makeHub();
  const [ann, ben] = [test.come("Ann", { isOperator: true }), test.come("Ben")];
  test.do(ben, "say");
  await hubTurn();
  const actions: [Message["kind"], Partial<Message>][] = [
    ["close", { id: "c" }],
    ["close", { id: "c" }],
    ["close", { id: "c", on: false }],
    ["close", { id: "d", on: false }],
    ["ban", { id: "b", ...ban(1, 60) }],
    ["ban", { id: "b", ...ban(1, 60) }],
    ["ban", { id: "b", ...ban(1, 90) }],
    ["ban", { id: "b", ...ban(1, 60), on: false }],
    ["ban", { id: "l", ...ban(1, 60), on: false }],
    ["ban", { id: "l", ...ban(1, 90), on: false }], // lifts it, whatever its length
  ];
  for (const [kind, more] of actions) test.do(ann, kind, { text: "", ...more });
  for (const _ of actions) await hubTurn();
  assertEquals(ann.answers, [
    ...["c 2", "c 2", "c id_taken", "d 3"],
    ...["b 4", "b 4", "b id_taken", "b id_taken", "l 5", "l 5"],
  ]);
});

Deno.test("Hub.broadcast() of a close that the journal refuses changes nothing for what comes behind it", async () => {
  class PickyJournal extends FlakyJournal {
    override async append(drafts: readonly Draft[]) {
      const results = await super.append(drafts.filter(({ kind }) => kind !== "close"));
      return drafts.map(({ kind }) =>
        kind === "close" ? new ChatError("internal") : results.shift()!
      );
    }
  }
  await using test = makeHub(new PickyJournal());
  const [ann, ben] = [test.come("Ann", { isOperator: true }), test.come("Ben")];
  await hubTurn();
  test.do(ben, "say");
  test.do(ann, "close");
  test.do(ben, "say");
  await hubTurn();
  assertEquals([ann.answers, ben.answers], [["2 internal"], ["1 1", "3 2"]]);
});

Deno.test("Hub.broadcast() of a ban with an id that was used before does nothing, whatever it refers to", async () => {
  await using test = makeHub();
  const [ann, ben] = [test.come("Ann", { isOperator: true }), test.come("Ben")];
  for (const member of [ben, ann]) {
    test.do(member, "say", { id: "b" });
    await hubTurn();
    test.do(member, "ban", { ...ban(999), id: "b" });
    test.do(member, "ban", { ...ban(1), id: "b" });
    await hubTurn();
  }
  assertEquals(ben.answers, ["b 1", "b not_operator", "b not_operator"]);
  assertEquals(ann.answers, ["b 2", "b unknown_ref", "b id_taken"]);
  assertEquals([ann.closes, ben.closes], [[], []]);
});

Deno.test("Hub.findBan() holds the whole network of an IPv6 address, however it is written", async () => {
  await using test = makeHub();
  const ann = test.come("Ann", { isOperator: true });
  const ben = test.come("Ben", { address: "2001:db8::5" });
  test.do(ben, "say");
  await hubTurn();
  test.do(ann, "ban", ban(1, 60, true));
  await hubTurn();
  const isBanned = (address: string) => test.hub.findBan({ address }) !== undefined;
  assertEquals(["2001:db8::6", "2001:0DB8:0::7", "2001:db8:0:1::5"].map(isBanned), [
    true,
    true,
    false,
  ]);
});

Deno.test("Hub.broadcast() closes a member of the wire of lines that speaks in a closed room", async () => {
  await using test = makeHub();
  const ann = test.come("Ann", { isOperator: true });
  const plain = new FakeMember("");
  test.hub.register(plain, "lobby");
  test.do(ann, "close");
  test.do(plain, "say", { id: "" });
  await hubTurn();
  assertEquals(plain.closes, ["room_closed"]);
});

Deno.test("Hub.broadcast() of a close that is not stored closes nothing", async () => {
  await using test = makeHub();
  const ann = test.come("Ann", { isOperator: true });
  const ben = test.come("Ben");
  await hubTurn();
  test.journal.isFull = true;
  test.do(ann, "close");
  await hubTurn();
  test.journal.isFull = false;
  test.do(ben, "say");
  await hubTurn();
  assertEquals([ann.answers, ben.answers], [["1 not_stored"], ["2 1"]]);
});

Deno.test("Hub.broadcast() of a ban ends the author's connections in every room, and nobody else's", async () => {
  await using test = makeHub();
  const ann = test.come("Ann", { isOperator: true, address: "192.0.2.1" });
  const [ben, elsewhere, neighbour] = [
    test.come("Ben", { address: "192.0.2.7" }),
    test.come("Ben", { room: "ops", address: "192.0.2.8" }),
    test.come("Cat", { address: "192.0.2.7" }),
  ];
  test.do(ben, "say");
  await hubTurn();
  test.do(ann, "ban", ban(1, 90));
  test.do(elsewhere, "say"); // in the same turn, behind it
  await hubTurn();
  assertEquals([ben.closes, elsewhere.closes, neighbour.closes], [["banned"], ["banned"], []]);
  assertEquals(elsewhere.answers, []); // disconnected before its message was read
  const { at, ...entry } = neighbour.lines.findLast(({ kind }) => kind === "ban")!;
  assertEquals(entry, {
    ...{ type: "entry", seq: 2, id: "2", kind: "ban", ref: 1, on: true },
    ...{ from: { name: "Ann", tag: "ann000" }, who: { name: "Ben", tag: "ben000" } },
    until: (at as number) + 90 * MINUTE_MS,
  });
  const [error] = ben.lines.filter(({ type }) => type === "error");
  assertMatch(
    `${error!["message"]}`,
    /^You are banned from this server until \d{4}-\d\d-\d\d \d\d:\d\d UTC$/,
  );
});

Deno.test("Hub.register() and post() refuse who is banned, by key and by address, until it ends or is lifted", async () => {
  using time = new FakeTime();
  await using test = makeHub();
  const turn = () => time.tickAsync(0).then(hubTurn);
  const post = (author: string, address: string) =>
    test.hub.post("ops", { author: author.padEnd(26, "0"), name: "X", address }, {
      ...{ kind: "say", id: crypto.randomUUID(), text: "x", ref: 0, on: true },
    }).then(() => "said", ({ code }) => code);
  const ann = test.come("Ann", { isOperator: true, address: "192.0.2.7" }); // the same network
  const [ben, cat] = [
    test.come("Ben", { address: "192.0.2.7" }),
    test.come("Cat", { address: "192.0.2.7" }),
  ];
  test.do(ben, "say");
  await turn();
  test.do(ann, "ban", ban(1, 60, true));
  await turn();
  assertEquals([ben.closes, cat.closes, ann.closes], [["banned"], ["banned"], []]);
  const tries = () => [
    test.come("Ben", { address: "192.0.2.9" }),
    test.come("Dan", { address: "192.0.2.7" }),
    test.come("Dan", { address: "192.0.2.9" }),
  ];
  const refused = tries();
  await turn();
  assertEquals(refused.map(({ closes }) => closes), [["banned"], ["banned"], []]);
  assertEquals(await Promise.all([post("ben", "192.0.2.9"), post("dan", "192.0.2.7")]), [
    "banned",
    "banned",
  ]);
  assertEquals(test.hub.findBan({ address: "192.0.2.7" })?.code, "banned");
  test.do(ann, "ban", { ...ban(1), on: false });
  await turn();
  const welcome = tries();
  await turn();
  assertEquals(welcome.map(({ closes }) => closes.length), [0, 0, 0]);
  test.do(ann, "ban", ban(1, 1));
  await turn();
  assertEquals(await post("ben", ""), "banned");
  time.tick(MINUTE_MS);
  assertEquals(await post("ben", ""), "said");
});

Deno.test("Hub.broadcast() bans nobody for what was said without a key, and says why", async () => {
  await using test = makeHub();
  const ann = test.come("Ann", { isOperator: true });
  const plain = new FakeMember("192.0.2.7");
  test.hub.register(plain, "lobby");
  test.do(plain, "say", { id: "" });
  const said = { kind: "say", id: "7", text: "x", ref: 0, on: true } as const;
  await test.hub.post("lobby", { author: anonymousAuthor("Ben"), name: "Ben" }, said);
  for (const ref of [1, 2, 99]) test.do(ann, "ban", ban(ref, 60, true));
  await hubTurn();
  const errors = ann.lines.filter(({ type }) => type === "error");
  assertEquals(errors.map(({ code }) => code), ["bad_field", "bad_field", "unknown_ref"]);
  assertEquals(
    errors[1]!["message"],
    "Cannot ban the author of message 2: it was sent without a key, and its address is not stored",
  );
  assertEquals(plain.closes, []);
});

Deno.test("Hub.register() tells what one may do only to who has an account", async () => {
  await using test = makeHub();
  const accounts = [];
  for (const isOperator of [false, true]) {
    for (const sessionId of [undefined, "s"]) {
      const member = new FakeMember("", { room: undefined, isOperator, sessionId });
      const wish = { after: undefined, epoch: undefined, maxReplay: Infinity, history: 50 };
      test.hub.register(member, "lobby", { author: "ann".padEnd(26, "0"), name: "Ann", ...wish });
      await hubTurn();
      accounts.push(member.lines[0]!["account"]);
    }
  }
  const [no, yes] = [{ operator: false }, { operator: true }];
  assertEquals(accounts, [undefined, no, yes, yes]);
});
