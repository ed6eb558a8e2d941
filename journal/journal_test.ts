// Tests every journal with one suite, and the SQLite journal with files.
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { DatabaseSync } from "node:sqlite";
import { ChatError } from "../protocol/errors.ts";
import { chooseSeed, Random } from "../tests/support/random.ts";
import { anonymousAuthor } from "../protocol/names.ts";
import {
  type Appended,
  type Draft,
  ENDED_IDS_PER_APPEND,
  type Journal,
  KEYLESS_ID_MS,
  MAX_EMOJI_READ,
  readHistory,
} from "./journal.ts";
import { hashContent } from "../protocol/content_hash.ts";
import { MemoryJournal } from "./memory.ts";
import { openSqliteJournal, openSqliteReader } from "./sqlite/sqlite_journal.ts";

/** Removes from a file what the newest step of the schema has added. */
const ANN = "ann0aaaaaaaaaaaaaaaaaaaaaa";
const BANNED = { who: { name: "Ben", tag: "b3nx" }, until: 1_790_003_600_000 };
const ALL = { entries: 1000, chars: 1_000_000 };

const CAN_LOCK_FOLDERS = Deno.build.os !== "windows" && "tryLockSync" in Deno.FsFile.prototype;

interface Place extends Disposable {
  /** Opens the journal, for one that is on disk again and again. */
  open(): Journal;
}

const JOURNALS: Record<string, () => Place> = {
  memory: () => ({ open: () => new MemoryJournal(), [Symbol.dispose]() {} }),
  sqlite: () => makeFolder(),
};

function makeFolder(): Place & { folder: string } {
  const folder = Deno.makeTempDirSync({ prefix: "confab-journal-" });
  return {
    folder,
    open: () => openSqliteJournal(folder),
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}

function draft(text: string, more: Partial<Draft> = {}): Draft {
  return {
    room: "lobby",
    at: 1_790_000_000_000,
    kind: "say",
    author: "",
    name: "",
    tag: "",
    id: "",
    text,
    ref: 0,
    on: true,
    ...more,
  };
}

/** A draft by Ann, who has claimed her tag. */
function byAnn(text: string, id: string, more: Partial<Draft> = {}): Draft {
  return draft(text, { author: ANN, name: "Ann", tag: "ann0aa", id, ...more });
}

/** Appends drafts that are all stored. */
async function append(journal: Journal, drafts: readonly Draft[]): Promise<Appended[]> {
  return (await journal.append(drafts)).map((result) => {
    if (result instanceof ChatError) throw result;
    return result;
  });
}

function texts(journal: Journal, range: { after: number } | { before: number }, limit = ALL) {
  return journal.read("lobby", range, limit).map((entry) => entry.text);
}

for (const [name, makePlace] of Object.entries(JOURNALS)) {
  const test = (what: string, fn: (journal: Journal, place: Place) => Promise<void>) =>
    Deno.test(`journal ${name} ${what}`, async () => {
      using place = makePlace();
      using journal = place.open();
      await fn(journal, place);
    });

  test("numbers the entries of each room 1, 2, 3 … in the order of the drafts", async (journal) => {
    const appended = await append(journal, [
      draft("a"),
      draft("x", { room: "other" }),
      draft("b"),
    ]);
    assertEquals(appended.map(({ seq }) => seq), [1, 1, 2]);
    assertEquals((await append(journal, [draft("c")]))[0]!.seq, 3);
    assertEquals([journal.head("lobby"), journal.head("other"), journal.head("none")], [3, 1, 0]);
    assertEquals(texts(journal, { after: 0 }), ["a", "b", "c"]);
  });

  test("reads back exactly what was appended", async (journal) => {
    assertEquals(journal.claimTag("lobby", ANN, "Ann"), "ann0aa");
    const drafts = [
      byAnn("héllo\n🙂 \u0001\u2028", "id 1", { ref: 0 }),
      byAnn("edited", "id 2", { kind: "edit", ref: 1 }),
      byAnn("👍", "id 3", { kind: "react", ref: 1, on: false }),
      byAnn("", "id 4", { kind: "delete", ref: 99 }),
      byAnn("", "id 5", { kind: "close", on: false }),
      byAnn("", "id 6", { kind: "ban", ref: 1, banned: BANNED }),
      draft(""),
      draft('a run of lines: \u0001\u007f\u2028 \\ " 🙂'),
      draft("1e3"),
      draft("null", { at: 1_790_000_000_001 }),
      draft("another room", { at: 1_790_000_000_001 }),
    ];
    const appended = await append(journal, drafts);
    const entries = journal.read("lobby", { after: 0 }, ALL);
    assertEquals(entries, appended.map(({ entry }) => entry!));
    for (const [n, entry] of entries.entries()) {
      const { seq, ...rest } = entry;
      assertEquals({ ...rest, room: "lobby" }, drafts[n]!);
      assertEquals(seq, n + 1);
    }
  });

  test("refuses a draft that it cannot store, and stores its neighbours in order", async (journal) => {
    journal.claimTag("lobby", ANN, "Ann");
    await journal.append([byAnn("known", "1")]);
    const stranger = draft("?", { author: "stranger", name: "Stranger", tag: "strang", id: "1" });
    const results = await journal.append([
      draft("a"),
      draft("b"),
      stranger,
      byAnn("c", "3"),
      byAnn("known", "1", { name: "" }), // beside a name without a tag
      { ...stranger, room: "other" },
      draft("d"),
      draft("e", { room: "other" }),
    ]);
    assertEquals(
      results.map((result) => result instanceof ChatError ? result.code : result.seq),
      [2, 3, "internal", 4, 1, "internal", 5, 1],
    );
    assertEquals(texts(journal, { after: 0 }), ["known", "a", "b", "c", "d"]);
    assertEquals(journal.find("lobby", "stranger", "1"), undefined);
    journal.claimTag("lobby", "stranger", "Stranger");
    assertEquals((await append(journal, [stranger]))[0]!.seq, 6);
  });

  test("returns the first seq for a repeated id of the same author, and adds nothing", async (journal) => {
    journal.claimTag("lobby", ANN, "Ann");
    journal.claimTag("lobby", ANN, "Anna");
    journal.claimTag("lobby", "ben0", "Ben");
    journal.claimTag("other", ANN, "Ann");
    await journal.append([byAnn("first", "1"), byAnn("second", "2")]);
    const again = await append(journal, [
      byAnn("first", "1"),
      byAnn("third", "3"),
      byAnn("third", "3"),
      byAnn("second", "2", { name: "Anna", at: 1_790_000_000_001 }), // after a rename
      draft("Ben's own 1", { author: "ben0", name: "Ben", tag: "ben0", id: "1" }),
      byAnn("another room is another history", "1", { room: "other" }),
    ]);
    assertEquals(again.map(({ seq }) => seq), [1, 3, 3, 2, 4, 1]);
    assertEquals(again.map(({ entry }) => entry !== undefined), [
      false,
      true,
      false,
      false,
      true,
      true,
    ]);
    assertEquals(texts(journal, { after: 0 }), ["first", "second", "third", "Ben's own 1"]);
    assertEquals(journal.find("lobby", ANN, "3")?.seq, 3);
    assertEquals(journal.find("lobby", ANN, "4"), undefined);
    assertEquals(journal.find("nowhere", ANN, "1"), undefined);
  });

  test("refuses a known id with other content, while the content is kept", async (journal) => {
    journal.claimTag("lobby", ANN, "Ann");
    const drafts = [
      byAnn("a", "1"),
      byAnn("b", "2", { ref: 1 }),
      byAnn("a, edited", "3", { kind: "edit", ref: 1 }),
      byAnn("👍", "4", { kind: "react", ref: 2 }),
      byAnn("", "5", { kind: "close" }),
      byAnn("", "6", { kind: "ban", ref: 2, banned: BANNED, bans: [] }),
    ];
    const minutes = (n: number) => ({ banned: { ...BANNED, until: drafts[5]!.at + n * 60_000 } });
    const others: Partial<Draft>[][] = [
      [{ text: "b" }, { ref: 1 }, { kind: "edit", ref: 1 }],
      [{ ref: 0 }, { text: "a" }],
      [{ text: "a" }, { ref: 2 }, { kind: "say" }],
      [{ on: false }, { text: "👎" }],
      [{ on: false }],
      [minutes(59), { on: false }, { ref: 1 }],
    ];
    const answers = async (drafts: readonly Draft[]) =>
      (await journal.append(drafts)).map((result) =>
        result instanceof ChatError ? result.code : result.entry ? "stored" : result.seq
      );
    assertEquals(await answers(drafts), drafts.map(() => "stored"));
    for (const [n, draft] of drafts.entries()) {
      const changed = others[n]!.map((other) => ({ ...draft, ...other }));
      const expected = [n + 1, ...changed.map(() => "id_taken"), n + 1];
      assertEquals(await answers([draft, ...changed, draft]), expected, draft.text);
    }
    const inOneBatch = [byAnn("c", "7"), byAnn("d", "7"), byAnn("c", "7")];
    assertEquals(await answers(inOneBatch), ["stored", "id_taken", 7]);
    assertEquals(journal.closedRooms(), ["lobby"]);
    // An edit and a deletion change nothing for who sends the first version again.
    await journal.append([byAnn("", "8", { kind: "delete", ref: 1 })]);
    assertEquals(await answers([drafts[0]!, drafts[2]!, drafts[1]!]), [1, 3, 2]);
    journal.prune("lobby", 4);
    assertEquals(await answers(drafts), [1, 2, 3, 4, 5, 6]);
    assertEquals(journal.head("lobby"), 8);
  });

  test("compares what was sent without a key after retention, too, but not after its deletion", async (journal) => {
    const CI = anonymousAuthor("ci");
    const tag = journal.claimTag("lobby", CI, "ci");
    const byCi = (text: string, id: string) => draft(text, { author: CI, name: "ci", tag, id });
    await journal.append(["1", "2", "3", "4"].map((id) => byCi(`build ${id}`, id)));
    journal.claimTag("lobby", ANN, "Ann");
    await journal.append([byAnn("", "d", { kind: "delete", ref: 2 })]);
    const answers = async () => {
      const drafts = ["1", "2", "3"].flatMap((id) => [byCi(`build ${id}`, id), byCi("other", id)]);
      return (await journal.append(drafts)).map((result) =>
        result instanceof ChatError ? result.code : result.seq
      );
    };
    const expected = [1, "id_taken", 2, 2, 3, "id_taken"];
    assertEquals(await answers(), expected);
    journal.prune("lobby", 3);
    assertEquals(await answers(), expected);
  });

  test("ends the ids of authors without a key after days, some in each append", async (journal) => {
    const CI = anonymousAuthor("ci");
    const start = 1_790_000_000_000;
    assertEquals(KEYLESS_ID_MS / 86_400_000, 7, "docs/protocol.md names the days");
    for (const room of ["lobby", "ops"]) journal.claimTag(room, CI, "ci");
    journal.claimTag("lobby", ANN, "Ann");
    const byCi = (id: string, at: number, room = "lobby") =>
      draft("green", { author: CI, name: "ci", tag: "0000", id, at, room });
    const isKnown = (id: string, room = "lobby") => journal.find(room, CI, id) !== undefined;
    await journal.append([byCi("1", start), byCi("1", start, "ops"), byAnn("a", "1")]);
    await journal.append([byCi("2", start + 1)]);
    journal.prune("lobby", 2);
    const repeated = await append(journal, [byCi("1", start + KEYLESS_ID_MS)]);
    assertEquals(repeated[0], { seq: 1, entry: undefined }, "on the last day");
    await journal.append([draft("later", { at: start + KEYLESS_ID_MS + 1 })]);
    assertEquals([isKnown("1"), isKnown("1", "ops"), isKnown("2")], [false, false, true]);
    assertEquals(journal.find("lobby", ANN, "1")?.seq, 2, "an author with a key");
    const [again] = await append(journal, [byCi("1", start + KEYLESS_ID_MS + 2)]);
    assertEquals([again!.seq, again!.entry?.text], [5, "green"]);
    assertEquals([isKnown("1"), isKnown("2")], [true, false]);
    // However many have ended, an append removes only some of them; more than it adds.
    const ids = Array.from({ length: 3 * ENDED_IDS_PER_APPEND }, (_, n) => `many ${n}`);
    await journal.append(ids.map((id) => byCi(id, start + KEYLESS_ID_MS + 3)));
    const counts = [];
    for (let n = 0; n < 4; n++) {
      await journal.append([byCi(`new ${n}`, start + 2 * KEYLESS_ID_MS + 4)]);
      counts.push(ids.filter((id) => isKnown(id)).length);
    }
    // The first of them also removes the id that was sent again.
    assertEquals(counts, [200, 99, 0, 0]);
    await journal.append([byCi("back", start)]); // the clock may go back
    assertEquals([0, 1, 2, 3].map((n) => isKnown(`new ${n}`)), [true, true, true, true]);
  });

  test("reads after and before a seq, no more than asked for", async (journal) => {
    const all = Array.from({ length: 9 }, (_, n) => `${n + 1}`.repeat(10));
    await journal.append(all.map((text) => draft(text)));
    const of = (...seqs: number[]) => seqs.map((seq) => all[seq - 1]!);
    const limit = (entries: number, chars = 1000) => ({ entries, chars });
    assertEquals(texts(journal, { after: 3 }, limit(2)), of(4, 5));
    assertEquals(texts(journal, { after: 7 }, limit(5)), of(8, 9));
    assertEquals(texts(journal, { after: 9 }), []);
    assertEquals(texts(journal, { after: 99 }), []);
    assertEquals(texts(journal, { before: 5 }, limit(2)), of(3, 4));
    assertEquals(texts(journal, { before: 2 }, limit(5)), of(1));
    assertEquals(texts(journal, { before: 1 }), []);
    assertEquals(texts(journal, { before: 99 }, limit(2)), of(8, 9));
    assertEquals(texts(journal, { after: 0 }, limit(9, 25)), of(1, 2, 3));
    assertEquals(texts(journal, { before: 10 }, limit(9, 1)), of(9));
    assertEquals(texts(journal, { after: 0 }, limit(2)), of(1, 2));
  });

  test("prunes the oldest entries; neither a seq nor an id is reused", async (journal) => {
    journal.claimTag("lobby", ANN, "Ann");
    await journal.append(["1", "2", "3", "4", "5"].map((id) => byAnn(id, id)));
    journal.prune("lobby", 3);
    await journal.append([]);
    assertEquals([journal.floor("lobby"), journal.head("lobby")], [3, 5]);
    assertEquals(texts(journal, { after: 0 }), ["4", "5"]);
    assertEquals(texts(journal, { before: 5 }), ["4"]);
    journal.prune("lobby", 2); // has no effect
    journal.prune("nowhere", 2);
    const again = await append(journal, [byAnn("2", "2"), byAnn("6", "6")]);
    assertEquals(again.map(({ seq, entry }) => [seq, entry?.text]), [[2, undefined], [6, "6"]]);
    assertEquals(journal.floor("lobby"), 3);
  });

  test("blanks a deleted message and its edits, in the same commit, and edits of it that come later", async (journal) => {
    journal.claimTag("lobby", ANN, "Ann");
    const edit = (id: string, ref: number) => byAnn(`edit ${id}`, id, { kind: "edit", ref });
    await journal.append([
      byAnn("secret", "1"),
      byAnn("kept", "2"),
      edit("3", 1),
      edit("4", 2),
      byAnn("👍", "5", { kind: "react", ref: 1 }),
      draft("other room", { room: "ops" }),
    ]);
    const held = await append(journal, [
      edit("6", 1),
      edit("7", 2),
      byAnn("", "8", { kind: "delete", ref: 1 }),
      edit("9", 1),
    ]);
    assertEquals(held.map(({ entry }) => entry!.text), ["", "edit 7", "", ""]);
    const entries = journal.read("lobby", { after: 0 }, ALL);
    assertEquals(entries.map(({ seq, text, on }) => `${seq} ${text} ${on}`), [
      "1  false",
      "2 kept true",
      "3  false",
      "4 edit 4 true",
      "5 👍 true",
      "6  false",
      "7 edit 7 true",
      "8  true",
      "9  false",
    ]);
    assertEquals(entries.map(({ id }) => id), ["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assertEquals(journal.read("ops", { after: 0 }, ALL)[0]!.text, "other room");
    // Only a message is blanked, and sending its id again adds no text.
    await journal.append([byAnn("", "10", { kind: "delete", ref: 4 })]);
    assertEquals(journal.read("lobby", { after: 3 }, ALL)[0]!.text, "edit 4");
    assertEquals((await append(journal, [byAnn("secret", "1")]))[0]!.entry, undefined);
  });

  test("finds the last edit of each message, wherever it is, and none of a deleted one", async (journal) => {
    journal.claimTag("lobby", ANN, "Ann");
    const edit = (id: string, ref: number) => byAnn(`edit ${id}`, id, { kind: "edit", ref });
    const said = Array.from({ length: 5 }, (_, n) => byAnn(`text ${n + 1}`, `${n + 1}`));
    await journal.append([...said, edit("6", 1), edit("7", 3), edit("8", 1), edit("9", 5)]);
    const found = (first: number, last: number) =>
      journal.lastEdits("lobby", first, last).map(({ ref, seq }) => `${ref} by ${seq}`);
    assertEquals(found(1, 5), ["1 by 8", "3 by 7", "5 by 9"]);
    assertEquals([found(2, 3), found(4, 4), found(6, 9)], [["3 by 7"], [], []]);
    assertEquals(journal.lastEdits("nowhere", 1, 5), []);
    const page = (range: { after: number } | { before: number }) =>
      readHistory(journal, "lobby", { range, limit: { entries: 2, chars: 1000 } })
        .map(({ seq, text, edited }) => `${seq} ${text}, ${edited?.text ?? "-"}`);
    assertEquals(page({ after: 0 }), ["1 text 1, edit 8", "2 text 2, -"]);
    assertEquals(page({ before: 8 }), ["6 edit 6, edit 8", "7 edit 7, -"]);
    const sizes = (range: { after: number } | { before: number }, chars: number) =>
      readHistory(journal, "lobby", { range, limit: { entries: 5, chars } }).map(({ seq }) => seq);
    // Texts of six characters each, and edits of as many beside 1, 3 and 5.
    assertEquals([sizes({ after: 0 }, 12), sizes({ after: 0 }, 13)], [[1], [1, 2]]);
    assertEquals([sizes({ before: 6 }, 12), sizes({ before: 6 }, 19)], [[5], [3, 4, 5]]);
    assertEquals([sizes({ after: 0 }, 1), sizes({ before: 6 }, 1)], [[1], [5]]);
    await journal.append([byAnn("", "10", { kind: "delete", ref: 3 })]);
    assertEquals(found(1, 5), ["1 by 8", "5 by 9"]);
    journal.prune("lobby", 1);
    await journal.append([]);
    assertEquals(found(2, 5), ["5 by 9"]);
  });

  test("gives an author one tag in a room, whatever its names, and no other author that one", async (journal) => {
    const claim = (author: string, who = "Ann", room = "lobby") =>
      journal.claimTag(room, author, who);
    assertEquals(journal.tagOf("lobby", "abcdefgh"), "abcdef");
    assertEquals(claim("abcdefgh"), "abcdef");
    assertEquals(claim("abcdefxy"), "abcdefx");
    assertEquals(claim("abcdefxz", "Ben"), "abcdefxz");
    assertEquals(claim("abcdefxy", "Ben"), "abcdefx");
    assertEquals(claim("abcdefgh", "Anna"), "abcdef");
    assertEquals(claim("abcdefxy", "Ann", "other"), "abcdef");
    await journal.append([]);
    assertEquals(claim("abcdefxy", "Bob"), "abcdefx");
    assertEquals(journal.tagOf("lobby", "abcdefxy"), "abcdefx");
    assertEquals(journal.tagOf("lobby", "abcdefzz", (tag) => tag === "abcdefz"), "abcdefzz");
    for (const who of ["ci", "Ann"]) assertEquals(claim(anonymousAuthor(who), who), "0000");
    assertEquals(claim("operator", "Ann"), "oper");
  });

  test("never gives two authors one tag, however many keys begin with a known one", (journal) => {
    const victim = journal.claimTag("lobby", ANN, "Ann");
    const tags = new Set([victim]);
    for (let n = 0; n < 10_000; n++) {
      const author = `${victim}${n.toString(32).padStart(20, "0")}`;
      tags.add(journal.claimTag("lobby", author, n % 2 ? "Ann" : `Ann ${n}`));
    }
    assertEquals(tags.size, 10_001);
    return Promise.resolve();
  });

  test("finds the emoji of an entry, and counts the reactions of an author", async (journal) => {
    for (const name of ["Ann", "Anna"]) journal.claimTag("lobby", ANN, name);
    journal.claimTag("lobby", "ben0", "Ben");
    const react = (id: string, text: string, more: Partial<Draft> = {}) =>
      byAnn(text, id, { kind: "react", ref: 1, ...more });
    await journal.append([
      byAnn("hi", "1"),
      react("2", "👍"),
      react("3", "👍", { on: false, name: "Anna" }),
      react("4", "🎉", { author: "ben0", name: "Ben", tag: "ben0" }),
      react("5", "👎", { on: false }),
      react("6", "😀", { ref: 2 }),
    ]);
    const { emoji, own } = journal.reactions("lobby", 1, ANN);
    assertEquals([emoji.toSorted(), own], [["🎉", "👍"].toSorted(), 3]);
    assertEquals(journal.reactions("lobby", 1, "ben0").own, 1);
    assertEquals(journal.reactions("lobby", 1, "stranger").own, 0);
    assertEquals(journal.reactions("nowhere", 1, ANN), { emoji: [], own: 0 });
    const many = Array.from({ length: 3_000 }, (_, n) => react(`many ${n}`, `emoji ${n}`));
    await journal.append(many);
    assertEquals(journal.reactions("lobby", 1, ANN).emoji.length, MAX_EMOJI_READ);
    assertEquals(journal.reactions("lobby", 1, ANN).own, 3_003);
  });

  test("lists the rooms with entries", async (journal) => {
    assertEquals(journal.rooms(), []);
    journal.claimTag("only entered", ANN, "Ann");
    await journal.append([draft("a"), draft("b"), draft("c", { room: "ops" })]);
    journal.prune("lobby", 1);
    await journal.append([]);
    assertEquals(journal.rooms().sort(), ["lobby", "ops"]);
  });

  test("lists the closed rooms by their newest entry that closes or reopens", async (journal) => {
    for (const room of ["lobby", "ops"]) journal.claimTag(room, ANN, "Ann");
    const close = (id: string, room: string, on: boolean) =>
      byAnn("", id, { kind: "close", room, on });
    await journal.append([
      close("1", "lobby", true),
      close("1", "ops", true),
      close("2", "ops", false),
    ]);
    assertEquals(journal.closedRooms(), ["lobby"]);
    await journal.append([close("1", "ops", true), draft("later")]); // the id is known
    journal.prune("lobby", 1);
    await journal.append([]);
    assertEquals(journal.closedRooms(), ["lobby"]);
    await journal.append([close("3", "lobby", false)]);
    assertEquals(journal.closedRooms(), []);
  });

  test("keeps bans until they are lifted or expire", async (journal) => {
    journal.claimTag("lobby", ANN, "Ann");
    const at = 1_790_000_000_000;
    const of = (author: string, address = "", until = at + 60_000) => ({ author, address, until });
    const ban = (id: string, bans: Draft["bans"], more: Partial<Draft> = {}) =>
      byAnn("", id, { kind: "ban", ref: 1, banned: BANNED, bans: bans!, ...more });
    const listed = () => journal.bans().map((one) => Object.values(one).join(" ")).sort();
    const [ben, there, cat] = [of("ben0"), of("ben0", "::1"), of("cat0", "", at + 1)];
    const [benLine, thereLine, catLine] = [ben, there, cat].map((one) =>
      Object.values(one).join(" ")
    );
    await journal.append([ban("1", [ben, there]), ban("2", [cat])]);
    assertEquals(listed(), [benLine, thereLine, catLine]);
    await journal.append([ban("3", [of("ben0", "", at + 90_000)])]); // instead of the one before
    assertEquals(listed()[0], `ben0  ${at + 90_000}`);
    await journal.append([ban("4", [of("ben0", "", 0)], { on: false })]);
    assertEquals(listed(), [catLine]);
    await journal.append([ban("1", [ben, there])]); // the id is known
    await journal.append([ban("5", [ben], { at: at + 1 })]); // the time of the other is over
    assertEquals(listed(), [benLine]);
  });

  test("returns the latest cursor of each reader in each room", async (journal) => {
    assertEquals(journal.cursor("a", "lobby"), undefined);
    journal.moveCursor("a", "lobby", 3);
    journal.moveCursor("a", "", 1);
    assertEquals(journal.cursor("a", "lobby"), 3);
    await journal.append([]);
    journal.moveCursor("a", "lobby", 5);
    journal.moveCursor("b", "lobby", 0);
    for (const _ of ["moved", "stored"]) {
      const cursors = [["a", "lobby"], ["a", ""], ["b", "lobby"], ["b", ""], ["a", "ops"]]
        .map(([reader, room]) => journal.cursor(reader!, room!));
      assertEquals(cursors, [5, 1, 0, undefined, undefined]);
      await journal.append([draft("a")]);
    }
  });
}

for (const [name, makePlace] of Object.entries(JOURNALS)) {
  Deno.test(`journal ${name} knows names that were claimed, and claims a tag that is wished for if it is free`, async () => {
    using place = makePlace();
    using journal = place.open();
    const wish = ANN.slice(0, 8);
    assertEquals([journal.tagOf("lobby", ANN), journal.hasName("lobby", ANN, "Ann")], [
      ANN.slice(0, 6),
      false,
    ]);
    await journal.append([]);
    assertEquals(journal.hasName("lobby", ANN, "Ann"), false, "a look claims nothing");
    assertEquals(journal.claimTag("lobby", ANN, "Ann", wish), wish);
    assertEquals(journal.claimTag("lobby", ANN, "Ann", ANN), wish, "it never changes");
    assertEquals(journal.tagOf("lobby", ANN), wish);
    const names = [["lobby", "Ann"], ["other", "Ann"], ["lobby", "Anna"]] as const;
    assertEquals(names.map(([room, who]) => journal.hasName(room, ANN, who)), [true, false, false]);
    const twin = `${wish}twin`;
    assertEquals(journal.claimTag("lobby", twin, "Ben", wish), ANN.slice(0, 6));
    await journal.append([]);
    assertEquals(journal.tagOf("lobby", twin), ANN.slice(0, 6));
  });
}

Deno.test("journal sqlite keeps entries, epoch, ids and tags after reopening", async () => {
  using place = makeFolder();
  let epoch: string;
  {
    using journal = place.open();
    epoch = journal.epoch;
    journal.claimTag("lobby", ANN, "Ann");
    await journal.append(["1", "2", "3"].map((id) => byAnn(`text ${id}`, id)));
    journal.prune("lobby", 1);
    journal.claimTag("lobby", "ann0x", "Ann");
    await journal.append([]);
  }
  using journal = place.open();
  assertEquals(journal.epoch, epoch);
  assertEquals(texts(journal, { after: 0 }), ["text 2", "text 3"]);
  assertEquals([journal.floor("lobby"), journal.head("lobby")], [1, 3]);
  assertEquals(journal.claimTag("lobby", "ann0x", "Ann"), "ann0x");
  const [again] = await journal.append([byAnn("again", "1")]);
  assertEquals(again, { seq: 1, entry: undefined });
});

Deno.test("journal sqlite keeps closed rooms and bans after reopening; a refused draft leaves none", async () => {
  using place = makeFolder();
  const bans = [{ author: "ben0", address: "192.0.2.7", until: 1_790_000_060_000 }];
  const rules = [
    byAnn("", "1", { kind: "close" }),
    byAnn("", "2", { kind: "ban", ref: 1, banned: BANNED, bans }),
  ];
  {
    using journal = place.open();
    // Nobody has claimed this name: the drafts are refused after some of each was written.
    journal.claimTag("lobby", ANN, "Ann");
    const unclaimed = rules.map((rule) => ({ ...rule, name: "Nobody" }));
    for (const result of await journal.append(unclaimed)) assertInstanceOf(result, ChatError);
    assertEquals([journal.closedRooms(), journal.bans()], [[], []]);
    await journal.append(rules);
  }
  using journal = place.open();
  assertEquals(journal.closedRooms(), ["lobby"]);
  assertEquals(journal.bans(), bans);
});

Deno.test("journal sqlite stores who is banned, and until when, as the text of the entry", async () => {
  using place = makeFolder();
  {
    using journal = place.open();
    journal.claimTag("lobby", ANN, "Ann");
    await journal.append([byAnn("", "1", { kind: "ban", ref: 1, banned: BANNED })]);
  }
  using db = new DatabaseSync(`${place.folder}/journal.db`);
  assertEquals(db.prepare("SELECT text FROM entries").all().map((row) => row["text"]), [
    '{"who":{"name":"Ben","tag":"b3nx"},"until":1790003600000}',
  ]);
});

Deno.test("journal sqlite has another epoch in another folder", () => {
  using first = makeFolder();
  using second = makeFolder();
  using a = first.open();
  using b = second.open();
  assert(a.epoch !== b.epoch);
});

Deno.test("journal sqlite creates a folder and files that only their owner can read", async () => {
  using place = makeFolder();
  const folder = `${place.folder}/deep/data`;
  using journal = openSqliteJournal(folder);
  await journal.append([draft("secret")]);
  assertEquals(Deno.statSync(folder).mode! & 0o777, 0o700);
  for (const { name } of Deno.readDirSync(folder)) {
    assertEquals(Deno.statSync(`${folder}/${name}`).mode! & 0o777, 0o600, name);
  }
});

Deno.test("journal sqlite undoes all of a draft that fails after a part of it was written", async () => {
  using place = makeFolder();
  using journal = place.open();
  journal.claimTag("lobby", ANN, "Ann");
  const bad = byAnn({} as string, "1"); // its id is written before its text cannot be bound
  const results = await journal.append([byAnn("a", "0"), bad, byAnn("b", "2")]);
  assertEquals(results.map((result) => result instanceof ChatError ? result.code : result.seq), [
    ...[1, "internal", 2],
  ]);
  assertEquals(journal.find("lobby", ANN, "1"), undefined);
  assertEquals((await append(journal, [byAnn("c", "1")]))[0]!.seq, 3);
  assertEquals(texts(journal, { after: 0 }), ["a", "b", "c"]);
});

/** Statements of a draft that fail for its mark, each after others of the same draft have run. */
const FAULTS = `
  CREATE TRIGGER t1 BEFORE INSERT ON entries WHEN NEW.text LIKE 'bad %' OR NEW.id LIKE 'bad %'
    BEGIN SELECT RAISE(ABORT, 'injected'); END;
  CREATE TRIGGER t2 AFTER INSERT ON entries WHEN NEW.text LIKE 'bad %'
    BEGIN SELECT RAISE(FAIL, 'injected'); END;
  CREATE TRIGGER t3 BEFORE UPDATE ON entries WHEN OLD.text LIKE 'kept %'
    BEGIN SELECT RAISE(ABORT, 'injected'); END;
  CREATE TRIGGER t4 BEFORE INSERT ON bans WHEN NEW.until = 13
    BEGIN SELECT RAISE(ABORT, 'injected'); END;
  CREATE TRIGGER t5 BEFORE UPDATE ON rooms WHEN NEW.name = 'jammed'
    BEGIN SELECT RAISE(ABORT, 'injected'); END;`;

Deno.test("journal sqlite refuses drafts for which a statement fails, whichever, and stores the others of the batch as if alone", async () => {
  const seed = chooseSeed();
  console.log(`seed ${seed}`);
  const random = new Random(seed);
  using place = makeFolder();
  using journal = place.open();
  using expected = new MemoryJournal();
  {
    using db = new DatabaseSync(`${place.folder}/journal.db`);
    db.exec(FAULTS);
  }
  for (const each of [journal, expected]) each.claimTag("lobby", ANN, "Ann");
  let [bad, n] = [0, 0];
  const isKept = new Set<number>();
  const make = (head: number): { draft: Draft; isBad: boolean } => {
    const isBad = random.next() < 0.1;
    const mark = isBad ? "bad" : "fine";
    const [id, text] = [`${++n}`, `${mark} ${n}`];
    const ref = random.integer(1, Math.max(1, head));
    switch (random.integer(0, 6)) {
      case 0:
        return { draft: byAnn(text, isBad ? text : id, { kind: "edit", ref }), isBad };
      case 1:
        return { draft: byAnn("", id, { kind: "delete", ref }), isBad: isKept.has(ref) };
      case 2: {
        const bans = [{ author: ANN, address: "", until: isBad ? 13 : 2e12 + n }];
        return { draft: byAnn("", id, { kind: "ban", ref, banned: BANNED, bans }), isBad };
      }
      case 3: {
        const room = isBad ? "jammed" : "lobby";
        return { draft: draft("", { room, kind: "close" }), isBad };
      }
      case 4:
        return { draft: draft(text), isBad };
      default:
        return { draft: byAnn(isBad ? `fine ${n}` : text, isBad ? `bad ${n}` : id), isBad };
    }
  };
  for (let batch = 0; batch < 100; batch++) {
    if (batch % 10 === 0) {
      const [kept] = await append(journal, [draft(`kept ${batch}`)]);
      await append(expected, [draft(`kept ${batch}`)]);
      isKept.add(kept!.seq);
    }
    const head = journal.head("lobby");
    const made = Array.from({ length: random.integer(1, 40) }, () => make(head));
    const results = await journal.append(made.map(({ draft }) => draft));
    const good = made.filter(({ isBad }) => !isBad).map(({ draft }) => draft);
    const alone = await append(expected, good);
    assertEquals(
      results.filter((_, i) => made[i]!.isBad).map((result) => (result as ChatError).code),
      made.filter(({ isBad }) => isBad).map(() => "internal"),
    );
    assertEquals(results.filter((_, i) => !made[i]!.isBad), alone);
    bad += made.length - good.length;
  }
  assert(bad > 50, "statements failed");
  const [read, wanted] = [journal, expected].map((each) => each.read("lobby", { after: 0 }, ALL));
  assertEquals(read, wanted);
  assertEquals(journal.bans(), expected.bans());
  assertEquals([journal.closedRooms(), journal.rooms()], [["lobby"], ["lobby"]]);
});

Deno.test("journal sqlite erases a message once, however often it is deleted", async () => {
  using place = makeFolder();
  using journal = place.open();
  using db = new DatabaseSync(`${place.folder}/journal.db`);
  db.exec(`CREATE TABLE erasures (seq INTEGER);
    CREATE TRIGGER counter AFTER UPDATE ON entries
      BEGIN INSERT INTO erasures VALUES (NEW.seq); END;`);
  journal.claimTag("lobby", ANN, "Ann");
  const edit = (n: number) => byAnn(`edit ${n}`, `e${n}`, { kind: "edit", ref: 1 });
  await append(journal, [byAnn("first", "1"), edit(1), edit(2)]);
  for (const id of ["a", "b", "c"]) {
    await append(journal, [byAnn("", id, { kind: "delete", ref: 1 }), edit(Number(`0x${id}`))]);
  }
  const erased = db.prepare("SELECT seq FROM erasures ORDER BY seq").all();
  assertEquals(erased.map(({ seq }) => seq), [1, 2, 3]);
  assert(journal.read("lobby", { after: 0 }, ALL).every(({ text }) => text === ""));
});

Deno.test("journal sqlite stores nothing of a batch while the disk is at fault, and goes on", async () => {
  using place = makeFolder();
  using journal = place.open();
  journal.claimTag("lobby", ANN, "Ann");
  await journal.append([byAnn("kept", "1")]);
  using other = new DatabaseSync(`${place.folder}/journal.db`);
  other.exec("BEGIN IMMEDIATE"); // as for a full disk, no transaction can be committed
  const failed = await assertRejects(
    () => journal.append([byAnn("2", "2"), byAnn("3", "3")]),
    ChatError,
  );
  assertEquals(failed.code, "not_stored");
  other.exec("ROLLBACK");
  assertEquals([journal.head("lobby"), journal.find("lobby", ANN, "2")], [1, undefined]);
  assertEquals((await append(journal, [byAnn("tried again", "2")]))[0]!.seq, 2);
  assertEquals(texts(journal, { after: 0 }), ["kept", "tried again"]);
});

Deno.test("journal sqlite keeps a tag that was claimed before the disk failed", async () => {
  using place = makeFolder();
  {
    using journal = place.open();
    assertEquals(journal.claimTag("lobby", "abcdefgh", "Ann"), "abcdef");
    const broken = byAnn("?", "1", { author: "abcdefgh" });
    Object.defineProperty(broken, "text", {
      get: () => {
        throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
      },
    });
    await assertRejects(() => journal.append([broken]), ChatError);
    assertEquals(journal.hasName("lobby", "abcdefgh", "Ann"), true);
    assertEquals(journal.tagOf("lobby", "abcdefgh"), "abcdef");
    assertEquals(journal.tagOf("lobby", "abcdefyz"), "abcdefy");
    assertEquals(journal.claimTag("lobby", "abcdefyz", "Ann"), "abcdefy");
    await journal.append([]);
  }
  using journal = place.open();
  assertEquals(journal.hasName("lobby", "abcdefgh", "Ann"), true);
  assertEquals(["abcdefgh", "abcdefyz"].map((author) => journal.tagOf("lobby", author)), [
    "abcdef",
    "abcdefy",
  ]);
});

Deno.test("journal sqlite keeps a cursor that was moved before a failed batch", async () => {
  using place = makeFolder();
  {
    using journal = place.open();
    journal.moveCursor("a", "lobby", 7);
    const stranger = draft("?", { author: "stranger", name: "Stranger", id: "1" });
    assertInstanceOf((await journal.append([stranger]))[0], ChatError);
    assertEquals(journal.cursor("a", "lobby"), 7);
    await journal.append([]);
    journal.moveCursor("a", "lobby", 9); // is not committed
  }
  using journal = place.open();
  assertEquals(journal.cursor("a", "lobby"), 7);
});

Deno.test("openSqliteJournal() migrates a file of version 1, and keeps its contents", async () => {
  using place = makeFolder();
  let epoch: string;
  {
    using journal = place.open();
    epoch = journal.epoch;
    await journal.append([draft("of old")]);
  }
  const db = new DatabaseSync(`${place.folder}/journal.db`);
  db.exec("DROP TABLE bans; ALTER TABLE rooms DROP COLUMN closed");
  db.exec("DROP TABLE cursors; DROP INDEX edits");
  toVersion4(db);
  db.exec("PRAGMA user_version = 1");
  db.close();
  {
    using journal = place.open();
    journal.moveCursor("a", "lobby", 1);
    await journal.append([draft("of now")]);
  }
  using journal = place.open();
  assertEquals([journal.epoch, journal.cursor("a", "lobby")], [epoch, 1]);
  assertEquals(texts(journal, { after: 0 }), ["of old", "of now"]);
});

/** Undoes the steps that follow version 4. */
function toVersion4(db: DatabaseSync): void {
  db.exec("DROP INDEX people_by_tag; DROP INDEX emoji; DROP INDEX reactions");
  db.exec(
    "DROP INDEX ending_ids; ALTER TABLE ids DROP COLUMN at; ALTER TABLE ids DROP COLUMN content",
  );
}

Deno.test("openSqliteJournal() keeps the ids of a file of version 4; those without a key end days later", async () => {
  using place = makeFolder();
  const CI = anonymousAuthor("ci");
  const byCi = (text: string, id: string, at = 1_790_000_000_000) =>
    draft(text, { author: CI, name: "ci", tag: "0000", id, at });
  {
    using journal = place.open();
    journal.claimTag("lobby", CI, "ci");
    journal.claimTag("lobby", ANN, "Ann");
    await journal.append([byCi("1", "1"), byCi("2", "2"), byAnn("3", "3")]);
    journal.prune("lobby", 1);
    await journal.append([]);
  }
  {
    using db = new DatabaseSync(`${place.folder}/journal.db`);
    toVersion4(db);
    db.exec("PRAGMA user_version = 4");
  }
  using journal = place.open();
  const now = Date.now();
  const drafts = [byCi("1", "1", now), byCi("other", "1", now), byCi("other", "2", now)];
  const results = await journal.append([...drafts, byAnn("other", "3")]);
  const answers = results.map((result) => result instanceof ChatError ? result.code : result.seq);
  assertEquals(answers, [1, 1, "id_taken", "id_taken"]);
  const end = now + KEYLESS_ID_MS + 60_000; // SQLite's clock counts seconds
  const results2 = await append(journal, [byCi("1", "1", end), byAnn("3", "3", { at: end })]);
  assertEquals(results2.map(({ seq }) => seq), [4, 3]);
});

Deno.test("openSqliteJournal() erases what was deleted in a file of version 3, and no trace of it is left", () => {
  using place = makeFolder();
  place.open()[Symbol.dispose]();
  const rows = [
    [1, 0, "kept", 0],
    [2, 0, "SECRET said ".repeat(500), 0],
    [3, 1, "SECRET edited", 2],
    [4, 1, "kept too", 1],
    [5, 2, "", 2],
    [6, 1, "SECRET edited later", 2],
    [7, 0, "SAID elsewhere", 2], // an answer
  ] as const;
  {
    using db = new DatabaseSync(`${place.folder}/journal.db`);
    db.exec("DROP INDEX edits; INSERT INTO rooms (name) VALUES ('lobby')");
    const insert = db.prepare(
      `INSERT INTO entries (room, seq, at, kind, text, ref, "on") VALUES (1, ?, 1, ?, ?, ?, 1)`,
    );
    for (const [seq, kind, text, ref] of rows) insert.run(seq, kind, text, ref);
    toVersion4(db);
    db.exec("PRAGMA user_version = 3");
  }
  assert(hasBytes(place.folder, "SECRET"));
  using journal = place.open();
  assertEquals(
    journal.read("lobby", { after: 0 }, ALL).map(({ text, on }) => `${text} ${on}`),
    ["kept true", " false", " false", "kept too true", " true", " false", "SAID elsewhere true"],
  );
  assert(!hasBytes(place.folder, "SECRET"));
});

Deno.test("journal sqlite leaves a deleted text in no file, also while somebody reads; a pruned one neither", async () => {
  using place = makeFolder();
  using journal = place.open();
  journal.claimTag("lobby", ANN, "Ann");
  const long = "SECRET ".repeat(2000);
  await journal.append([byAnn(long, "1"), byAnn("b", "2")]);
  await journal.append([byAnn(long, "3", { kind: "edit", ref: 1 })]);
  assert(hasBytes(place.folder, "SECRET"));
  await journal.append([byAnn("", "4", { kind: "delete", ref: 1 })]);
  assert(!hasBytes(place.folder, "SECRET"));
  // A reader holds back the WAL: the deletion does not wait for it, and the bytes go when it has ended.
  await journal.append([byAnn("SECOND SECRET", "5")]);
  using time = new FakeTime();
  const reader = new DatabaseSync(`${place.folder}/journal.db`);
  reader.exec("BEGIN; SELECT count(*) FROM entries");
  await journal.append([byAnn("", "6", { kind: "delete", ref: 5 })]);
  assert(hasBytes(place.folder, "SECOND SECRET"));
  reader.exec("COMMIT");
  reader.close();
  time.tick(10_000);
  assert(!hasBytes(place.folder, "SECOND SECRET"));
  // The hash of what was sent without a key is deleted as well.
  const CI = anonymousAuthor("ci");
  journal.claimTag("lobby", CI, "ci");
  const guess = draft("FOURTH SECRET", { author: CI, name: "ci", tag: "0000", id: "ci" });
  const [{ seq } = { seq: 0 }] = await append(journal, [guess]);
  assert(hasBytes(place.folder, hashContent(guess)));
  await journal.append([byAnn("", "ci deleted", { kind: "delete", ref: seq })]);
  time.tick(10_000);
  assert(!hasBytes(place.folder, hashContent(guess)));
  await journal.append([byAnn("THIRD SECRET", "7"), byAnn("h", "8")]);
  journal.prune("lobby", 9);
  await journal.append([byAnn("", "9", { kind: "delete", ref: 10 })]);
  time.tick(10_000);
  assert(!hasBytes(place.folder, "THIRD SECRET"));
});

Deno.test("journal sqlite shrinks the WAL that has grown while somebody read, on a busy server and on an idle one", async () => {
  for (const isBusy of [true, false]) {
    using place = makeFolder();
    using journal = place.open();
    const walMib = () => Deno.statSync(`${place.folder}/journal.db-wal`).size / 1024 / 1024;
    await append(journal, [draft("a")]);
    using time = new FakeTime();
    const reader = new DatabaseSync(`${place.folder}/journal.db`);
    reader.exec("BEGIN; SELECT count(*) FROM entries");
    for (let n = 0; n < 30; n++) {
      await append(journal, Array.from({ length: 100 }, () => draft("x".repeat(8_000))));
      time.tick(100);
    }
    assert(walMib() > 20);
    reader.exec("COMMIT");
    reader.close();
    if (isBusy) { for (let n = 0; n < 3; n++) await append(journal, [draft("b")]); }
    else time.tick(2_000);
    assert(walMib() <= 8, `${walMib()} MiB`);
    assertEquals(
      journal.read("lobby", { after: 0 }, { entries: 9_999, chars: 1e9 }).length,
      journal.head("lobby"),
    );
  }
});

for (const deleted of ["", "/journal.db", "/journal.db-wal"]) {
  Deno.test({
    name: `journal sqlite stores nothing after ${deleted || "its folder"} was deleted`,
    ignore: Deno.build.os === "windows", // open files cannot be deleted there
    async fn() {
      using place = makeFolder();
      const folder = `${place.folder}/data`;
      using journal = openSqliteJournal(folder);
      await append(journal, [draft("a")]);
      Deno.removeSync(`${folder}${deleted}`, { recursive: true });
      const failed = await assertRejects(() => journal.append([draft("lost")]), ChatError);
      assertEquals(failed.code, "not_stored");
      assert((failed.cause as Error).message.includes("was deleted"));
      assertEquals(texts(journal, { after: 0 }), ["a"]);
    },
  });
}

/** Whether a file of the folder contains the text. */
function hasBytes(folder: string, text: string): boolean {
  return [...Deno.readDirSync(folder)].some(({ name }) =>
    new TextDecoder("latin1").decode(Deno.readFileSync(`${folder}/${name}`)).includes(text)
  );
}

Deno.test("openSqliteJournal() refuses a folder that another process has locked", () => {
  using place = makeFolder();
  using _held = place.open();
  const error = assertThrows(() => place.open(), ChatError);
  assertEquals(error.code, "data_unavailable");
  assert(error.message.includes("another process uses it"), error.message);
});

Deno.test({
  name: "openSqliteJournal() refuses a locked folder whose lock file was deleted or replaced" +
    (CAN_LOCK_FOLDERS ? "" : " (ignored: this version of Deno or this system cannot lock folders)"),
  ignore: !CAN_LOCK_FOLDERS,
  async fn() {
    using place = makeFolder();
    const lock = `${place.folder}/journal.lock`;
    {
      using held = place.open();
      for (const replace of [() => {}, () => Deno.writeFileSync(lock, new Uint8Array())]) {
        Deno.removeSync(lock);
        replace();
        const error = assertThrows(() => place.open(), ChatError);
        assert(error.message.includes("another process uses it"), error.message);
      }
      await append(held, [draft("a")]);
      using reader = openSqliteReader(place.folder);
      assertEquals(texts(reader, { after: 0 }), ["a"]);
    }
    using again = place.open();
    assertEquals(texts(again, { after: 0 }), ["a"]);
  },
});

Deno.test("openSqliteJournal() and programs that lock the file itself exclude each other", async () => {
  using place = makeFolder();
  const file = () => new DatabaseSync(`${place.folder}/journal.db`);
  const lock =
    "PRAGMA busy_timeout = 1; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL";
  {
    using journal = place.open();
    await journal.append([draft("a")]);
    const other = file();
    assertThrows(() => other.exec(lock), Error, "locked");
    other.close();
  }
  const db = file();
  db.exec(`${lock}; BEGIN EXCLUSIVE; COMMIT`);
  const error = assertThrows(() => place.open(), ChatError);
  db.close();
  assert(error.message.includes("another process uses it"), error.message);
});

Deno.test("openSqliteReader() reads beside the process that has locked the folder, and takes no lock", async () => {
  using place = makeFolder();
  openSqliteJournal(place.folder)[Symbol.dispose]();
  using reader = openSqliteReader(place.folder);
  using journal = place.open();
  await journal.append([draft("a")]);
  assertEquals([texts(reader, { after: 0 }), reader.epoch], [["a"], journal.epoch]);
});

Deno.test("openSqliteReader() migrates a file of version 1 that no process uses", () => {
  using place = makeFolder();
  place.open()[Symbol.dispose]();
  const db = new DatabaseSync(`${place.folder}/journal.db`);
  db.exec(
    "DROP TABLE cursors; DROP TABLE bans; ALTER TABLE rooms DROP COLUMN closed; DROP INDEX edits",
  );
  toVersion4(db);
  db.exec("PRAGMA user_version = 1");
  db.close();
  using reader = openSqliteReader(place.folder);
  assertEquals(reader.cursor("a", "lobby"), undefined);
});

Deno.test("openSqliteJournal() refuses a damaged file, and leaves it as it is", async () => {
  for (const damage of ["head", "middle"]) {
    using place = makeFolder();
    {
      using journal = place.open();
      for (let n = 0; n < 50; n++) {
        await journal.append(Array.from({ length: 20 }, (_, i) => draft(`${n} ${i} `.repeat(20))));
      }
    }
    const path = `${place.folder}/journal.db`;
    const bytes = Deno.readFileSync(path);
    bytes.fill(0x55, damage === "head" ? 0 : bytes.length / 2, damage === "head" ? 100 : undefined);
    Deno.writeFileSync(path, bytes);
    const error = assertThrows(() => place.open(), ChatError);
    assertEquals(error.code, "data_unavailable");
    assert(error.message.includes("is damaged"), error.message);
    assertEquals(Deno.readFileSync(path), bytes);
  }
});

Deno.test("openSqliteJournal() refuses a file of a newer version or of another program", () => {
  for (
    const [sql, reason] of [
      ["PRAGMA user_version = 99", "newer than this program's"],
      ["PRAGMA application_id = 7", "created by another program"],
    ]
  ) {
    using place = makeFolder();
    place.open()[Symbol.dispose]();
    const db = new DatabaseSync(`${place.folder}/journal.db`);
    db.exec(sql!);
    db.close();
    assert(assertThrows(() => place.open(), ChatError).message.includes(reason!));
  }
});

Deno.test("openSqliteJournal() reports why a folder cannot be created", () => {
  using place = makeFolder();
  Deno.writeTextFileSync(`${place.folder}/file`, "");
  const error = assertThrows(() => openSqliteJournal(`${place.folder}/file`), ChatError);
  assertEquals(error.code, "data_unavailable");
  assert(error.message.startsWith("Cannot use data folder"));
});
