import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ChatError } from "../../protocol/errors.ts";
import { readSlack } from "./slack.ts";

function readText(payload: object): string {
  return readSlack(payload).text;
}

Deno.test("readSlack() reads the text, and a valid name", () => {
  assertEquals(readSlack({ text: "hi" }), { name: "Slack", text: "hi" });
  assertEquals(readSlack({ text: "hi", username: "  build   bot " }).name, "build bot");
  for (const username of ["", "x".repeat(33), "a\u202eb", 7, null, {}]) {
    const expected = username === 7 ? "7" : "Slack";
    assertEquals(readSlack({ text: "hi", username }).name, expected, JSON.stringify(username));
  }
});

Deno.test("readSlack() converts marks to text, and leaves emphasis as it is", () => {
  const cases: [string, string][] = [
    ["<https://x.example/?a=1&amp;b=2>", "https://x.example/?a=1&b=2"],
    ["see <https://x.example|the page>!", "see the page (https://x.example)!"],
    ["<https://x.example|https://x.example>", "https://x.example"],
    ["<mailto:ann@x.example|ann@x.example>", "ann@x.example"],
    ["<@U012AB> and <@U1|ann>", "@U012AB and @ann"],
    ["<#C024BE|ops> <#C1>", "#ops #C1"],
    ["<!here> <!channel|channel> <!everyone>", "@here @channel @everyone"],
    ["<!subteam^S1|@doctors>", "@doctors"],
    ["<!date^1392734382^{date}|Feb 18, 2014>", "Feb 18, 2014"],
    ["*b* _i_ ~s~ `c`", "*b* _i_ ~s~ `c`"],
    ["1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"],
    ["&amp;lt;", "&lt;"],
    ["&lt;https://x.example|no&gt;", "<https://x.example|no>"],
    ["<not a mark> <> < <a", "<not a mark> <> < <a"],
    ["<javascript:alert(1)|a>", "a (javascript:alert(1))"],
    ["two\nlines <https://x\n.example>", "two\nlines <https://x\n.example>"],
  ];
  for (const [text, expected] of cases) assertEquals(readText({ text }), expected);
});

Deno.test("readSlack() reads attachments, and their fallback if they have no other text", () => {
  const payload = {
    text: "Deploy",
    attachments: [
      {
        fallback: "not this",
        pretext: "before <https://x.example|it>",
        title: "v1",
        title_link: "https://x.example/1?a&amp;b",
        text: "went *well*",
        fields: [
          { title: "Took", value: "3 min" },
          { title: "Only a title" },
          { value: "alone" },
          7,
        ],
      },
      { fallback: "only &lt;this&gt;", color: "good" },
      { color: "good" },
    ],
  };
  assertEquals(
    readText(payload),
    "Deploy\nbefore it (https://x.example)\nv1 (https://x.example/1?a&b)\nwent *well*\n" +
      "Took: 3 min\nOnly a title\nalone\nonly <this>",
  );
});

Deno.test("readSlack() reads the author, the footer, the image and the buttons of an attachment", () => {
  const alone = (attachment: object) => readText({ attachments: [attachment] });
  assertEquals(
    alone({
      fallback: "not this",
      footer: "from &lt;CI&gt;",
      author_name: "Ann",
      author_link: "https://a?b&amp;c",
      image_url: "https://i/chart.png",
      actions: [
        { type: "button", text: "Open", url: "https://o" },
        { type: "button", text: "Only in Slack", name: "x" },
        7,
      ],
      text: "went well",
    }),
    "Ann (https://a?b&c)\nwent well\nhttps://i/chart.png\nOpen (https://o)\nfrom <CI>",
  );
  assertEquals(alone({ author_name: "Ann" }), "Ann");
  assertEquals(alone({ footer: "the end" }), "the end");
  assertEquals(alone({ footer: "\u200b", fallback: "this" }), "this");
  assertThrows(() => alone({ footer: "\u200b" }), ChatError);
});

Deno.test("readSlack() reads videos, tables, Markdown and the image beside a section", () => {
  const plain = (text: string) => ({ type: "plain_text", text });
  const blocks = [
    { type: "markdown", text: "**bold**" },
    { type: "video", title: plain("A film"), title_url: "https://v", description: plain("of it") },
    {
      type: "table",
      rows: [
        [{ type: "raw_text", text: "a" }, { type: "raw_text", text: "b" }],
        [{
          type: "rich_text",
          elements: [{ type: "rich_text_section", elements: [{ type: "text", text: "c" }] }],
        }],
        7,
      ],
    },
    { type: "section", text: plain("x"), accessory: { type: "image", alt_text: "a face" } },
  ];
  assertEquals(readText({ blocks }), "**bold**\nA film (https://v)\nof it\na | b\nc\nx\na face");
});

Deno.test("readSlack() prefers blocks to the text, which is for notifications", () => {
  const blocks = [
    { type: "header", text: { type: "plain_text", text: "Head &amp; <@shoulders>" } },
    { type: "divider" },
    {
      type: "section",
      text: { type: "mrkdwn", text: "<https://x.example|Section>" },
      fields: [{ type: "mrkdwn", text: "*one*" }, { type: "plain_text", text: "two" }],
      accessory: { type: "button", text: { type: "plain_text", text: "Beside" }, url: "https://b" },
    },
    {
      type: "context",
      elements: [
        { type: "image", image_url: "https://i", alt_text: "a face" },
        { type: "mrkdwn", text: "<@U1>" },
      ],
    },
    { type: "image", image_url: "https://i", alt_text: "a chart" },
    {
      type: "actions",
      elements: [
        { type: "button", text: { type: "plain_text", text: "Open" }, url: "https://o?a&amp;b" },
        { type: "button", text: { type: "plain_text", text: "Only in Slack" }, value: "1" },
      ],
    },
    { type: "unheard_of", text: "?" },
  ];
  assertEquals(
    readText({ text: "notification", blocks }),
    "Head & <@shoulders>\nSection (https://x.example)\n*one*\ntwo\nBeside (https://b)\n" +
      "a face @U1\na chart\nOpen (https://o?a&b)",
  );
  assertEquals(readText({ text: "text", blocks: [{ type: "divider" }] }), "text");
  assertEquals(
    readText({ attachments: [{ fallback: "no", blocks: blocks.slice(4, 5) }] }),
    "a chart",
  );
});

Deno.test("readSlack() reads rich text", () => {
  const section = (...elements: object[]) => ({ type: "rich_text_section", elements });
  const blocks = [{
    type: "rich_text",
    elements: [
      section(
        { type: "text", text: "Hi ", style: { bold: true } },
        { type: "user", user_id: "U1" },
        { type: "text", text: ", " },
        { type: "broadcast", range: "here" },
        { type: "emoji", name: "wave" },
        { type: "link", url: "https://x.example", text: "look" },
        { type: "channel", channel_id: "C1" },
        { type: "date", timestamp: 1, fallback: "today" },
      ),
      {
        type: "rich_text_list",
        elements: [section({ type: "text", text: "a" }), section({ type: "text", text: "b" })],
      },
      { type: "rich_text_preformatted", elements: [{ type: "text", text: "x < y\nz" }] },
    ],
  }];
  assertEquals(
    readText({ blocks }),
    "Hi @U1, @here:wave:look (https://x.example)#C1today\n• a\n• b\nx < y\nz",
  );
});

Deno.test("readSlack() refuses a payload without text", () => {
  const empty = [undefined, null, [], "hi", {}, { text: " \n" }, { text: {} }, { blocks: [] }];
  for (const payload of [...empty, { attachments: [{}] }, { blocks: [{ type: "divider" }] }]) {
    assertEquals(assertThrows(() => readSlack(payload), ChatError).code, "bad_field");
  }
});

Deno.test("readSlack() returns a message for any payload, or refuses it", () => {
  const word = fc.constantFrom(
    ...["text", "type", "blocks", "elements", "fields", "attachments", "username", "title"],
    ...["url", "rich_text", "rich_text_list", "section", "context", "actions", "image", "mrkdwn"],
  );
  const { payload } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 7 },
      word,
      fc.string(),
      fc.jsonValue({ maxDepth: 1 }),
      tie("list"),
      tie("payload"),
    ),
    list: fc.array(tie("value"), { maxLength: 4 }),
    payload: fc.dictionary(word, tie("value"), { maxKeys: 6 }),
  }));
  fc.assert(fc.property(payload, checkAny), { numRuns: 5_000 });
});

Deno.test("readSlack() is fast and does not overflow the stack on nested, repeated or unclosed input", () => {
  let deep: unknown = {};
  for (let n = 0; n < 100_000; n++) deep = { type: "rich_text", elements: [deep], blocks: [deep] };
  const many = Array(300_000).fill({});
  const hostile = [deep, { blocks: [deep] }, { attachments: many }, { blocks: many }];
  const texts = ["<", "<<https://", "&", "<a|", "\n<@", " "].map((part) => part.repeat(300_000));
  const start = performance.now();
  for (const payload of [...hostile, ...texts.map((text) => ({ text }))]) checkAny(payload);
  const tookMs = performance.now() - start;
  assert(tookMs < 5_000, `${tookMs} ms`);
});

function checkAny(payload: unknown): void {
  try {
    const { name, text } = readSlack(payload);
    assert(name !== "" && text.trim() !== "");
  } catch (error) {
    if (!(error instanceof ChatError) || error.code !== "bad_field") throw error;
  }
}
