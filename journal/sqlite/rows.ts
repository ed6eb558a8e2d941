// Converts rows of the table of entries to entries, finds drafts that one statement can insert, and blanks results.
import type { AppendResult, Draft } from "../journal.ts";
import type { Banned, Entry, Kind } from "../../protocol/message.ts";

/** Kinds by their stored number. A number never changes its meaning. */
export const KINDS: readonly Kind[] = ["say", "edit", "delete", "react", "close", "ban"];

export interface Row {
  readonly seq: number;
  readonly at: number;
  readonly kind: number;
  readonly author: string | null;
  readonly name: string | null;
  readonly tag: string | null;
  readonly id: string | null;
  readonly text: string;
  readonly ref: number;
  readonly on: number;
}

export function toEntry(row: Row): Entry {
  const entry: Entry = {
    seq: row.seq,
    at: row.at,
    kind: KINDS[row.kind] ?? "say",
    author: row.author ?? "",
    name: row.name ?? "",
    tag: row.tag ?? "",
    id: row.id ?? "",
    text: row.text,
    ref: row.ref,
    on: row.on !== 0,
  };
  return entry.kind === "ban" ? { ...entry, text: "", banned: decodeBanned(row.text) } : entry;
}

/** Encodes a ban's result as the text of its entry: no column holds it. */
export function encodeBanned({ who: { name, tag }, until }: Banned): string {
  return JSON.stringify({ who: { name, tag }, until });
}

function decodeBanned(text: string): Banned {
  return JSON.parse(text);
}

/** Maximum number of texts for one statement, so that they can be spread as arguments. */
const MAX_PLAIN = 10_000;

/** Counts the drafts from `start` on that have no author, in one room and at one time. */
export function countPlain(drafts: readonly Draft[], start: number): number {
  const { room, at } = drafts[start]!;
  let count = 0;
  for (let draft = drafts[start]; draft && count < MAX_PLAIN; draft = drafts[start + ++count]) {
    const isPlain = draft.author === "" && draft.kind === "say" && draft.ref === 0 && draft.on;
    if (!isPlain || draft.room !== room || draft.at !== at) break;
  }
  return count;
}

/** A message that was deleted. */
export interface Erased {
  readonly room: string;
  readonly ref: number;
}

/** Blanks the results of a batch that the same batch has deleted: the message and its edits. */
export function blankResults(
  drafts: readonly Draft[],
  results: AppendResult[],
  { room, ref }: Erased,
): void {
  for (const [n, result] of results.entries()) {
    if (drafts[n]!.room !== room || !("entry" in result) || !result.entry) continue;
    const { kind, seq, ref: target } = result.entry;
    const isGone = kind === "say" ? seq === ref : kind === "edit" && target === ref;
    if (isGone) results[n] = { seq, entry: { ...result.entry, text: "", on: false } };
  }
}
