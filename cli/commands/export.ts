// `confab export` prints all stored entries of a room, oldest first. It reads them from the journal in a data folder, even
// while a server uses it, or requests them from a server.
import { checkHasJournal } from "../../journal/sqlite/data_folder.ts";
import { openSqliteReader } from "../../journal/sqlite/sqlite_journal.ts";
import { JSON_LINES } from "../../protocol/confab_v1.ts";
import { harmlessJson } from "../../protocol/terminal_safe.ts";
import { encodeTranscript } from "../../protocol/transcript.ts";
import type { ExportConfig } from "../config/config.ts";
import type { BearerHeaders } from "../secret.ts";
import { decodeEntry, type EntryLine } from "../../protocol/entry.ts";
import { note, writeLine } from "../stdio.ts";
import { notConfab, request } from "./request.ts";

/** Entries to request at a time: the maximum that a server sends. */
const PAGE_ENTRIES = 500;

/** Maximum page to read from a journal at a time. */
const JOURNAL_PAGE = { entries: PAGE_ENTRIES, chars: 1024 * 1024 };

/** Pages of entries, in order. */
type Pages = AsyncIterable<readonly EntryLine[]> | Iterable<readonly EntryLine[]>;

/**
 * Prints the room and returns 0. A room of a server without entries prints an empty export.
 * @throws {Error} with a sentence, if the entries cannot be read.
 */
export async function exportRoom(
  { from, format, data }: ExportConfig,
  bearer: BearerHeaders = {},
): Promise<number> {
  const pages: Pages = "url" in from ? readServer(from.url, bearer) : readJournal(data, from.room);
  await WRITERS[format](pages);
  return 0;
}

const WRITERS: Record<ExportConfig["format"], (pages: Pages) => Promise<void>> = {
  async ndjson(pages) {
    for await (const entries of pages) writeAll(entries.map(encode));
  },
  async json(pages) {
    let isBegun = false;
    let last: string | undefined; // not printed yet: a comma follows it only if another entry does
    for await (const entries of pages) {
      if (!isBegun) writeLine("["); // not before the room is known to exist
      isBegun = true;
      const lines = entries.map(encode);
      writeAll([...(last === undefined ? [] : [last]), ...lines.slice(0, -1)].map((l) => `${l},`));
      last = lines.at(-1) ?? last;
    }
    if (last !== undefined) writeLine(last);
    writeLine("]");
  },
  /** Prints the transcript. Reads all entries first: the last one may edit or delete any other. */
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

/**
 * Yields the entries of a room in the journal of a data folder.
 * @throws {ChatError} `data_unavailable` if the folder has no journal.
 * @throws {Error} with a sentence, if the journal has no entries of the room.
 */
function* readJournal(folder: string, room: string): Generator<readonly EntryLine[]> {
  checkHasJournal(folder);
  using journal = openSqliteReader(folder);
  if (journal.head(room) === 0) {
    throw new Error(`Cannot export "${room}": the journal has no messages in this room`);
  }
  let after = journal.floor(room);
  while (after < journal.head(room)) {
    const entries = journal.read(room, { after }, JOURNAL_PAGE);
    const lines = JSON_LINES.encode(entries)?.text.split("\n") ?? [];
    yield lines.map((line) => JSON.parse(line));
    after = entries.at(-1)?.seq ?? Infinity; // no entries: retention has removed all the remaining ones
  }
}

/** Response of a server for `application/json`. */
interface ExportPage {
  readonly head: number;
  readonly entries: readonly EntryLine[];
  readonly gap?: { readonly count: number };
}

/** Yields the entries up to the head at the start: a busy room has no end. */
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
    yield page.entries.filter(({ seq }) => seq <= head).map(withoutEdit);
    after = page.entries.at(-1)?.seq ?? head;
  }
}

/** Removes the last edit from a message: an export contains all edits as entries of their own. */
function withoutEdit(entry: EntryLine): EntryLine {
  if (entry.kind !== "say") return entry;
  const { edited: _, ...rest } = entry;
  return rest;
}

/**
 * Requests one page, and checks that its entries are in order: otherwise the export might never end.
 * @throws {Error} with a sentence, if the response is not such a page.
 */
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
