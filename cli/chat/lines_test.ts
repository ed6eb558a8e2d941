import { assertEquals, assertStringIncludes } from "@std/assert";
import type { EntryLine } from "../../sdk/types.d.ts";
import { ChatLines, drawGap, excerpt } from "./lines.ts";

const ANN = { name: "Ann", tag: "k3f9ab" };
const BEN = { name: "Ben", tag: "b0b0b0" };
const NOON = new Date(2026, 10, 21, 12, 0).getTime();
const MINUTE_MS = 60_000;

/** Draws entries that are a minute apart, starting on their day. */
function makeRoom(hasColor = false) {
  const lines = new ChatLines({ hasColor, now: () => NOON });
  let seq = 0;
  return (entry: Record<string, unknown>) =>
    lines.draw(
      { seq: ++seq, kind: "say", from: ANN, at: NOON + seq * MINUTE_MS, ...entry } as EntryLine,
    );
}

Deno.test("ChatLines.draw() shows messages, replies, reactions, edits and deletions", () => {
  const draw = makeRoom();
  const text = "a message of more than thirty characters";
  assertEquals(draw({ text }), `12:01 Ann#k3f9ab: ${text}`);
  assertEquals(
    draw({ from: BEN, text: "yes", replyTo: 1 }),
    "12:02 Ben#b0b0b0 (to Ann#k3f9ab): yes",
  );
  assertEquals(draw({ from: BEN, text: "yes", replyTo: 99 }), "12:03 Ben#b0b0b0: yes");
  assertEquals(
    draw({ kind: "react", ref: 1, emoji: "👍", on: true, from: BEN }),
    '12:04 Ben#b0b0b0 👍 "a message of more than thirty …"',
  );
  assertEquals(draw({ kind: "edit", ref: 1, text: "short" }), "12:05 Ann#k3f9ab (edited): short");
  assertEquals(
    draw({ kind: "react", ref: 1, emoji: "👍", on: false, from: BEN }),
    '12:06 Ben#b0b0b0 took 👍 back from "short"',
  );
  assertEquals(draw({ kind: "delete", ref: 1 }), "12:07 Ann#k3f9ab deleted a message");
  assertEquals(
    draw({ kind: "react", ref: 99, emoji: "🎉", on: true }),
    "12:08 Ann#k3f9ab 🎉 an earlier message",
  );
  assertEquals(draw({ from: { name: "", tag: "" }, text: "hi" }), "12:09 no name: hi");
});

Deno.test("ChatLines.draw() shows the actions of an operator", () => {
  const draw = makeRoom();
  const ban = { kind: "ban", ref: 1, who: { name: "Be\x1bn", tag: "b0b0b0" }, until: NOON };
  draw({ text: "a", from: BEN });
  assertEquals(
    draw({ kind: "delete", ref: 1 }),
    "12:02 Ann#k3f9ab deleted a message of Ben#b0b0b0",
  );
  assertEquals(draw({ kind: "close", on: true }), "12:03 Ann#k3f9ab closed the room");
  assertEquals(draw({ kind: "close", on: false }), "12:04 Ann#k3f9ab opened the room");
  assertEquals(
    draw({ ...ban, on: true }),
    "12:05 Ann#k3f9ab banned Be\ufffdn#b0b0b0 until 2026-11-21 12:00",
  );
  assertEquals(draw({ ...ban, on: false }), "12:06 Ann#k3f9ab lifted the ban on Be\ufffdn#b0b0b0");
});

Deno.test("ChatLines.draw() starts a new day with a line, but not the first day", () => {
  const draw = makeRoom();
  assertEquals(draw({ text: "a" }), "12:01 Ann#k3f9ab: a");
  const next = new Date(2026, 10, 22, 0, 5).getTime();
  assertEquals(draw({ text: "b", at: next }), "-- 2026-11-22 --\n00:05 Ann#k3f9ab: b");
  assertEquals(draw({ text: "c", at: next }), "00:05 Ann#k3f9ab: c");
  const before = new Date(2026, 10, 20, 23, 59).getTime();
  assertEquals(makeRoom()({ text: "d", at: before }), "-- 2026-11-20 --\n23:59 Ann#k3f9ab: d");
});

Deno.test("ChatLines.draw() escapes control characters, and indents lines that could look like another message", () => {
  const draw = makeRoom();
  const text = "\x1b[31mred\x07\x9b\u202e\r\n12:00 Ben: me\u2028\tend\n";
  assertEquals(
    draw({ text, from: { name: "A\x1bn\nn\u2066", tag: "k3f9ab" } }),
    "12:01 A\ufffdn\ufffdn\ufffd#k3f9ab: \ufffd[31mred\ufffd\ufffd\ufffd\n      12:00 Ben: me\ufffd    end\n      ",
  );
  assertEquals(
    draw({ kind: "react", ref: 1, emoji: "\x1b]", on: true }),
    '12:02 Ann#k3f9ab \ufffd] "\ufffd[31mred\ufffd\ufffd\ufffd 12:00 Ben: me end"',
  );
});

Deno.test("ChatLines.draw() shows the tag with every name, and no name that contains one", () => {
  const draw = makeRoom();
  draw({ text: "first" });
  const eve = { name: "Ann", tag: "k3f9abx" };
  assertEquals(draw({ text: "a", from: eve }), "12:02 Ann#k3f9abx: a");
  assertEquals(draw({ text: "b", replyTo: 2 }), "12:03 Ann#k3f9ab (to Ann#k3f9abx): b");
  assertEquals(
    draw({ kind: "delete", ref: 1, from: eve }),
    "12:04 Ann#k3f9abx deleted a message of Ann#k3f9ab",
  );
  const forger = { name: "Ann#k3f9ab: I approve", tag: "zzzzzz" };
  assertEquals(draw({ text: "c", from: forger }), "12:05 Ann_k3f9ab_ I approve#zzzzzz: c");
});

Deno.test("ChatLines.draw() always gives a name the same color", () => {
  const draw = makeRoom(true);
  const line = draw({ text: "a" });
  // deno-lint-ignore no-control-regex -- escape sequences contain it
  const color = /^12:01 \x1b\[(3[1-6])mAnn\x1b\[39m\x1b\[2m#k3f9ab\x1b\[22m: a$/.exec(line)?.[1];
  assertEquals(draw({ text: "b" }), `12:02 \x1b[${color}mAnn\x1b[39m\x1b[2m#k3f9ab\x1b[22m: b`);
  const colors = Array.from("abcdefgh", (name) => draw({ text: "", from: { name, tag: "" } }))
    .map((line) => /\[3(\d)m/.exec(line)?.[1]);
  assertEquals(new Set(colors).size > 3, true, colors.join());
});

Deno.test("ChatLines.draw() dims a tag until somebody else has a name that looks alike", () => {
  const draw = makeRoom(true);
  const isDim = (name: string, tag: string) =>
    draw({ text: "a", from: { name, tag } }).includes(`\x1b[2m#${tag}\x1b[22m: a`);
  assertEquals([isDim("Ann", "k3f9ab"), isDim("Ben", "b0b0b0")], [true, true]);
  assertEquals(isDim("\u0410nn", "zzzzzz"), false);
  assertEquals([isDim("Ann", "k3f9ab"), isDim("Ben", "b0b0b0")], [false, true]);
});

Deno.test("ChatLines remembers only the latest messages", () => {
  const draw = makeRoom();
  for (let n = 1; n <= 1_001; n++) draw({ text: `text ${n}`, at: NOON });
  const react = (ref: number) => draw({ kind: "react", ref, emoji: "👍", on: true, at: NOON });
  assertEquals(react(1), "12:00 Ann#k3f9ab 👍 an earlier message");
  assertEquals(react(2), '12:00 Ann#k3f9ab 👍 "text 2"');
});

Deno.test("drawGap() and excerpt() are one line each", () => {
  assertEquals(drawGap({ count: 1 }), "-- 1 message is no longer kept --");
  assertEquals(drawGap({ count: 37 }), "-- 37 messages are no longer kept --");
  assertEquals(excerpt(" a\n\tb\x1b👍c ", 5), "a b\ufffd👍…");
  assertEquals(excerpt("abc", 3), "abc");
});

Deno.test("ChatLines draws nothing of a line that its kind does not have", () => {
  const line = {
    ...{
      type: "entry",
      seq: 1,
      kind: "close",
      from: { name: "Ann", tag: "ann0" },
      at: 0,
      on: true,
    },
    banned: { who: { name: "\u001b]0;owned\u0007", tag: "x" }, until: 0 },
  };
  const drawn = new ChatLines({ hasColor: false }).draw(line as unknown as EntryLine);
  assertEquals(drawn.includes("\u001b"), false);
  assertStringIncludes(drawn, "closed the room");
});
