import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { chooseSeed } from "../tests/support/random.ts";
import { isEmojiOnly, mentions, parseText } from "./markup.js";

const NAMES = ["Ann", "Ann Lee", "Zoë", "李小龙", "C++ (x)", "a|b"];

/** Returns the tokens of a text, each as its type and text; plain text as the text alone. */
function parse(text: string, names?: string[]): string[] {
  return parseText(text, names).map((token) =>
    token.type === "text" ? token.text : `${token.type}:${token.text}`
  );
}

function linksOf(text: string): string[] {
  return parseText(text).filter(({ type }) => type === "link").map((token) => token.text);
}

/** Fails unless the tokens, with the marks of code put back, are all of the text. */
function assertLosesNothing(text: string): void {
  let rest = text;
  for (const token of parseText(text, NAMES)) {
    const { type } = token;
    if (type === "code") rest = cutOff(rest, "`" + token.text + "`");
    else if (type === "fence") {
      const [opening = "no fence"] = /^```[^\s`]*\n/.exec(rest) ?? [];
      rest = cutOff(cutOff(rest, opening), token.text);
      rest = cutOff(rest, rest.startsWith("\n") ? "\n```" : "```");
    } else {
      assert(token.text.length > 0, "an empty token");
      rest = cutOff(rest, token.text);
    }
  }
  assertEquals(rest, "");
}

function cutOff(text: string, start: string): string {
  assert(text.startsWith(start), JSON.stringify([text, start]));
  return text.slice(start.length);
}

/** Texts that consist mostly of characters with a meaning. */
const hostile = fc.array(
  fc.oneof(
    fc.constantFrom("`", "```", "\n```\n", "```js\n", "\n", " ", "@", "(", ")", "[", "]", ".", "é"),
    fc.constantFrom(
      "http://",
      "HTTPS://",
      "mailto:",
      "javascript:",
      "data:",
      "x.org",
      "_",
      "\u202e",
    ),
    fc.constantFrom(...NAMES, "http\u017f://", "\u0301", "\ud83d", "👍", "\u2028", "\r\n"),
    fc.string({ unit: "binary", maxLength: 4 }),
  ),
  { maxLength: 30 },
).map((parts) => parts.join(""));

function checkTexts(check: (text: string) => void): void {
  const seed = chooseSeed();
  console.log(`CONFAB_SEED=${seed}`);
  const numRuns = Number(Deno.env.get("CONFAB_RUNS") ?? 2000);
  fc.assert(fc.property(hostile, check), { seed, numRuns });
}

Deno.test("parseText() loses nothing but the marks of code", () => {
  checkTexts(assertLosesNothing);
});

Deno.test("parseText() links nothing but http, https and mailto, as it was typed", () => {
  checkTexts((text) => {
    for (const token of parseText(text, NAMES)) {
      assertEquals(token.type === "link", token.href !== undefined);
      if (token.href === undefined) continue;
      assertEquals(token.href, token.text);
      assert(["http:", "https:", "mailto:"].includes(new URL(token.href).protocol), token.href);
    }
  });
  assertEquals(parse("javascript:alert(1) data:text/html,x ftp://x.org httpſ://x.org"), [
    "javascript:alert(1) data:text/html,x ftp://x.org httpſ://x.org",
  ]);
});

Deno.test("parseText() returns no token for an empty text, one for plain text", () => {
  assertEquals(parseText(""), []);
  assertEquals(parseText("Hi @Ann,\nhow are *you*?"), [
    { type: "text", text: "Hi @Ann,\nhow are *you*?" },
  ]);
});

Deno.test("parseText() finds links, whatever the case, and changes none", () => {
  assertEquals(parseText("see HTTP://X.org/%41?q=ü#ä now"), [
    { type: "text", text: "see " },
    { type: "link", text: "HTTP://X.org/%41?q=ü#ä", href: "HTTP://X.org/%41?q=ü#ä" },
    { type: "text", text: " now" },
  ]);
  assertEquals(linksOf("https://a.b mailto:ann@x.org http://[::1]:80/ 😀http://x.org/😀"), [
    "https://a.b",
    "mailto:ann@x.org",
    "http://[::1]:80/",
    "http://x.org/😀",
  ]);
});

Deno.test("parseText() leaves trailing punctuation outside of a link", () => {
  for (const end of [".", ",", ";", ":", "!", "?", "'", '"', "…", "?!…", ").'\""]) {
    assertEquals(parse(`http://x.org/a.b${end}`), ["link:http://x.org/a.b", end]);
  }
});

Deno.test("parseText() leaves brackets that a link does not open outside of it", () => {
  assertEquals(parse("(see http://x.org/a_(b))"), ["(see ", "link:http://x.org/a_(b)", ")"]);
  assertEquals(linksOf("[http://x.org/(a]"), ["http://x.org/(a"]);
  assertEquals(linksOf("{http://x.org/{a}}."), ["http://x.org/{a}"]);
  assertEquals(linksOf("http://x.org/((a)) http://x.org/a)(b) http://x.org/a)b"), [
    "http://x.org/((a))",
    "http://x.org/a)(b)",
    "http://x.org/a)b",
  ]);
  assertEquals(linksOf("http://x.org/)).),"), ["http://x.org/"]);
});

Deno.test("parseText() ends a link at a character that no link should contain", () => {
  const stops = ["\t", "\n", "\0", "\x7f", "\x85", "\xa0", "<", ">", '"', "\u200e", "\u200f"];
  for (const stop of [...stops, "\u202a", "\u202e", "\u2066", "\u2069", "\u061c"]) {
    assertEquals(parse(`http://x.org/a${stop}b`), ["link:http://x.org/a", `${stop}b`]);
  }
});

Deno.test("parseText() links no text that is not a URL", () => {
  for (const text of ["http://", "https://...", "mailto:", "http://[x", "http://x:99999", "://x"]) {
    assertEquals(parse(text), [text]);
  }
});

Deno.test("parseText() starts no link in the middle of a word", () => {
  for (const before of ["x", "é", "e\u0301", "ж", "漢", "1", "_", "𝒳"]) {
    assertEquals(parse(`${before}http://x.org`), [`${before}http://x.org`]);
  }
  for (const before of ["(", "-", "❤\ufe0f", "\u202e"]) {
    assertEquals(parse(`${before}http://x.org`), [before, "link:http://x.org"]);
  }
});

Deno.test("parseText() finds code, with its white space and nothing else in it", () => {
  assertEquals(parse("a `  b  ` c"), ["a ", "code:  b  ", " c"]);
  assertEquals(parse("`http://x.org @Ann`", NAMES), ["code:http://x.org @Ann"]);
  assertEquals(parse("`a``b`"), ["code:a", "code:b"]);
});

Deno.test("parseText() treats unclosed backticks as text", () => {
  for (const text of ["`", "``", "a ` b", "`a\nb`", "```", "```js\na", "a ```\n", "```a b\nc"]) {
    assertEquals(parse(text), [text]);
  }
  assertEquals(parse("```\n@Ann http://x.org `a`", NAMES), [
    "```\n",
    "mention:@Ann",
    " ",
    "link:http://x.org",
    " ",
    "code:a",
  ]);
});

Deno.test("parseText() finds fences, with their white space and nothing else in them", () => {
  assertEquals(parse("a\n```js\n  b\n\n\tc `d`\n\n```\ne"), [
    "a\n",
    "fence:  b\n\n\tc `d`\n",
    "\ne",
  ]);
  assertEquals(parse("```\nhttp://x.org @Ann\n```", NAMES), ["fence:http://x.org @Ann"]);
  assertEquals(parse("```c++\na```b\n```"), ["fence:a```b"]);
  assertEquals(parse("```\n```"), ["fence:"]);
  assertEquals(parse("```\na\n```\n```\nb\n```"), ["fence:a", "\n", "fence:b"]);
});

Deno.test("parseText() opens and closes fences at the start of a line only", () => {
  assertEquals(parse("a ```\nb\n```"), ["a ```\nb\n```"]);
  assertEquals(parse("```\na\n ```"), ["```\na\n ```"]);
  assertEquals(parse("```\na\n````"), ["```\na\n````"]);
});

Deno.test("parseText() finds mentions, whatever the case, as they were typed", () => {
  assertEquals(parse("hi @aNN! (@zoë)", NAMES), [
    "hi ",
    "mention:@aNN",
    "! (",
    "mention:@zoë",
    ")",
  ]);
  assertEquals(parse("@ann", []), ["@ann"]);
  assertEquals(parse("@ @x", ["", "y"]), ["@ @x"]);
});

Deno.test("parseText() finds the longest name that fits", () => {
  for (const names of [["Ann", "ANN LEE"], ["Ann Lee", "ann"]]) {
    assertEquals(parse("@Ann Lee", names), ["mention:@Ann Lee"]);
    assertEquals(parse("@Ann Leex", names), ["mention:@Ann", " Leex"]);
  }
});

Deno.test("parseText() does not change the names", () => {
  const names = ["a", "bb", "ccc"];
  parseText("@bb", Object.freeze(names) as string[]);
  assertEquals(names, ["a", "bb", "ccc"]);
});

Deno.test("parseText() mentions nobody in the middle of a word, of any script", () => {
  for (const side of ["x", "é", "ж", "漢", "١", "_", "𝒳", "क"]) {
    for (const text of [`${side}@Ann`, `@Ann${side}`]) assertEquals(parse(text, NAMES), [text]);
  }
  assertEquals(parse("e\u0301@Ann @Ann\u0301", NAMES), ["e\u0301@Ann @Ann\u0301"]);
  assertEquals(parse("@李小龙, @Ann@Zoë @@Ann ❤\ufe0f@Ann", NAMES), [
    "mention:@李小龙",
    ", ",
    "mention:@Ann",
    "@Zoë @",
    "mention:@Ann",
    " ❤\ufe0f",
    "mention:@Ann",
  ]);
});

Deno.test("parseText() reads a name as characters, not as a pattern", () => {
  for (const name of ["C++ (x)", "a|b", "^$", ".*", "[a-z]", "\\", "{2}", "/", "-"]) {
    assertEquals(parse(`@${name}`, [name]), [`mention:@${name}`]);
  }
  assertEquals(parse("@xyz @", [".*", "[a-z]", "|"]), ["@xyz @"]);
});

Deno.test("mentions() finds @name, whatever the name's length", () => {
  assert(mentions("hi @ann!", "Ann"));
  assert(mentions("@a b", "A"));
  assert(!mentions("@Anna, x@A @", "A"));
  assert(!mentions("hi", "Ann"));
});

Deno.test("mentions() finds a bare name of three characters or more", () => {
  assert(mentions("Well, ANN?", "Ann"));
  assert(mentions("zoë", "Zoë"));
  assert(mentions("(c++ (X))", "C++ (x)"));
  assert(!mentions("go Al", "Al"));
  assert(!mentions("𝒳𝒳", "𝒳𝒳"));
});

Deno.test("mentions() matches whole words only, of any script", () => {
  for (const side of ["x", "é", "ж", "漢", "1", "_", "\u0301"]) {
    assert(!mentions(`Ann${side}`, "Ann"));
  }
  for (const side of ["x", "é", "ж", "漢", "1", "_"]) assert(!mentions(`${side}Ann`, "Ann"));
  assert(!mentions("李小龙来", "李小龙"));
});

Deno.test("mentions() ignores code and links, and an empty name", () => {
  for (const text of ["`Ann`", "`@Ann`", "```\n@Ann\n```", "http://ann.org/@Ann"]) {
    assert(!mentions(text, "Ann"), text);
  }
  assert(mentions("`x` Ann", "Ann"));
  for (const text of ["", "@", "a @ b"]) assert(!mentions(text, ""));
});

Deno.test("isEmojiOnly() accepts 1 to 12 emoji of any kind", () => {
  const kinds = ["😀", "❤", "❤️", "👍🏽", "✌🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "👁️‍🗨️", "🧑🏽‍🚀", "🇩🇪", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣", "#️⃣", "*⃣"];
  for (const kind of kinds) {
    for (const count of [1, 2, 12]) assert(isEmojiOnly(kind.repeat(count)), kind);
    assert(!isEmojiOnly(kind.repeat(13)), kind);
  }
  assert(isEmojiOnly(" 👍\n🇩🇪 🇫🇷\t1️⃣ "));
});

Deno.test("isEmojiOnly() refuses a text with anything else", () => {
  const others = [
    "",
    " ",
    "a",
    "123",
    "#",
    "*",
    "1",
    "👍a",
    "👍1",
    "👍 !",
    "🇩",
    "❤\ufe0e",
    "\u200d",
  ];
  for (const text of [...others, "👍\u200d", "\ufe0f", "♪", "\ud83d"]) {
    assert(!isEmojiOnly(text), JSON.stringify(text));
  }
});

/**
 * Whether `long`, a text of four times the length, costs about four times as much as `short`; a quadratic cost would be 16
 * times. Other work of the machine only adds to a time: the minimum of many counts, and it measures until that is enough.
 */
function isInProportion(act: (text: string) => void, short: string, long: string): boolean {
  const least = [Infinity, Infinity];
  for (let round = 0; round < 60; round++) {
    [short, long].forEach((text, which) => {
      const start = performance.now();
      act(text);
      least[which] = Math.min(least[which]!, performance.now() - start);
    });
    // Times this small are noise.
    if (least[1]! < 10 * least[0]! + 3) return true;
  }
  return false;
}

Deno.test("parseText(), mentions() and isEmojiOnly() take time in proportion to the text", () => {
  const parts = [
    "`",
    "``` ",
    "```\n",
    "```a\n",
    "`a\n",
    "http://",
    "http:// ",
    "http://[ ",
    "http://[",
  ];
  const more = [
    "(",
    ")",
    ".",
    "@",
    "@Ann",
    "@Ann ",
    "a",
    "\u0301",
    "\n",
    " ",
    "👍🏽\u200d",
    "👍 ",
    "1",
  ];
  const act = (text: string) => {
    parseText(text, NAMES);
    mentions(text, "Ann");
    isEmojiOnly(text);
  };
  for (const part of [...parts, ...more]) {
    for (const start of ["", "👍 ", "http://x/"]) {
      const [short = "", long = ""] = [4096, 16384].map((length) =>
        start + part.repeat(length / part.length) + "x"
      );
      assert(isInProportion(act, short, long), JSON.stringify(start + part));
    }
  }
});
