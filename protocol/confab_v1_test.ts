// Checks that the protocol reads and writes the examples of docs/protocol.md, byte for byte.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { ChatError } from "./errors.ts";
import { decodeCommand, JSON_LINES } from "./confab_v1.ts";
import type { Entry, Notice } from "./message.ts";

const documented = await readExamples();

/** Reads the lines of the document's `jsonl` blocks, by their sender. */
async function readExamples(): Promise<{ client: string[]; server: string[] }> {
  const text = await Deno.readTextFile(new URL("../docs/protocol.md", import.meta.url));
  const lines = (who: string) =>
    [...text.matchAll(new RegExp(`^\`\`\`jsonl ${who}\n(.*?)^\`\`\``, "gms"))]
      .flatMap(([, block]) => block!.trim().split("\n"));
  return { client: lines("client"), server: lines("server") };
}

const FOX = "a secret of at least sixteen bytes";

function entry(more: Partial<Entry>): Entry {
  return {
    seq: 42,
    at: 1_790_000_000_000,
    kind: "say",
    author: "k3f9zzzzzzzzzzzzzzzzzzzzzz",
    name: "Ann",
    tag: "k3f9ab",
    id: "5f0c",
    text: "",
    ref: 0,
    on: true,
    ...more,
  };
}

/** Meanings of the client's examples, in the document's order. */
const MEANINGS = [
  {
    type: "hello",
    hello: {
      name: "Ann",
      key: FOX,
      after: undefined,
      epoch: undefined,
      maxReplay: Infinity,
      history: 50,
    },
  },
  {
    type: "hello",
    hello: { name: "Ann", key: FOX, after: 41, epoch: "6d0f", maxReplay: 500, history: 50 },
  },
  message("say", { id: "5f0c", text: "hi" }),
  message("say", { id: "5f0d", text: "two\nlines", ref: 42 }),
  message("edit", { id: "5f0e", ref: 42, text: "hello" }),
  message("delete", { id: "5f0f", ref: 42 }),
  message("react", { id: "5f10", ref: 42, text: "👍" }),
  message("close", { id: "5f11" }),
  message("ban", { id: "5f12", ref: 42, ban: { minutes: 60, withAddresses: true } }),
  { type: "name", name: "Anna" },
  { type: "typing" },
  { type: "history", before: 42, limit: 50 },
  { type: "ping", n: 1 },
];

function message(kind: string, more: object) {
  return { type: "message", message: { kind, id: "", text: "", ref: 0, on: true, ...more } };
}

const ANN = { name: "Ann", tag: "k3f9ab" };

const WELCOME = {
  type: "welcome",
  room: "lobby",
  epoch: "6d0f",
  head: 41,
  you: ANN,
  resumed: true,
  after: 41,
  textBytes: 16384,
} as const;

/** Entries and notices that make the server's examples, in the document's order. */
const SENT: (Entry[] | Notice)[] = [
  WELCOME,
  { ...WELCOME, closed: true, account: { operator: true } },
  { type: "gap", from: 3, to: 39, count: 37, reason: "retention" },
  [entry({ text: "hi" })],
  [entry({ seq: 43, id: "5f0d", text: "two\nlines", ref: 42 })],
  [entry({ seq: 44, id: "5f0e", kind: "edit", ref: 42, text: "hello" })],
  [entry({ seq: 45, id: "5f10", kind: "react", ref: 42, text: "👍" })],
  [entry({ seq: 46, id: "5f0f", kind: "delete", ref: 42 })],
  [entry({ seq: 47, id: "", name: "", tag: "", text: "from a line" })],
  [entry({ seq: 48, id: "5f11", kind: "close" })],
  [entry({
    seq: 49,
    id: "5f12",
    kind: "ban",
    ref: 42,
    banned: { who: { name: "Ben", tag: "b3nx7d" }, until: 1_790_003_600_000 },
  })],
  [entry({ seq: 50, id: "5f13", text: "", on: false })],
  { type: "acks", acks: [{ id: "5f0c", seq: 42 }] },
  { type: "page", before: 43, entries: [entry({ text: "hi" })], more: true },
  { type: "presence", count: 3, people: [ANN] },
  { type: "typing", from: ANN },
  { type: "pong", n: 1 },
  {
    type: "error",
    code: "not_stored",
    message: "The message could not be stored and was not accepted",
    id: "5f0c",
    retryAfterMs: 2000,
  },
  { type: "bye", code: "restarting", retryAfterMs: 250 },
];

Deno.test("decodeCommand() reads every example of the document", () => {
  assertEquals(documented.client.map((line) => decodeCommand(line)) as unknown[], MEANINGS);
});

Deno.test("JSON_LINES writes every example of the document, byte for byte", () => {
  const written = SENT.map((sent) =>
    (Array.isArray(sent) ? JSON_LINES.encode(sent) : JSON_LINES.encodeNotice(sent))?.text
  );
  assertEquals(written as string[], documented.server);
});

Deno.test("JSON_LINES.encode() puts one entry on a line, and no other newline", () => {
  const entries = [entry({ text: "a\nb\u2028" }), entry({ seq: 43, text: '"\\' })];
  const lines = JSON_LINES.encode(entries)!.text.split("\n");
  assertEquals(lines.map((line) => JSON.parse(line).text), entries.map(({ text }) => text));
});

Deno.test("JSON_LINES.encode() never sends the author's hash", () => {
  const everything = JSON_LINES.encode([entry({})])!.text +
    JSON_LINES.encodeNotice({ type: "page", before: 1, entries: [entry({})], more: false })!.text;
  assert(!everything.includes("zzz"));
});

Deno.test("decodeCommand() reports what is wrong, and with which message", () => {
  const cases: [unknown, string, string?][] = [
    ["no json", "not_json"],
    ["[]", "not_json"],
    ["null", "not_json"],
    ["7", "not_json"],
    [{}, "unknown_type"],
    [{ type: "shout", id: "1" }, "unknown_type", "1"],
    [{ type: "__proto__" }, "unknown_type"],
    [{ type: "hello" }, "bad_field"],
    [{ type: "hello", key: 7 }, "bad_field"],
    [{ type: "hello", key: FOX, after: "41" }, "bad_field"],
    [{ type: "hello", key: FOX, history: "all" }, "bad_field"],
    [{ type: "say", text: "hi" }, "bad_field"],
    [{ type: "say", id: "", text: "hi" }, "bad_field"],
    [{ type: "say", id: "x".repeat(65), text: "hi" }, "bad_field"],
    [{ type: "say", id: "a\0b", text: "hi" }, "bad_field"],
    [{ type: "say", id: "1" }, "bad_field", "1"],
    [{ type: "say", id: "1", text: " \n" }, "bad_field", "1"],
    [{ type: "say", id: "1", text: "hi", replyTo: 0 }, "bad_field", "1"],
    [{ type: "say", id: "1", text: "é".repeat(8193) }, "too_long", "1"],
    [{ type: "edit", id: "1", text: "hi" }, "bad_field", "1"],
    [{ type: "edit", id: "1", text: "hi", ref: 1.5 }, "bad_field", "1"],
    [{ type: "delete", id: "1", ref: "42" }, "bad_field", "1"],
    [{ type: "react", id: "1", ref: 42 }, "bad_field", "1"],
    [{ type: "react", id: "1", ref: 42, emoji: "two words" }, "bad_field", "1"],
    [{ type: "react", id: "1", ref: 42, emoji: "👍", on: "yes" }, "bad_field", "1"],
    [{ type: "close" }, "bad_field"],
    [{ type: "close", id: "1", on: 1 }, "bad_field", "1"],
    [{ type: "ban", id: "1" }, "bad_field", "1"],
    [{ type: "ban", id: "1", ref: 42, minutes: 0 }, "bad_field", "1"],
    [{ type: "ban", id: "1", ref: 42, minutes: 1.5 }, "bad_field", "1"],
    [{ type: "ban", id: "1", ref: 42, minutes: 525_601 }, "bad_field", "1"],
    [{ type: "ban", id: "1", ref: 42, address: "::1" }, "bad_field", "1"],
    [{ type: "name" }, "bad_field"],
    [{ type: "history", before: -1 }, "bad_field"],
  ];
  for (const [line, code, id] of cases) {
    const text = typeof line === "string" ? line : JSON.stringify(line);
    const error = assertThrows(() => decodeCommand(text), ChatError);
    assertEquals([error.code, error.id], [code, id], text);
    assert(!error.message.includes(FOX));
  }
});

Deno.test("decodeCommand() accepts the largest text that is allowed, and replaces what cannot be stored", () => {
  const text = (given: string) => {
    const command = decodeCommand(JSON.stringify({ type: "say", id: "1", text: given }));
    return command.type === "message" && command.message.text;
  };
  assertEquals(text("é".repeat(8192)), "é".repeat(8192));
  assertEquals(text("a\0\ud800b"), "a\ufffd\ufffdb");
});

Deno.test("decodeCommand() bounds what a hello and a history may request", () => {
  const hello = (fields: object) => {
    const command = decodeCommand(JSON.stringify({ type: "hello", key: FOX, ...fields }));
    assert(command.type === "hello");
    return command.hello;
  };
  for (const after of [-1, 1.5, 2 ** 53, 1e300]) assertEquals(hello({ after }).after, Infinity);
  assertEquals(hello({ after: 0 }).after, 0);
  assertEquals(hello({ after: null, name: null }).after, undefined);
  assertEquals(hello({}).name, "");
  assertEquals([-5, 0, 7.5, 9999].map((history) => hello({ history }).history), [0, 0, 7, 500]);
  assertEquals([-5, 2.5].map((most) => hello({ most }).maxReplay), [0, 2]);
  const limits = [-5, 0, 9999].map((limit) =>
    decodeCommand(JSON.stringify({ type: "history", before: 9, limit }))
  );
  assertEquals(limits.map((command) => command.type === "history" && command.limit), [1, 1, 500]);
});

Deno.test("decodeCommand() accepts one emoji as a reaction, and takes back whatever was accepted before", () => {
  const react = (emoji: string, on = true) =>
    decodeCommand(JSON.stringify({ type: "react", id: "1", ref: 42, emoji, on }));
  const emoji = ["👍", "👍🏽", "❤️", "❤", "👩‍💻", "🇩🇪", "1️⃣", "👁️‍🗨️", "👁‍🗨", "🏳️‍🌈", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "©️", "✔", "🫩"];
  for (const one of emoji) react(one);
  const others = [
    "",
    "+1",
    "a",
    "1",
    "#",
    "👍👍",
    "👍\u200b",
    "\u200d".repeat(40),
    "\u{e0020}",
    "👍\u200d👍",
    "e\u0301",
    "\ufe0f",
    "👍".repeat(21),
  ];
  for (const one of others) {
    assertEquals(assertThrows(() => react(one), ChatError).code, "bad_field", JSON.stringify(one));
  }
  react("+1", false);
  for (const one of ["two words", "", "x".repeat(41)]) {
    assertThrows(() => react(one, false), ChatError);
  }
});
