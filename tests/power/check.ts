// The check opens a data folder after a power cut, as the server would, and compares it with what was acknowledged.
import { DatabaseSync } from "node:sqlite";
import { FILE_NAME } from "../../journal/sqlite/data_folder.ts";
import { openSqliteJournal } from "../../journal/sqlite/sqlite_journal.ts";
import type { Entry } from "../../protocol/message.ts";
import { type Sent, TEXT_IDS } from "./writers.ts";

/** Content that must be in the folder. */
export interface Promised {
  /** Everything that was sent, by id. */
  readonly sent: ReadonlyMap<string, Sent>;
  /** Seq by id. */
  readonly acked: ReadonlyMap<string, number>;
  /** Identity of the journal, once something was acknowledged. */
  readonly epoch: string | undefined;
}

/** The result for one folder. */
export interface Finding {
  /** Acknowledged, and not there under its number with its text. */
  readonly lost: number;
  /** Everything else that must not be. */
  readonly faults: readonly string[];
}

const ALL = { entries: Number.MAX_SAFE_INTEGER, chars: Infinity };

/** Checks a folder, which changes it. */
export function checkFolder(folder: string, promised: Promised): Finding {
  const { sent, acked, epoch } = promised;
  const faults: string[] = [];
  const blank = new Set<string>();
  const rooms = new Map<string, Entry[]>();
  try {
    using journal = openSqliteJournal(folder);
    if (epoch !== undefined && journal.epoch !== epoch) faults.push("the epoch has changed");
    for (const { room } of sent.values()) {
      if (!rooms.has(room)) rooms.set(room, journal.read(room, { after: 0 }, ALL));
    }
  } catch (error) {
    return { lost: acked.size, faults: [(error as Error).message] };
  }
  for (const [room, entries] of rooms) {
    const found = checkRoom(entries, room, promised);
    faults.push(...found.faults);
    found.blank.forEach((id) => blank.add(id));
  }
  faults.push(...checkFile(folder), ...findTexts(folder, blank));
  const isLost = ([id, seq]: [string, number]) =>
    rooms.get(sent.get(id)!.room)![seq - 1]?.id !== id; // checkRoom compares the rest
  return { lost: [...acked].filter(isLost).length, faults };
}

/** Checks the entries of a room, from the first on. Returns the ids whose text is deleted as well. */
function checkRoom(
  entries: readonly Entry[],
  room: string,
  { sent }: Promised,
): { faults: string[]; blank: string[] } {
  const faults: string[] = [];
  const blank: string[] = [];
  const ids = new Set<string>();
  const deleted = new Set(entries.filter(({ kind }) => kind === "delete").map(({ ref }) => ref));
  for (const [n, entry] of entries.entries()) {
    const { seq, id, kind, ref } = entry;
    if (seq !== n + 1) faults.push(`${room}: ${seq} follows ${n}`);
    if (ids.has(id)) faults.push(`${room}: ${id} is there twice`);
    ids.add(id);
    const expected = sent.get(id);
    const isBlank = kind !== "delete" && deleted.has(kind === "say" ? seq : ref);
    if (isBlank) blank.push(id);
    const text = isBlank ? "" : expected?.text;
    const isSame = expected?.room === room && expected.kind === kind && expected.ref === ref &&
      expected.name === entry.name && expected.author === entry.author && entry.text === text;
    if (!isSame) faults.push(`${room}: ${seq} is ${kind} ${id} with "${entry.text.slice(0, 40)}"`);
  }
  return { faults, blank };
}

/** Entries, and those whose id is known under their number. */
const COUNT = `SELECT count(*) AS entries, count(ids.seq) AS ids
  FROM entries JOIN people ON people.id = person
  LEFT JOIN ids ON ids.room = entries.room AND ids.author = people.author
    AND ids.id = entries.id AND ids.seq = entries.seq`;

function checkFile(folder: string): string[] {
  const db = new DatabaseSync(`${folder}/${FILE_NAME}`);
  try {
    const checked = db.prepare("PRAGMA integrity_check").get()?.["integrity_check"];
    if (checked !== "ok") return [`integrity_check: ${checked}`];
    const { entries, ids } = db.prepare(COUNT).get()!;
    return ids === entries ? [] : [`the ids of ${ids} of ${entries} entries are known`];
  } finally {
    db.close();
  }
}

/** Finds deleted texts in the bytes of the files, but for the gaps of the database (SECURITY.md). */
function findTexts(folder: string, blank: ReadonlySet<string>): string[] {
  const decoder = new TextDecoder("latin1");
  return [...Deno.readDirSync(folder)].flatMap(({ name }) => {
    const bytes = Deno.readFileSync(`${folder}/${name}`);
    if (name === FILE_NAME) clearGaps(bytes);
    const text = decoder.decode(bytes);
    const found = new Set([...text.matchAll(TEXT_IDS)].map(([, id]) => id!));
    return [...found].filter((id) => blank.has(id))
      .map((id) => `${name} contains the deleted text of ${id}`);
  });
}

/** First bytes of pages that are parts of a tree, and the sizes of their heads (SQLite's file format, section 1.6). */
const TREE_HEADS: Readonly<Record<number, number>> = { 2: 12, 5: 12, 10: 8, 13: 8 };

/** Header of the database, before the head of the first page. */
const FILE_HEADER_BYTES = 100;

/** Clears the gap of each page, where SQLite may leave copies of rows that it moves to another page. */
export function clearGaps(file: Uint8Array): void {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const pageBytes = view.getUint16(16) === 1 ? 65_536 : view.getUint16(16);
  for (let page = 0; page < file.length; page += pageBytes) {
    const head = page === 0 ? FILE_HEADER_BYTES : page;
    const headBytes = TREE_HEADS[file[head]!];
    if (headBytes === undefined) continue; // text that did not fit into a row, or a free page
    const pointers = 2 * view.getUint16(head + 3);
    file.fill(0, head + headBytes + pointers, page + (view.getUint16(head + 5) || pageBytes));
  }
}
