import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { chooseSeed } from "../tests/support/random.ts";
import type { Part } from "./inline.js";
import { isEmojiOnly, mentions, parseText } from "./markup.js";

const NAMES = ["Ann", "Ann Lee", "Zoë", "李小龙", "C++ (x)", "a|b"];

/** Returns the parts of a text, each as its type and text; plain text as the text alone. */
function parse(text: string, names?: string[]): string[] {
  return parseText(text, names).map(describe);
}

function describe({ type, text, parts = [], href, start }: Part): string {
  if (type === "text") return text!;
  if (type === "link" && parts[0]?.text !== href) return `link:${parts[0]?.text}(${href})`;
  const content = text ?? parts.map(describe).join("|");
  return `${type}${start ?? ""}:${
    type === "link" || text !== undefined ? content : `(${content})`
  }`;
}

/** Returns the parts with those inside them. */
function flatten(parts: readonly Part[]): Part[] {
  return parts.flatMap((part) => [part, ...flatten(part.parts ?? [])]);
}

function linksOf(text: string): string[] {
  return flatten(parseText(text)).flatMap(({ href }) => href ?? []);
}

function countLetters(text: string): number {
  return text.match(/\p{L}/gu)?.length ?? 0;
}

/** Fails unless the parts' texts are in the text in this order, and only marks, URLs below labels and languages of code are not. */
function assertLosesNothing(text: string): void {
  const parts = flatten(parseText(text, NAMES));
  const shown = parts.map((part) => part.text ?? "").join("").replace(/\s/g, "");
  let at = 0;
  for (const char of shown) {
    const found = text.indexOf(char, at);
    assert(found >= at, JSON.stringify([text, shown]));
    at = found + char.length;
  }
  const targets = parts.map(({ href = "", parts = [] }) => parts[0]?.text === href ? "" : href);
  const languages = text.match(/```js/g)?.length ?? 0;
  const lost = countLetters(text) - countLetters(shown + targets.join(""));
  assert(lost <= 2 * languages, JSON.stringify([text, shown]));
}

/** Texts that consist mostly of characters with a meaning. */
const hostile = fc.array(
  fc.oneof(
    fc.constantFrom("`", "```", "\n```\n", "```js\n", "\n", " ", "@", "(", ")", "[", "]", ".", "é"),
    fc.constantFrom("*", "**", "***", "_", "~~", "~~~", "\n> ", "\n- ", "\n1. ", "  ", "漢", "。"),
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

Deno.test("parseText() loses nothing but marks", () => {
  checkTexts(assertLosesNothing);
});

Deno.test("parseText() links nothing but http, https and mailto, as it was typed", () => {
  checkTexts((text) => {
    for (const { type, href } of flatten(parseText(text, NAMES))) {
      assertEquals(type === "link", href !== undefined);
      if (href === undefined) continue;
      assert(text.includes(href), href);
      assert(["http:", "https:", "mailto:"].includes(new URL(href).protocol), href);
    }
  });
  assertEquals(parse("javascript:alert(1) data:text/html,x ftp://x.org httpſ://x.org"), [
    "javascript:alert(1) data:text/html,x ftp://x.org httpſ://x.org",
  ]);
});

Deno.test("parseText() returns no part for an empty text, one for plain text", () => {
  assertEquals(parseText(""), []);
  assertEquals(parseText("Hi @Ann,\nhow are you?"), [
    { type: "text", text: "Hi @Ann,\nhow are you?" },
  ]);
});

Deno.test("parseText() takes the line ends of any system", () => {
  assertEquals(parse("a\r\nb\rc\n"), ["a\nb\nc\n"]);
  assertEquals(parse("```\r\nx\r\ny\r\n```\r\nz"), ["fence:x\ny\n", "z"]);
});

Deno.test("parseText() finds links, whatever the case, and changes none", () => {
  const href = "HTTP://X.org/%41?q=ü#ä";
  assertEquals(parseText(`see ${href} now`), [
    { type: "text", text: "see " },
    { type: "link", href, parts: [{ type: "text", text: href }] },
    { type: "text", text: " now" },
  ]);
  assertEquals(linksOf("https://a.b mailto:ann@x.org http://[::1]:80/ 😀http://x.org/😀"), [
    "https://a.b",
    "mailto:ann@x.org",
    "http://[::1]:80/",
    "http://x.org/😀",
  ]);
});

Deno.test("parseText() finds links in angle brackets and with labels", () => {
  assertEquals(parse("<https://x.org/a.> [docs](https://x.org/a_(b)) [u](u) [a]"), [
    "link:https://x.org/a.",
    " ",
    "link:docs(https://x.org/a_(b))",
    " [u](u) [a]",
  ]);
  assertEquals(linksOf("[https://x.org/](https://x.org/)"), ["https://x.org/"]);
  assertEquals(parse("[x](javascript:alert(1))"), ["[x](javascript:alert(1))"]);
});

Deno.test("parseText() ends a link at the punctuation and the quotes of any language", () => {
  for (
    const end of [
      "。",
      "，然后",
      "」x",
      "）。",
      "》",
      "！",
      "”",
      "’",
      "»",
      "›",
      "：",
      "、",
      "،",
      "؟",
      "।",
      "\u200b",
    ]
  ) {
    assertEquals(parse(`https://a.b/c${end}`), ["link:https://a.b/c", end]);
  }
  assertEquals(linksOf("https://zh.wikipedia.org/wiki/中文 https://x.org/々"), [
    "https://zh.wikipedia.org/wiki/中文",
    "https://x.org/々",
  ]);
});

Deno.test("parseText() leaves marks of emphasis around a link outside of it", () => {
  assertEquals(parse("**https://a.b/c**"), ["strong:(link:https://a.b/c)"]);
  assertEquals(parse("_https://a.b/c_"), ["em:(link:https://a.b/c)"]);
  assertEquals(parse("_see https://a.b/c_d_"), ["em:(see |link:https://a.b/c_d)"]);
  assertEquals(parse("***https://a.b/c***"), ["strong:(em:(link:https://a.b/c))"]);
  assertEquals(parse("~~https://a.b/c~~ https://a.b/c_"), [
    "strike:(link:https://a.b/c)",
    " ",
    "link:https://a.b/c_",
  ]);
});

Deno.test("parseText() finds emphasis that begins and ends beside words", () => {
  assertEquals(parse("a *b* _c_ **d** ~~e~~ ***f***"), [
    "a ",
    "em:(b)",
    " ",
    "em:(c)",
    " ",
    "strong:(d)",
    " ",
    "strike:(e)",
    " ",
    "strong:(em:(f))",
  ]);
  assertEquals(parse("**bold *both* bold** (_x_)"), [
    "strong:(bold |em:(both)| bold)",
    " (",
    "em:(x)",
    ")",
  ]);
  assertEquals(parse("这是**重点**内容"), ["这是", "strong:(重点)", "内容"]);
  assertEquals(parse("**`code` @Ann**", NAMES), ["strong:(code:code| |mention:@Ann)"]);
});

Deno.test("parseText() leaves marks without a partner as they were typed", () => {
  const texts = [
    "2 * 3 * 4",
    "2*3*4",
    "snake_case_name",
    "__init__",
    "f(*args, **kwargs)",
    "*.ts and *.js",
    "¯\\_(ツ)_/¯",
    "~a~ ~~~~b~~~~",
    "**",
    "****",
    "*a\nb*",
    "/*a*/",
    "5 ** 2",
    "5 *stars and *more",
    "_-_ *.* **--**",
  ];
  for (const text of texts) assertEquals(parse(text), [text]);
  assertEquals(parse("*a **b* c"), ["em:(a **b)", " c"]);
});

Deno.test("parseText() bounds the depth of its parts", () => {
  const depthOf = (parts: readonly Part[] = []): number =>
    Math.max(0, ...parts.map(({ parts }) => 1 + depthOf(parts)));
  for (
    const text of [
      "*a _b ".repeat(500) + "x* y_ ".repeat(500),
      "> ".repeat(500),
      "- ".repeat(500) + "x",
    ]
  ) {
    assert(depthOf(parseText(text)) < 30, text.slice(0, 12));
  }
});

Deno.test("parseText() finds quotes, with what is in them", () => {
  assertEquals(parse("> a\n> *b*\n> > c\nd"), ["quote:(a\n|em:(b)|\n|quote:(c\n))", "d"]);
  assertEquals(parse(">a\n\n> b"), ["quote:(a\n)", "\n", "quote:(b)"]);
  assertEquals(parse("> ```\n> x\n> ```\ny"), ["quote:(fence:x\n)", "y"]);
  assertEquals(parse("a > b"), ["a > b"]);
});

Deno.test("parseText() finds lists, with what is indented below an item", () => {
  assertEquals(parse("To do:\n- a\n* b\n  more\n  - c\n- d\nend"), [
    "To do:\n",
    "list:(item:(a\n)|item:(b\nmore\n|list:(item:(c\n)))|item:(d\n))",
    "end",
  ]);
  assertEquals(parse("3. a\n4) b"), ["list3:(item:(a\n)|item:(b))"]);
  assertEquals(parse("- a\n1. b"), ["list:(item:(a\n))", "list1:(item:(b))"]);
  for (const text of ["-a", "- ", "-", "2026. a year", "--\n- "]) assertEquals(parse(text), [text]);
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
  for (const before of ["x", "é", "e\u0301", "ж", "1", "𝒳"]) {
    assertEquals(parse(`${before}http://x.org`), [`${before}http://x.org`]);
  }
  // Scripts that write no spaces have no other way to begin one.
  for (const before of ["(", "-", "❤\ufe0f", "\u202e", "见", "は", "ー", "ดู"]) {
    assertEquals(parse(`${before}http://x.org`), [before, "link:http://x.org"]);
  }
});

Deno.test("parseText() finds code, with its white space and nothing else in it", () => {
  assertEquals(parse("a `  b  ` c"), ["a ", "code:  b  ", " c"]);
  assertEquals(parse("`http://x.org @Ann`", NAMES), ["code:http://x.org @Ann"]);
  assertEquals(parse("`a``b` `` ` `` ```ls -la```"), [
    "code:a``b",
    " ",
    "code:`",
    " ",
    "code:ls -la",
  ]);
});

Deno.test("parseText() treats unclosed backticks as text", () => {
  for (
    const text of [
      "`",
      "``",
      "a ` b",
      "`a\nb`",
      "```",
      "```js\na",
      "a ```\n",
      "```a b\nc",
      "~~~\na",
    ]
  ) {
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
    "fence:  b\n\n\tc `d`\n\n",
    "e",
  ]);
  assertEquals(parse("```\nhttp://x.org @Ann\n```", NAMES), ["fence:http://x.org @Ann"]);
  assertEquals(parse("```c++\na```b\n```"), ["fence:a```b"]);
  assertEquals(parse("```\n```"), ["fence:"]);
  assertEquals(parse("```\na\n```\n```\nb\n```"), ["fence:a\n", "fence:b"]);
  assertEquals(parse("```\n> a\n- b\n```"), ["fence:> a\n- b"]);
});

Deno.test("parseText() finds fences in the forms of other chats", () => {
  assertEquals(parse("``` js\na\n```"), ["fence:a"]);
  assertEquals(parse("~~~js\na\n```\n~~~"), ["fence:a\n```"]);
  assertEquals(parse("````\n```\n````"), ["fence:```"]);
  assertEquals(parse("```\na\n`````"), ["fence:a"]);
  assertEquals(parse("  ```\n  a\n    b\n  ```"), ["fence:a\n  b"]);
  assertEquals(parse("Deploy failed: ```a\nb``` see"), [
    "Deploy failed: \n",
    "fence:a\nb\n",
    "see",
  ]);
  assertEquals(parse("a ```\nb\n```"), ["a \n", "fence:b"]);
  assertEquals(parse("```js title=x\na\n```"), ["fence:js title=x\na"]);
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
  for (const side of ["x", "é", "ж", "١", "𝒳", "क"]) {
    for (const text of [`${side}@Ann`, `@Ann${side}`]) assertEquals(parse(text, NAMES), [text]);
  }
  assertEquals(parse("见@李小龙来 @Annさん", NAMES), [
    "见",
    "mention:@李小龙",
    "来 ",
    "mention:@Ann",
    "さん",
  ]);
  assertEquals(parse("e\u0301@Ann @Ann\u0301", NAMES), ["e\u0301@Ann @Ann\u0301"]);
  assertEquals(parse("@李小龙, @Ann@Zoë @@Ann ❤\ufe0f@Ann", NAMES), [
    "mention:@李小龙",
    ", ",
    "mention:@Ann",
    "mention:@Zoë",
    " @",
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

Deno.test("mentions() finds @name, whatever the name's length, wherever it stands", () => {
  for (const text of ["hi @ann!", "> @Ann", "- **@Ann**", "`x` @Ann", "@Annさん"]) {
    assert(mentions(text, "Ann"), text);
  }
  assert(mentions("@a b", "A"));
  assert(!mentions("@Anna, x@A @", "A"));
});

Deno.test("mentions() finds nobody in words, addresses, paths, code and links", () => {
  for (const text of ["Will", "I will be late", "will@example.org", "/home/will/x", "x@will"]) {
    assert(!mentions(text, "Will"), text);
  }
  for (const text of ["`@Ann`", "```\n@Ann\n```", "http://ann.org/@Ann", "[@Ann](http://x.org)"]) {
    assert(!mentions(text, "Ann"), text);
  }
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
    "*",
    "*a ",
    "a* ",
    "_a_",
    "> ",
    "\n> ",
    "\n- a",
    "\n  - a",
    "~~~\n",
    "[",
    "[a](",
    "[a](http://x(",
    "漢",
    "____a",
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
