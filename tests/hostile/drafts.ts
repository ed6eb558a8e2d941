// Drafts that are wrong in every way that a client can make them wrong: known ids, references to anything, texts that no
// font shows, fields that are doubled or named like those of objects. Most of them are JSON that reaches the hub.
import type { Random } from "../support/random.ts";

/** State of a room that drafts refer to. */
export interface Known {
  /** Ids that were used before, by anybody. */
  readonly ids: string[];
  /** Number of the newest entry that anybody has seen. */
  head: number;
}

const KINDS = ["say", "say", "edit", "delete", "react", "close", "ban"];

/** Kinds that are none, and lines that are no messages. */
const OTHERS = [
  "__proto__",
  "constructor",
  "entry",
  "SAY",
  "",
  "acks",
  "typing",
  "history",
  "name",
];

const TEXTS = [
  "x",
  "__proto__",
  "\u0000",
  "\ud800",
  "\udfff\ud800",
  "\u202eevil\u2066",
  "\u200b",
  "\r\n\r",
  '"); DROP TABLE entries; --',
  "é".repeat(8_192), // 16 KiB, the maximum
  "é".repeat(8_193),
  "👩‍👩‍👧‍👦",
  "e\u0301".repeat(50),
  "🏴".repeat(20), // an emoji of 40 units of UTF-16
  "🏴".repeat(21),
  "\u200d".repeat(40),
  '{"type":"say"}',
];

/** Numbers as they are written in JSON. */
const NUMBERS = [
  "0",
  "-0",
  "-1",
  "1.5",
  "1e308",
  "1e999",
  "9007199254740991",
  "9007199254740992",
  "9007199254740993",
  "18446744073709551616",
  "4294967296",
];

const OTHER_VALUES = ["null", "true", "false", '""', "[]", "{}", '{"__proto__":1}', '"1"'];

const PROTOTYPE_NAMES = ["__proto__", "constructor", "prototype", "toString", "toJSON", "then"];

/** Returns a line of `confab.v1`, or a body of a POST, as text: no object could have what some of them have. */
export function makeDraft(random: Random, known: Known): string {
  const isOther = random.next() < 0.05;
  const fields: [string, string][] = [
    ["type", JSON.stringify(pick(random, isOther ? OTHERS : KINDS))],
    ["id", makeId(random, known)],
    ["text", JSON.stringify(pick(random, TEXTS))],
    ["ref", makeRef(random, known)],
    ["emoji", JSON.stringify(pick(random, random.next() < 0.5 ? ["👍", "🎉"] : TEXTS))],
    ["on", pick(random, ["true", "false"])],
  ];
  if (random.next() < 0.3) fields.push(["replyTo", makeRef(random, known)]);
  if (random.next() < 0.2) fields.push(["minutes", pick(random, NUMBERS)]);
  for (let left = random.next() < 0.3 ? random.integer(1, 3) : 0; left > 0; left--) {
    // A name that is there already makes a doubled key: the last one counts.
    const names = random.next() < 0.5 ? fields.map(([name]) => name) : PROTOTYPE_NAMES;
    const value = pick(random, [...NUMBERS, ...OTHER_VALUES]);
    fields.splice(random.integer(0, fields.length), 0, [pick(random, names), value]);
  }
  return `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

/** Ids that are used again: the newest, since more of them were stored by one of the same authors. */
const RECENT = 50;

/** Returns an id as JSON: half of them were used before. */
function makeId(random: Random, { ids }: Known): string {
  const chance = random.next();
  if (chance < 0.5 && ids.length > 0) return JSON.stringify(pick(random, ids.slice(-RECENT)));
  if (chance < 0.6) {
    return JSON.stringify(pick(random, [...TEXTS, "i".repeat(64), "🏴".repeat(64)]));
  }
  const id = `evil ${random.integer(0, 2 ** 30)}`;
  ids.push(id);
  return JSON.stringify(id);
}

/** Returns a reference as JSON: to an entry of any kind, or to nothing. */
function makeRef(random: Random, { head }: Known): string {
  const chance = random.next();
  if (chance < 0.8) return `${random.integer(1, Math.max(1, head))}`;
  return chance < 0.9 ? `${head + random.integer(0, 3)}` : pick(random, NUMBERS);
}

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[random.integer(0, values.length - 1)]!;
}
