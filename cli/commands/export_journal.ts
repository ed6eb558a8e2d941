// A room out of the journal in a folder, for the export. A server may be using it meanwhile.
import { checkHasJournal } from "../../journal/sqlite/data_folder.ts";
import { openSqliteReader } from "../../journal/sqlite/sqlite_journal.ts";
import { JSON_LINES } from "../../protocol/confab_v1.ts";
import type { EntryLine } from "../../protocol/entry.ts";

/** Read at a time. */
const PAGE = { entries: 500, chars: 1024 * 1024 };

/**
 * The room's entries in order, some at a time.
 * @throws {ChatError} `data_unavailable`, or an error when there is no such room.
 */
export function* readJournal(folder: string, room: string): Generator<readonly EntryLine[]> {
  checkHasJournal(folder);
  using journal = openSqliteReader(folder);
  if (journal.head(room) === 0) {
    throw new Error(`Cannot export "${room}": the journal has no messages in this room`);
  }
  let after = journal.floor(room);
  while (after < journal.head(room)) {
    const entries = journal.read(room, { after }, PAGE);
    const lines = JSON_LINES.encode(entries)?.text.split("\n") ?? [];
    yield lines.map((line) => JSON.parse(line));
    after = entries.at(-1)?.seq ?? Infinity; // none: retention has removed meanwhile all that was to come
  }
}
