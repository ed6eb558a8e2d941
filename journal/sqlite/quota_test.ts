import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { ChatError } from "../../protocol/errors.ts";
import { chooseSeed, Random } from "../../tests/support/random.ts";
import type { Draft } from "../journal.ts";
import { openSqliteJournal, type SqliteJournal } from "./sqlite_journal.ts";

const MIB = 1024 * 1024;
const MAX_BYTES = 20 * MIB;
const ANN = "ann0aaaaaaaaaaaaaaaaaaaaaa";

interface Place extends Disposable {
  readonly folder: string;
  open(maxBytes?: number): SqliteJournal;
  /** Bytes of all files. */
  size(): number;
  /** A process that reads, and so keeps the WAL from shrinking. */
  read(): Disposable;
}

function makeFolder(): Place {
  const folder = Deno.makeTempDirSync({ prefix: "confab-quota-" });
  return {
    folder,
    open: (maxBytes = MAX_BYTES) => openSqliteJournal(folder, { maxBytes }),
    size: () => sizeOf(folder),
    read: () => {
      const db = new DatabaseSync(`${folder}/journal.db`);
      db.exec("BEGIN; SELECT count(*) FROM entries");
      return { [Symbol.dispose]: () => db.close() };
    },
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}

function sizeOf(folder: string): number {
  return [...Deno.readDirSync(folder)]
    .reduce((sum, { name }) => sum + Deno.statSync(`${folder}/${name}`).size, 0);
}

function draft(room: string, text: string, more: Partial<Draft> = {}): Draft {
  const named = { author: ANN, name: "Ann", tag: "ann0", id: crypto.randomUUID() };
  return { room, at: 1_790_000_000_000, kind: "say", ...named, text, ref: 0, on: true, ...more };
}

/** Stores those drafts that have space, as the hub does. Returns how many. */
async function store(journal: SqliteJournal, drafts: readonly Draft[]): Promise<number> {
  const fitting = drafts.filter((draft) => !journal.reserve(draft.room, draft));
  const signed = fitting.map((draft) => ({
    ...draft,
    tag: journal.claimTag(draft.room, draft.author, draft.name),
  }));
  for (const result of await journal.append(signed)) assert(!(result instanceof ChatError));
  return fitting.length;
}

/** Stores messages until one has no space. Returns how many it has stored. */
async function fill(journal: SqliteJournal, makeDraft: (n: number) => Draft): Promise<number> {
  for (let n = 0; n < 100_000; n++) if (await store(journal, [makeDraft(n)]) === 0) return n;
  throw new Error("nothing is ever refused");
}

Deno.test("Quota refuses new rooms first, then messages, and deletions last; these free space for messages", async () => {
  using place = makeFolder();
  const text = "x".repeat(16_000);
  {
    using journal = place.open();
    await store(journal, [draft("old", "hi")]);
    const rooms = await fill(journal, (n) => draft(`room-${n}`, text));
    assertGreater(rooms, 500);
    assert(journal.usage.storedBytes <= 0.7 * MAX_BYTES);
    assertGreater(journal.usage.storedBytes, 0.65 * MAX_BYTES);
    assertGreater(await fill(journal, () => draft("old", text)), 100); // a room that exists goes on
    assertGreater(journal.usage.storedBytes, 0.8 * MAX_BYTES);
    const deletion = (n: number) => draft(`room-${n}`, "", { kind: "delete", ref: 1 });
    for (let n = 0; n < 200; n++) {
      assertEquals(await store(journal, [deletion(n)]), 1);
      assert(place.size() <= MAX_BYTES, `${place.size()}`);
    }
    assertEquals(await store(journal, [draft("old", "hi"), draft("room-1", text)]), 2);
    assertEquals(await store(journal, [draft("new", "hi")]), 1);
    for (const more of [text, ""]) await fill(journal, () => draft("old", more));
    assertEquals(journal.reserve("old", draft("old", "")), "data_full");
    // A second deletion frees nothing, so it counts as a message. What operators do has its own reserve.
    assertEquals(await store(journal, [deletion(1)]), 0);
    assertEquals(await store(journal, [draft("old", "", { kind: "close" })]), 1);
    assert(place.size() <= MAX_BYTES);
  }
  {
    using journal = place.open();
    assertEquals(await store(journal, [draft("old", text)]), 0);
  }
  using journal = place.open(2 * MAX_BYTES);
  assertEquals(await store(journal, [draft("old", "hi"), draft("new-2", "hi")]), 2);
});

Deno.test("Quota keeps the folder within its limit while another process holds back the WAL, and goes on afterwards", async () => {
  using place = makeFolder();
  using journal = place.open();
  await store(journal, [draft("lobby", "hi")]);
  const text = "x".repeat(8_000);
  {
    using _reader = place.read();
    await fill(journal, () => {
      assert(place.size() <= MAX_BYTES, `${place.size()}`);
      return draft("lobby", text);
    });
    assert(journal.usage.storedBytes < 0.6 * MAX_BYTES); // the WAL has the rest
    assertEquals(journal.reserve("lobby", draft("lobby", text)), "not_stored"); // a client tries again
  }
  await new Promise((resolve) => setTimeout(resolve, 1_500)); // the next attempt to empty it
  assertGreater(await fill(journal, () => draft("lobby", text)), 500);
  assert(place.size() <= MAX_BYTES);
});

Deno.test("Quota keeps the folder within its limit, whatever is done in it", async () => {
  const seed = chooseSeed();
  console.log(`CONFAB_SEED=${seed}`);
  const random = new Random(seed);
  using place = makeFolder();
  let journal = place.open();
  let reader: Disposable | undefined;
  let [stored, refused] = [0, 0];
  const steps: Record<string, () => Promise<void> | void> = {
    reader: () => {
      reader?.[Symbol.dispose]();
      reader = reader ? undefined : place.read();
    },
    prune: () => {
      const room = `room-${random.integer(0, 40)}`;
      journal.prune(room, Math.floor(journal.head(room) * random.next()));
    },
    cursors: async () => {
      for (let n = 0; n < 300; n++) journal.moveCursor(`reader ${n}`, "room-1", n);
      await journal.append([]);
    },
    reopen: () => {
      journal[Symbol.dispose]();
      journal = place.open();
    },
  };
  const makeDraft = (): Draft => {
    const room = `room-${random.integer(0, 40)}`;
    const ref = random.integer(1, Math.max(1, journal.head(room)));
    const kind = (["say", "say", "say", "edit", "delete"] as const)[random.integer(0, 4)]!;
    const size = random.next() < 0.5 ? random.integer(0, 300) : random.integer(0, 16_000);
    const text = kind === "delete" ? "" : (random.next() < 0.1 ? "é" : "x").repeat(size);
    const isNew = random.next() < 0.1;
    const author = isNew ? `${random.integer(1e8, 9e8)}aaaaaaaaaaaaaaaaaa` : ANN;
    return draft(room, text, { kind, ref: kind === "say" ? 0 : ref, author });
  };
  try {
    // Until the folder has been full often enough, which is a matter of luck.
    for (let step = 0; step < 1_000 || (refused <= 50 && step < 10_000); step++) {
      const draw = random.next();
      const name = draw < 0.03 ? "reader" : draw < 0.1 ? "prune" : draw < 0.12 ? "cursors" : "";
      if (name) await steps[name]!();
      else if (draw < 0.125) await steps["reopen"]!();
      else {
        const drafts = Array.from({ length: random.integer(1, 12) }, makeDraft);
        const count = await store(journal, drafts);
        stored += count;
        refused += drafts.length - count;
      }
      assert(place.size() <= MAX_BYTES, `${place.size()} after step ${step}, ${name}`);
    }
  } finally {
    reader?.[Symbol.dispose]();
    journal[Symbol.dispose]();
  }
  assertGreater(stored, 500);
  assertGreater(refused, 50);
});

Deno.test("Quota prunes a full folder in steps that its WAL has space for", async () => {
  using place = makeFolder();
  using journal = place.open();
  const count = await fill(journal, () => draft("lobby", "x".repeat(16_000))) +
    await fill(journal, () => draft("other", "x".repeat(16_000)));
  assertGreater(count, 500);
  const through = journal.head("lobby") - 1;
  let reader: Disposable | undefined = place.read(); // keeps the WAL, so that its size shows
  for (let n = 0; n < 200 && journal.floor("lobby") < through; n++) {
    journal.prune("lobby", through);
    await journal.append([]);
    assert(place.size() <= MAX_BYTES, `${place.size()}`);
    reader?.[Symbol.dispose]();
    reader = undefined;
    await new Promise((resolve) => setTimeout(resolve, 20)); // the WAL is emptied meanwhile
  }
  assertEquals(journal.floor("lobby"), through);
  assertEquals(await store(journal, [draft("new", "hi")]), 1);
});

Deno.test("Quota refuses a text that can never fit, and stores the others", async () => {
  using place = makeFolder();
  using journal = place.open();
  const drafts = [draft("a", "hi"), draft("a", "x".repeat(30 * MIB)), draft("a", "ho")];
  assertEquals(await store(journal, drafts), 2);
  assertEquals(journal.reserve("a", drafts[1]!), "data_full");
  // Without a reservation, SQLite itself refuses to let the file grow.
  await assertRejects(() => journal.append([drafts[1]!]), ChatError);
  assertEquals(journal.head("a"), 2);
});
