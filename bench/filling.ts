// Fills rooms with history through the journal itself: sending a million entries one by one would take too long.
import { delay } from "@std/async/delay";
import type { Draft } from "../journal/journal.ts";
import { openSqliteJournal, type SqliteJournal } from "../journal/sqlite/sqlite_journal.ts";
import { hashKey } from "../protocol/names.ts";
import { makeKey } from "../tests/support/json_socket.ts";

/** Number of people who send the entries, in rotation. */
const PEOPLE = 20;

/** Entries of one commit. */
const BATCH_ENTRIES = 10_000;

const TEXT = "what people say to each other in a room is about as long as this";

export interface FillOptions {
  /** Folder of the journal. */
  readonly folder: string;
  /** Number of entries in each of the rooms. */
  readonly sizes: readonly number[];
  readonly signal: AbortSignal;
}

/** Returns the name of the room that has so many entries. */
export function roomName(entries: number): string {
  return `has-${entries}`;
}

/** Creates a journal with these rooms. */
export async function fillRooms({ folder, sizes, signal }: FillOptions): Promise<void> {
  using journal = openSqliteJournal(folder);
  for (const size of sizes) {
    const room = roomName(size);
    const people = makePeople(journal, room);
    for (let from = 0; from < size; from += BATCH_ENTRIES) {
      const length = Math.min(BATCH_ENTRIES, size - from);
      await journal.append(Array.from({ length }, (_, at): Draft => {
        const number = from + at;
        const id = number.toString(36).padStart(6, "0");
        const said = { kind: "say", id, text: TEXT, ref: 0, on: false } as const;
        return { room, at: Date.now(), ...people[number % PEOPLE]!, ...said };
      }));
      // Yield to signals, which the journal alone would not.
      await delay(0);
      signal.throwIfAborted();
    }
  }
}

function makePeople(journal: SqliteJournal, room: string) {
  return Array.from({ length: PEOPLE }, (_, index) => {
    const name = `Person ${index}`;
    const author = hashKey(makeKey(name));
    return { name, author, tag: journal.claimTag(room, author, name) };
  });
}
