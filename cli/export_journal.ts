// A room out of the journal in a folder, for the export. It locks the folder as a server does, and changes no entry.
import { ChatError } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import { FILE_NAME, openSqliteJournal } from "../journal/sqlite.ts";
import { JSON_LINES } from "../wire/json_lines.ts";
import type { EntryLine } from "./entry.ts";

/** Read at a time. */
const PAGE = { entries: 500, chars: 1024 * 1024 };

/**
 * The room's entries in order, some at a time.
 * @throws {ChatError} `data_unavailable`, or an error when there is no such room.
 */
export function* readJournal(folder: string, room: string): Generator<readonly EntryLine[]> {
  using journal = open(folder);
  if (journal.head(room) === 0) {
    throw new Error(`Cannot export "${room}": nothing was ever said in a room of that name`);
  }
  let after = journal.floor(room);
  while (after < journal.head(room)) {
    const entries = journal.read(room, { after }, PAGE);
    const lines = JSON_LINES.encode(entries)!.text.split("\n");
    yield lines.map((line) => JSON.parse(line));
    after = entries.at(-1)!.seq;
  }
}

function open(folder: string): Journal {
  if (!hasJournal(folder)) {
    const message = `Cannot use data folder "${folder}": there is no journal in it. ` +
      "Name another with --data DIR";
    throw new ChatError("data_unavailable", { message });
  }
  try {
    return openSqliteJournal(folder);
  } catch (error) {
    const { message } = error as Error;
    const hint = "From a server that is running, export by its URL";
    throw new ChatError("data_unavailable", { cause: error, message: `${message}. ${hint}` });
  }
}

/** Opening a journal makes one where there is none, which an export must not. */
function hasJournal(folder: string): boolean {
  try {
    return Deno.statSync(`${folder}/${FILE_NAME}`).isFile;
  } catch {
    return false; // told as there being none
  }
}
