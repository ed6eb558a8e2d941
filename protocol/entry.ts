// An entry of `confab.v1` as JSON, and as the entry that the transcript is made of. What is none is told as such: it may
// come from anybody.
import { encodeBanned } from "./ban.ts";
import type { Entry, From, Kind } from "./message.ts";

/** What an entry is in JSON: docs/protocol.md. Which fields there are depends on its kind. */
export interface EntryLine {
  readonly type: "entry";
  readonly seq: number;
  readonly id?: string;
  readonly kind: Kind;
  readonly from: From;
  readonly at: number;
  readonly text?: string;
  readonly emoji?: string;
  readonly ref?: number;
  readonly replyTo?: number;
  readonly on?: boolean;
  readonly who?: From;
  readonly until?: number;
}

/** Latest time that there is (ECMA-262, section 21.4.1.1). */
const MAX_TIME = 8.64e15;

/** @throws {Error} when it lacks what every entry has. */
export function checkEntry(line: unknown): EntryLine {
  const { seq, kind, from, at, text, emoji } = (line ?? {}) as Partial<Record<string, unknown>>;
  const { name, tag } = (from ?? {}) as Partial<Record<string, unknown>>;
  const isEntry = Number.isSafeInteger(seq) && isTime(at) &&
    [kind, name, tag, text ?? emoji ?? ""].every(isText) && (kind !== "ban" || isBan(line));
  if (isEntry) return line as EntryLine;
  throw new Error("Cannot read the response: it is not an entry. Is it a Confab room?");
}

function isBan(line: unknown): boolean {
  const { who, until } = line as Partial<Record<string, unknown>>;
  const { name, tag } = (who ?? {}) as Partial<Record<string, unknown>>;
  return [name, tag].every(isText) && isTime(until);
}

function isTime(value: unknown): boolean {
  return typeof value === "number" && Math.abs(value) <= MAX_TIME;
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

export function toEntry(line: EntryLine): Entry {
  const { who, until } = line;
  const banned = line.kind === "ban" ? encodeBanned({ who: who!, until: until! }) : "";
  return {
    seq: line.seq,
    at: line.at,
    kind: line.kind,
    author: "",
    name: line.from.name,
    tag: line.from.tag,
    id: line.id ?? "",
    text: line.text ?? line.emoji ?? banned,
    ref: line.ref ?? line.replyTo ?? 0,
    on: line.on ?? true,
  };
}
