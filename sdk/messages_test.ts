import { assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { chooseSeed } from "../tests/support/random.ts";
import {
  describeModeration,
  isSame,
  Messages,
  personOf,
  type ShownMessage,
  toLines,
} from "./messages.js";
import type { EntryLine } from "./types.d.ts";

const ANN = { name: "Ann", tag: "k3f9" };
const BEN = { name: "Ben", tag: "b0b0" };
const ENTRY = { type: "entry" } as const;

/** Entries as a server numbers them; a change refers to one of the first three, which are messages. */
const history = fc.array(
  fc.record({
    kind: fc.constantFrom("say", "edit", "delete", "react"),
    ref: fc.integer({ min: 1, max: 3 }),
    from: fc.constantFrom(ANN, BEN),
    emoji: fc.constantFrom("👍", "🎉"),
    on: fc.boolean(),
  }),
  { maxLength: 20 },
).map((changes) => {
  const first = [1, 2, 3].map((seq) => ({ seq, kind: "say", from: ANN, at: seq, text: `${seq}` }));
  const rest = changes.map((change, n) => ({ ...change, seq: n + 4, at: n + 4, text: `${n + 4}` }));
  return [...first, ...rest] as EntryLine[];
});

function view(messages: Messages) {
  return messages.all().toSorted((one, other) => one.seq - other.seq).map(show);
}

/** Reduces a message to what can be seen of it. */
function show({ seq, text, isDeleted, isRemoved, reactions }: ShownMessage) {
  const fans = [...reactions].map(([emoji, people]) => [
    emoji,
    [...people].filter(([, { on }]) => on).map(([tag]) => tag).toSorted(),
  ]);
  return {
    seq,
    text,
    isDeleted,
    isRemoved,
    fans: fans.filter(([, who]) => who!.length > 0).toSorted(),
  };
}

Deno.test("Messages are the same in whichever order pages of history are read, and when read twice", () => {
  const seed = chooseSeed();
  console.log(`CONFAB_SEED=${seed}`);
  fc.assert(
    fc.property(history, fc.integer({ min: 1, max: 7 }), (entries, size) => {
      const [forwards, backwards] = [new Messages(), new Messages()];
      for (const entry of entries) forwards.add(entry);
      for (let end = entries.length; end > 0; end -= size) {
        const page = entries.slice(Math.max(0, end - size), end);
        for (const entry of [...page, ...page]) backwards.add(entry);
      }
      assertEquals(view(backwards), view(forwards));
    }),
    { seed },
  );
});

Deno.test("describeModeration() describes what an operator does to the room, and nothing else", () => {
  const of = { ...ENTRY, seq: 1, from: ANN, at: 1 };
  const ban = { ...of, kind: "ban", ref: 1, who: BEN, until: Date.UTC(2026, 10, 21, 12) } as const;
  assertEquals(
    describeModeration({ ...of, kind: "close", on: true }),
    "Ann (k3f9) closed the room.",
  );
  assertEquals(
    describeModeration({ ...of, kind: "close", on: false }),
    "Ann (k3f9) opened the room.",
  );
  assertMatch(
    describeModeration({ ...ban, on: true }),
    /^Ann \(k3f9\) banned Ben \(b0b0\) until .*2026.*\.$/,
  );
  assertEquals(
    describeModeration({ ...ban, on: false }),
    "Ann (k3f9) lifted the ban on Ben (b0b0).",
  );
  assertEquals(describeModeration({ ...of, kind: "delete", ref: 1 }), "");
});

Deno.test("Messages.add() returns the message that is added or changed, and undefined when it is not here", () => {
  const messages = new Messages();
  const edit = { ...ENTRY, kind: "edit", seq: 5, ref: 1, from: ANN, at: 5, text: "new" } as const;
  assertEquals(messages.add(edit), undefined);
  const said = messages.add({ ...ENTRY, kind: "say", seq: 1, from: ANN, at: 1, text: "old" });
  assertEquals([said?.seq, said?.text, said?.editSeq], [1, "new", 5]);
  assertEquals(messages.add({ ...ENTRY, kind: "delete", seq: 6, ref: 1, from: ANN, at: 6 }), said);
  assertEquals(said?.isDeleted, true);
});

Deno.test("Messages.forget() keeps a changed message: history would bring it without its changes", () => {
  const messages = new Messages();
  for (const seq of [1, 2]) {
    messages.add({ ...ENTRY, kind: "say", seq, from: ANN, at: seq, text: "old" });
  }
  messages.add({ ...ENTRY, kind: "edit", seq: 3, ref: 2, from: ANN, at: 3, text: "new" });
  messages.forget(1);
  messages.forget(2);
  assertEquals(messages.get(1), undefined);
  assertEquals(
    messages.add({ ...ENTRY, kind: "say", seq: 2, from: ANN, at: 2, text: "old" })?.text,
    "new",
  );
});

Deno.test("isSame() compares tags for equality: a tag that begins with another is somebody else's", () => {
  assertEquals(["k3f9", "k3f", "k3f9x", "0000", ""].map((tag) => isSame(ANN, tag)), [
    true,
    false,
    false,
    false,
    false,
  ]);
  assertEquals(isSame({ name: "", tag: "" }, ""), false);
});

Deno.test("Messages.add() keeps the reactions of a person whose tag begins another one", () => {
  const messages = new Messages();
  messages.add({ ...ENTRY, kind: "say", seq: 1, from: ANN, at: 1, text: "hi" });
  const react = { ...ENTRY, kind: "react", ref: 1, emoji: "👍", at: 1 } as const;
  messages.add({ ...react, seq: 2, from: ANN, on: true });
  messages.add({ ...react, seq: 3, from: { ...ANN, tag: "k3f9x" }, on: false });
  assertEquals(view(messages)[0]!.fans, [["👍", ["k3f9"]]]);
});

Deno.test("personOf() and toLines() let no name or text pass for somebody else's", () => {
  assertEquals(personOf(ANN), "Ann (k3f9)");
  assertEquals(personOf({ name: "", tag: "" }), "no name");
  assertEquals(personOf({ name: "Ann (k3f9)", tag: "zzzzzz" }), "Ann _k3f9) (zzzzzz)");
  const text = "one\r\nBen (b0b0): two\u2028Ben (b0b0): three";
  assertEquals(toLines(ANN, text), "Ann (k3f9): one\n  Ben (b0b0): two\n  Ben (b0b0): three");
});

Deno.test("Messages.add() knows from a page of history that a message was edited or deleted", () => {
  const messages = new Messages();
  const say = { ...ENTRY, kind: "say", from: ANN, at: 1 } as const;
  const edited = messages.add({ ...say, seq: 1, text: "old", edited: { seq: 70, text: "new" } });
  const early = { ...ENTRY, kind: "edit", seq: 60, ref: 1, from: ANN, at: 2, text: "mid" } as const;
  messages.add(early);
  assertEquals([edited?.text, edited?.editSeq, edited?.isDeleted], ["new", 70, false]);
  const deleted = messages.add({ ...say, seq: 2, text: "", deleted: true });
  assertEquals([deleted?.text, deleted?.isDeleted], ["", true]);
});
