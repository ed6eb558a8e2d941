import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { ChatError } from "./errors.ts";
import {
  anonymousAuthor,
  hashKey,
  isAnonymous,
  parseName,
  parseRoomName,
  shortestTag,
  tagsOf,
} from "./names.ts";

Deno.test("hashKey() returns an author that does not reveal the key", () => {
  const key = "0123456789abcdef";
  assertMatch(hashKey(key), /^[0-9a-hjkmnp-tv-z]{26}$/);
  assertEquals(hashKey(key), hashKey(key));
  assertEquals(new Set([key, `${key}0`, key.toUpperCase()].map(hashKey)).size, 3);
});

Deno.test("hashKey() refuses a key that is too short to be a secret, or too long", () => {
  for (const key of ["", "fifteen bytes !", "é".repeat(7), "x".repeat(257)]) {
    assertEquals(assertThrows(() => hashKey(key), ChatError).code, "bad_field");
  }
  for (const key of ["sixteen bytes !!", "é".repeat(8), "x".repeat(256)]) hashKey(key);
});

Deno.test("anonymousAuthor() is one author for each name, and never that of a key", () => {
  const authors = ["", "Ann", "Bob", "ann"].map(anonymousAuthor);
  assertEquals(new Set(authors).size, 4);
  assertEquals(anonymousAuthor("Ann"), authors[1]);
  for (const author of authors) {
    assertMatch(author, /^0000u[0-9a-hjkmnp-tv-z]{21}$/);
    assert(isAnonymous(author));
  }
  // No hash contains the letter that marks authors without a key.
  assert(!isAnonymous("0000".padEnd(26, "0")));
  assert(!isAnonymous(hashKey("0123456789abcdef")));
});

Deno.test("tagsOf() gives an author with a key no tag of one without", () => {
  const tags = (author: string) => [...tagsOf(author)].slice(0, 2);
  assertEquals(tags("k3f9".padEnd(26, "z")), ["k3f9", "k3f9z"]);
  assertEquals(tags("0000".padEnd(26, "z")), ["0000z", "0000zz"]);
  assertEquals(tags(anonymousAuthor("ci"))[0], "0000");
  assertEquals(shortestTag("0000".padEnd(26, "z")), "0000z");
});

Deno.test("parseName() returns one spelling of a name", () => {
  const cases: [string, string][] = [
    ["Ann", "Ann"],
    ["  Ann \t", "Ann"],
    ["Ann  van   Dijk", "Ann van Dijk"],
    ["Ame\u0301lie", "Amélie"],
    ["שרה", "שרה"],
    ["<b>Ann</b>", "<b>Ann</b>"],
    ["🦊", "🦊"],
    ["🦊".repeat(32), "🦊".repeat(32)],
  ];
  for (const [name, parsed] of cases) assertEquals(parseName(name), parsed);
});

Deno.test("parseName() refuses a name that is empty, too long, or partly invisible", () => {
  const wrong = [
    "",
    ...["👩‍💻", "❤️ Ann", "1️⃣", "👍🏽", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👨‍👩‍👧‍👦 all"].map((name): [string, string] => [name, name]),
    ...["علی‌رضا", "می‌خواهم", "क्‍ष", "රත්‍න", "র‍্যা", "हिन्दी", "Nguyễn"].map((
      name,
    ): [string, string] => [name, name]),
    "   ",
    "x".repeat(33),
    "A\nB",
    "A\u0000B",
    "A\u200bB",
    "A\u202eB",
    "A\u2066B",
    "A\u00adB",
    "\u3164",
    "A\ud800",
  ];
  for (const name of wrong) {
    assertEquals(assertThrows(() => parseName(name), ChatError).code, "bad_name", name);
  }
});

Deno.test("parseRoomName() accepts letters, digits, - and _ of any script, in one spelling", () => {
    ..."\ufe0f \u180b \u17b4 \u200d \u200c \u034f \u2800 \u2063 \u{e0061} \ufffe \u{1d159}".split(
      " ",
    ).flatMap(
      (hidden) => [`Ann${hidden}`, `A${hidden}nn`, `${hidden}`, `👩‍💻${hidden}`],
    ),
    "\u0301",
    "\u0301\u0302",
    "Ann \u0301",
    "👩‍",
    "ر\u200cضا", // after a letter that never joins, the joiner does not show
  const names = [
    "lobby",
    "a",
    "7",
    "class-4_b",
    "küche",
    "комната",
    "教室",
    "हिन्दी",
    "x".repeat(64),
  ];
  for (const name of names) assertEquals(parseRoomName(encodeURIComponent(name)), name);
  const others = [
    "",
    "Lobby",
    "ÜBER",
    "a b",
    "a.b",
    "a/b",
    "..",
    "ku\u0308che",
    "a\u200bb",
    "🦊",
    "x".repeat(65),
    "\u0301a",
  ];
  for (const name of others) assertEquals(parseRoomName(encodeURIComponent(name)), undefined, name);
  for (const segment of ["%", "%ff", "%e4"]) assertEquals(parseRoomName(segment), undefined);
});
    "lobby\ufe0f",
    "lobby\u180b",
    "lobby\u3164",

Deno.test("tagsOf() begins with four characters and ends with the whole author", () => {
  assertEquals([...tagsOf("abcdefg")], ["abcd", "abcde", "abcdef", "abcdefg"]);
});
