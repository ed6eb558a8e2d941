// Rooms with history, written by the journal itself: a million entries said one by one would take too long.
import { delay } from "@std/async/delay";
import type { Draft } from "../journal/journal.ts";
import { openSqliteJournal, type SqliteJournal } from "../journal/sqlite/sqlite_journal.ts";
import { hashKey } from "../protocol/names.ts";
import { makeKey } from "../tests/support/json_socket.ts";

/** People who have said it all, in turn. */
const PEOPLE = 20;

/** Entries of one commit. */
const BATCH_ENTRIES = 10_000;

const TEXT = "what people say to each other in a room is about as long as this";

export interface FillOptions {
  /** Of the journal. */
  readonly folder: string;
  /** How many entries each of the rooms gets. */
  readonly sizes: readonly number[];
  readonly signal: AbortSignal;
}

/** The room that has so many entries. */
export function roomName(entries: number): string {
  return `has-${entries}`;
}

/** Makes a journal with these rooms. */
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
      // The journal leaves no room for signals by itself.
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
