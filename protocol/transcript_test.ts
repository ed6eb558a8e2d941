import { assertEquals } from "@std/assert";
import type { Entry, Notice } from "./message.ts";
import { encodeTranscript, STREAMED_TRANSCRIPT, TRANSCRIPT } from "./transcript.ts";

const AT = Date.UTC(2026, 10, 21, 20, 58, 45, 678);

function entry(seq: number, more: Partial<Entry>): Entry {
  const blank = {
    kind: "say",
    author: "",
    name: "Ann",
    tag: "k3f9ab",
    id: "",
    text: "",
    ref: 0,
  } as const;
  return { seq, at: AT, ...blank, on: true, ...more };
}

Deno.test("TRANSCRIPT shows messages and edits, one entry a line", () => {
  const entries = [
    entry(1, { text: "hi" }),
    entry(2, { name: "", text: "two\nlines" }),
    entry(3, { kind: "edit", ref: 1, text: "hello" }),
    entry(4, { kind: "delete", ref: 1 }),
    entry(5, { kind: "react", ref: 1, text: "👍" }),
  ];
  assertEquals(TRANSCRIPT.encode(entries)!.text.split("\n"), [
    "2026-11-21T20:58:45Z ¶ Ann#k3f9ab: hi",
    "2026-11-21T20:58:45Z two lines",
    "2026-11-21T20:58:45Z ¶ Ann#k3f9ab (edited): hello",
  ]);
  assertEquals(TRANSCRIPT.encode(entries.slice(3)), undefined);
});

Deno.test("TRANSCRIPT and encodeTranscript() show what an operator has done", () => {
  const banned = { who: { name: "Ben", tag: "b3nx" }, until: AT + 3_600_000 };
  const entries = [
    entry(1, { kind: "close" }),
    entry(2, { kind: "close", on: false }),
    entry(3, { kind: "ban", ref: 9, banned }),
    entry(4, { kind: "ban", ref: 9, banned, on: false }),
  ];
  const lines = [
    "2026-11-21T20:58:45Z ¶ -- Ann#k3f9ab closed the room --",
    "2026-11-21T20:58:45Z ¶ -- Ann#k3f9ab opened the room --",
    "2026-11-21T20:58:45Z ¶ -- Ann#k3f9ab banned Ben#b3nx until 2026-11-21T21:58:45Z --",
    "2026-11-21T20:58:45Z ¶ -- Ann#k3f9ab lifted the ban on Ben#b3nx --",
  ].join("\n");
  assertEquals(TRANSCRIPT.encode(entries)!.text, lines);
  // A deletion of the message that they refer to does not hide them.
  assertEquals(encodeTranscript([...entries, entry(10, { kind: "delete", ref: 9 })]), `${lines}\n`);
});

Deno.test("STREAMED_TRANSCRIPT shows a sign of life, first of all if no entry follows", () => {
  const welcome = (after: number) =>
    ({ type: "welcome", after, head: 2, room: "ops", epoch: "e", textBytes: 9 }) as Notice;
  const lines = [{ type: "pong" } as const, welcome(2), welcome(Infinity), welcome(1)]
    .map((notice) => STREAMED_TRANSCRIPT.encodeNotice(notice)?.text);
  assertEquals(lines, ["", "", "", undefined]);
  assertEquals(TRANSCRIPT.encodeNotice(welcome(2)), undefined);
});

Deno.test("TRANSCRIPT and encodeTranscript() send nothing that controls a terminal", () => {
  const hostile = [entry(1, { text: "\u001b[2J\u0007\u009b31m\rgone\u2028\u202e\tx" })];
  const escaped = "2026-11-21T20:58:45Z ¶ Ann#k3f9ab: \ufffd[2J\ufffd\ufffd31m gone\ufffd\ufffd x";
  assertEquals(TRANSCRIPT.encode(hostile)!.text, escaped);
  assertEquals(encodeTranscript(hostile), `${escaped}\n`);
});

Deno.test("TRANSCRIPT counts a gap, and omits other notices", () => {
  const gap = { type: "gap", from: 1, to: 2, count: 2, reason: "retention" } as const;
  assertEquals(TRANSCRIPT.encodeNotice(gap)!.text, "¶ -- 2 entries are no longer kept --");
  const one = TRANSCRIPT.encodeNotice({ ...gap, to: 1, count: 1 });
  assertEquals(one!.text, "¶ -- 1 entry is no longer kept --");
  const skipped = TRANSCRIPT.encodeNotice({ ...gap, reason: "skipped" });
  assertEquals(skipped!.text, "¶ -- 2 entries are left out --");
  assertEquals(TRANSCRIPT.encodeNotice({ type: "pong" }), undefined);
});

Deno.test("encodeTranscript() applies edits and deletions", () => {
  const entries = [
    entry(5, { kind: "edit", ref: 2, text: "of an older one" }),
    entry(6, { text: "first" }),
    entry(7, { text: "regretted" }),
    entry(8, { kind: "edit", ref: 6, text: "second" }),
    entry(9, { kind: "delete", ref: 7 }),
    entry(10, { kind: "edit", ref: 6, text: "third", at: AT + 60_000 }),
  ];
  assertEquals(
    encodeTranscript(entries),
    "2026-11-21T20:58:45Z ¶ Ann#k3f9ab (edited): of an older one\n" +
      "2026-11-21T20:58:45Z ¶ Ann#k3f9ab (edited): third\n",
  );
  assertEquals(
    encodeTranscript([...entries, entry(11, { kind: "delete", ref: 6 })]).split("\n").length,
    2,
  );
  // Somebody who was offline may edit what was deleted meanwhile.
  const late = [entry(1, { text: "x" }), entry(2, { kind: "delete", ref: 1 })];
  const edit = entry(3, { kind: "edit", ref: 1, text: "y" });
  assertEquals(encodeTranscript([...late, edit]), "");
  assertEquals(encodeTranscript([]), "");
});

Deno.test("TRANSCRIPT and encodeTranscript() show nothing of what was deleted", () => {
  const gone = [
    entry(1, { on: false }),
    entry(2, { kind: "edit", ref: 1, on: false }),
    entry(3, { kind: "edit", ref: 9, on: false }),
  ];
  assertEquals(TRANSCRIPT.encode(gone), undefined);
  assertEquals(encodeTranscript(gone), "");
});

Deno.test("encodeTranscript() shows what a message has come to on another page", () => {
  const edited = { seq: 70, text: "last" };
  const page = [
    entry(1, { text: "first", edited }),
    entry(2, { kind: "edit", ref: 1, text: "second" }),
    entry(60, { kind: "edit", ref: 50, text: "older", edited }),
  ];
  const lines = "2026-11-21T20:58:45Z ¶ Ann#k3f9ab (edited): last\n";
  assertEquals(encodeTranscript(page.slice(0, 2)), lines);
  assertEquals(encodeTranscript(page.slice(2)), lines);
  assertEquals(encodeTranscript(page), lines + lines);
});
