// `confab export`: everything that is kept of a room, oldest first, on standard output. From a journal that no server uses,
// or from a server that runs.
import type { ExportConfig } from "../config/config.ts";
import { harmlessJson } from "../../protocol/terminal_safe.ts";
import { encodeTranscript } from "../../protocol/transcript.ts";
import type { BearerHeaders } from "../bearer.ts";
import { decodeEntry, type EntryLine } from "../../protocol/entry.ts";
import { note, writeLine } from "../stdio.ts";
import { notConfab, request } from "./request.ts";

/** Entries of a page, as many as a server gives. */
const PAGE_ENTRIES = 500;

/** Entries in order, some at a time. */
type Pages = AsyncIterable<readonly EntryLine[]> | Iterable<readonly EntryLine[]>;

/**
 * Writes the room, and gives 0; a room without entries is empty.
 * @throws {Error} when it cannot be had: with a sentence.
 */
export async function exportRoom(
  { from, format, data }: ExportConfig,
  bearer: BearerHeaders = {},
): Promise<number> {
  const pages: Pages = "url" in from
    ? readServer(from.url, bearer)
    : (await import("./export_journal.ts")).readJournal(data, from.room);
  await WRITERS[format](pages);
  return 0;
}

const WRITERS: Record<ExportConfig["format"], (pages: Pages) => Promise<void>> = {
  async ndjson(pages) {
    for await (const entries of pages) writeAll(entries.map(encode));
  },
  async json(pages) {
    let isBegun = false;
    let last: string | undefined; // a comma follows it, unless it is the last one
    for await (const entries of pages) {
      if (!isBegun) writeLine("["); // not before it is known that there is a room
      isBegun = true;
      const lines = entries.map(encode);
      writeAll([...(last === undefined ? [] : [last]), ...lines.slice(0, -1)].map((l) => `${l},`));
      last = lines.at(-1) ?? last;
    }
    if (last !== undefined) writeLine(last);
    writeLine("]");
  },
  /** What the room comes to: an edit or a deletion may be the last entry, so that all of it is read before. */
  async text(pages) {
    const all = [];
    for await (const entries of pages) all.push(...entries.map(decodeEntry));
    writeAll(encodeTranscript(all).split("\n").slice(0, -1));
  },
};

function encode(entry: EntryLine): string {
  return harmlessJson(JSON.stringify(entry));
}

function writeAll(lines: readonly string[]): void {
  if (lines.length > 0) writeLine(lines.join("\n"));
}

/** What a server gives for `application/json`. */
interface ExportPage {
  readonly head: number;
  readonly entries: readonly EntryLine[];
  readonly gap?: { readonly count: number };
}

/** Up to what is there when it begins: a busy room has no end. */
async function* readServer(
  room: string,
  bearer: BearerHeaders,
): AsyncGenerator<readonly EntryLine[]> {
  let head = Infinity;
  let isFirst = true;
  for (let after = 0; after < head;) {
    const page = await readPage(room, after, bearer);
    if (isFirst) head = page.head;
    else if (page.gap) note(`${Number(page.gap.count)} entries were removed during the export`);
    isFirst = false;
    yield page.entries.filter(({ seq }) => seq <= head);
    after = page.entries.at(-1)?.seq ?? head;
  }
}

/** @throws {Error} when it is no page of entries in order: reading on might have no end. */
async function readPage(room: string, after: number, bearer: BearerHeaders): Promise<ExportPage> {
  const url = `${room}?after=${after}&limit=${PAGE_ENTRIES}`;
  const { type, json } = await request(url, {
    headers: { ...bearer, accept: "application/json" },
  });
  if (!type.startsWith("application/json")) {
    throw notConfab(room, `the server responded with ${type}`);
  }
  const { head, entries } = (json ?? {}) as Partial<ExportPage>;
  if (!Number.isSafeInteger(head) || !Array.isArray(entries)) {
    throw notConfab(room, "the server responded with unexpected JSON");
  }
  let last = after;
  for (const { seq } of entries.map(decodeEntry)) {
    if (seq <= last) throw notConfab(room, "its entries are not in order");
    last = seq;
  }
  return json as ExportPage;
}
