// Random schedules of the hub, its journal and members without sockets, compared with what the promises allow. Time is
// virtual. The seed is printed; CONFAB_SEED runs it again, CONFAB_RUNS (10000 for a long run) says how often.
import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import fc from "fast-check";
import { setImmediate as nextTurn } from "node:timers/promises";
import { ChatError, type ErrorCode } from "../protocol/errors.ts";
import { Hub } from "../hub.ts";
import type { AppendResult, Draft, Journal } from "../journal/journal.ts";
import { MemoryJournal } from "../journal/memory.ts";
import { openSqliteJournal } from "../journal/sqlite/sqlite_journal.ts";
import type { Log } from "../base/log.ts";
import type { Member } from "../hub/subscription.ts";
import { JSON_LINES } from "../protocol/confab_v1.ts";
import type { Batch, Entry, Message, Notice, Wire } from "../protocol/message.ts";
import { LINES } from "../protocol/plain_lines.ts";

const ROOMS = ["lobby", "kitchen"];
const AUTHORS = ["ann0author", "ben0author", "cat0author"];
const KEEP = 40;

/** How many entries beyond those the journal holds back for who lags: few, so that it happens. */
const MAX_HELD = 400;

type Step =
  | { do: "arrive"; who: number; room: number; back: number; maxReplay: number; space: number }
  | { do: "join"; room: number; space: number }
  | { do: "say"; member: number; id: number; count: number; isOther: boolean }
  | { do: "edit"; member: number; id: number; back: number; isOther: boolean }
  | { do: "delete"; member: number; id: number; back: number }
  | { do: "space"; member: number; space: number }
  | { do: "leave"; member: number }
  | { do: "disk"; isFull: boolean }
  | { do: "rename"; member: number }
  | { do: "crash" }
  | { do: "pass"; turns: number; ms: number };

const index = fc.nat({ max: 20 });
/** Whether a message has another text than others with its id. */
const rarely = fc.nat({ max: 4 }).map((n) => n === 0);
const space = fc.oneof(fc.constant(0), fc.nat({ max: 4 }), fc.constant(1000));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("arrive" as const),
      who: fc.nat({ max: 2 }),
      room: fc.nat({ max: 1 }),
      back: fc.integer({ min: -2, max: 500 }),
      maxReplay: fc.oneof(fc.constant(Infinity), fc.nat({ max: 60 })),
      space,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("join" as const), room: fc.nat({ max: 1 }), space }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("say" as const),
      member: index,
      id: fc.nat({ max: 400 }),
      count: fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 200 })),
      isOther: rarely,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("edit" as const),
      member: index,
      id: fc.nat({ max: 30 }),
      back: fc.nat({ max: 60 }),
      isOther: rarely,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("delete" as const),
      member: index,
      id: fc.nat({ max: 30 }),
      back: fc.nat({ max: 60 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("space" as const), member: index, space }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), member: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("disk" as const), isFull: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("rename" as const), member: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("crash" as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("pass" as const),
      turns: fc.nat({ max: 5 }),
      ms: fc.nat({ max: 300 }),
    }),
  },
);

/** A journal that commits some turns later, may be full, and dies with the process. */
class Disk {
  readonly journal: Journal;
  readonly maxHeld = MAX_HELD;
  isFull = false;

  constructor(journal: Journal) {
    this.journal = journal;
  }

  /** What one process has of it. */
  open(): Journal & { die(): void } {
    let isDead = false;
    const { journal } = this;
    const append = async (drafts: readonly Draft[]): Promise<AppendResult[]> => {
      for (let n = 0; n < drafts.length % 4; n++) await nextTurn();
      if (isDead) return new Promise(() => {});
      if (this.isFull) throw new ChatError("not_stored", { cause: "disk full" });
      return journal.append(drafts);
    };
    return {
      epoch: journal.epoch,
      maxHeld: MAX_HELD,
      usage: journal.usage,
      reserve: (room, message) => journal.reserve(room, message),
      append,
      head: (room) => journal.head(room),
      floor: (room) => journal.floor(room),
      read: (room, range, limit) => journal.read(room, range, limit),
      lastEdits: (room, first, last) => journal.lastEdits(room, first, last),
      find: (room, author, id) => journal.find(room, author, id),
      prune: (room, through) => journal.prune(room, through),
      claimTag: (...args) => journal.claimTag(...args),
      tagOf: (...args) => journal.tagOf(...args),
      hasName: (...args) => journal.hasName(...args),
      reactions: (...args) => journal.reactions(...args),
      rooms: () => journal.rooms(),
      cursor: (reader, room) => journal.cursor(reader, room),
      moveCursor: (reader, room, seq) => journal.moveCursor(reader, room, seq),
      closedRooms: () => journal.closedRooms(),
      bans: () => journal.bans(),
      die: () => isDead = true,
      [Symbol.dispose]() {},
    };
  }
}

/** A member that takes what it has space for, asks as a client does, and checks what it is given. */
class Witness implements Member {
  readonly wire: Wire;
  readonly room: string;
  readonly author: string;
  readonly world: World;
  space: number;
  isLagging = false;
  isClosed = false;
  /** The newest entry that it knows of; undefined before the welcome, or for who speaks lines. */
  seq: number | undefined;
  texts: string[] = [];
  /** Ids said and not answered yet. */
  readonly unanswered: string[] = [];
  /** Everything said with an id. */
  readonly said = new Map<string, Set<string>>();

  constructor(world: World, room: string, options: { author: string; space: number }) {
    this.world = world;
    this.room = room;
    this.author = options.author;
    this.wire = options.author ? JSON_LINES : LINES;
    this.space = options.space;
  }

  trySend(batch: Batch): boolean {
    assert(!this.isLagging, "a batch for a member that has not asked");
    if (this.space === 0) {
      this.isLagging = true;
      return false;
    }
    this.space--;
    assert(batch.lastSeq <= this.world.durableHead(this.room), "delivered before it was stored");
    const lines = batch.frame?.text.split("\n") ?? [];
    if (this.wire === LINES) this.texts.push(...lines);
    else for (const line of lines) this.#take(JSON.parse(line));
    for (const { kind, ref } of this.wire === LINES ? [] : lines.map((line) => JSON.parse(line))) {
      if (kind === "delete") this.world.gone.add(`${this.room} ${ref}`);
    }
    return true;
  }

  #take(
    { seq, kind, text, ref, deleted }: {
      seq: number;
      kind: Entry["kind"];
      text?: string;
      ref?: number;
      deleted?: boolean;
    },
  ): void {
    assertEquals(seq, this.seq! + 1, "a hole, a double, or out of order");
    this.seq = seq;
    if (kind === "say") this.world.witness(this.room, seq, text!, deleted);
    this.world.checkGone(this.room, { seq, kind, text: text ?? "", ref: ref ?? 0 });
  }

  notify(notice: Notice): void {
    for (const { id, seq } of notice.type === "acks" ? notice.acks : []) {
      assert(seq <= this.world.durableHead(this.room), "acknowledged before it was stored");
      this.world.acknowledge(this, id, seq);
      const content = this.world.contentOf(this, id);
      assert(!content || this.said.get(id)!.has(content), "acknowledged what was not said");
      this.#answer(id);
    }
    if (notice.type === "error" && notice.id !== undefined) {
      const content = notice.code === "id_taken" && this.world.contentOf(this, notice.id);
      const isRepeat = content && this.said.get(notice.id)!.isSubsetOf(new Set([content]));
      assert(!isRepeat, "a repeat was refused");
      this.#answer(notice.id);
    }
    if (notice.type === "gap") {
      assertEquals(notice.from, this.seq! + 1);
      assertEquals(notice.count, notice.to - notice.from + 1);
      this.seq = notice.to;
    }
  }

  #answer(id: string): void {
    const place = this.unanswered.indexOf(id);
    assert(place >= 0, "answered what was not said");
    this.unanswered.splice(place, 1);
  }

  close(code?: ErrorCode): void {
    assert(!this.isClosed, "closed twice");
    this.isClosed = true;
    const allowed = [undefined, "restarting", "fell_behind", "not_stored"];
    assert(allowed.includes(code), `closed with ${code}`);
    assert(code !== "fell_behind" || this.wire === LINES, "a gap would have done");
  }
}

/** The hub under test, and the little that must be true of it. */
class World {
  readonly disk: Disk;
  readonly time = new FakeTime(0);
  members: Witness[] = [];
  /** For each room, what is known of an entry by its seq. */
  readonly #texts = new Map<string, string>();
  /** Messages whose deletion somebody was told. */
  readonly gone = new Set<string>();
  readonly #acks = new Map<string, number>();
  readonly #faults: unknown[] = [];
  #texted = 0;
  #journal: ReturnType<Disk["open"]>;
  #hub: Hub;
  #running: Promise<void>;

  constructor(journal: Journal) {
    this.disk = new Disk(journal);
    this.#journal = this.disk.open();
    this.#hub = this.#start();
    this.#running = this.#hub.run();
  }

  durableHead(room: string): number {
    return this.disk.journal.head(room);
  }

  /** Everybody must see the same text at the same place, or none once it is deleted. */
  witness(room: string, seq: number, text: string, isDeleted = false): void {
    const key = `${room} ${seq}`;
    assert(text !== "" || isDeleted, `no text at ${key}`);
    if (isDeleted) return assertEquals(text, "", `a deleted text at ${key}`);
    assertEquals(text, this.#texts.get(key) ?? text, `two texts at ${key}`);
    this.#texts.set(key, text);
  }

  /** No text may be sent after the deletion of its message was. */
  checkGone(room: string, { seq, kind, text, ref }: Pick<Entry, "seq" | "kind" | "text" | "ref">) {
    if (kind !== "say" && kind !== "edit") return;
    if (this.gone.has(`${room} ${kind === "say" ? seq : ref}`)) assertEquals(text, "");
  }

  /** The same id of the same author has one seq, for ever. */
  acknowledge({ room, author }: Witness, id: string, seq: number): void {
    const key = `${room} ${author} ${id}`;
    assertEquals(seq, this.#acks.get(key) ?? seq, `two seqs for ${key}`);
    this.#acks.set(key, seq);
  }

  /** Returns the content of an author's message, as {@linkcode describe} does; undefined if it is not kept. */
  contentOf({ room, author }: Witness, id: string): string | undefined {
    const { seq = 0 } = this.disk.journal.find(room, author, id) ?? {};
    const [entry] = this.disk.journal.read(room, { after: seq - 1 }, { entries: 1, chars: 1 });
    return entry?.seq === seq && entry.on ? describe(entry) : undefined;
  }

  async act(step: Step): Promise<void> {
    const present = this.members.filter((member) => !member.isClosed);
    const member = "member" in step ? present[step.member % present.length] : undefined;
    switch (step.do) {
      case "arrive":
        return this.#arrive(step);
      case "join": {
        const joined = new Witness(this, ROOMS[step.room]!, { author: "", space: step.space });
        this.members.push(joined);
        return this.#hub.register(joined, joined.room);
      }
      case "say":
        for (let n = 0; member && n < step.count; n++) {
          const id = `${step.id + n}`;
          this.#say(member, id, { text: this.#text(member, id, step.isOther) });
        }
        return;
      case "edit": {
        if (!member?.author) return;
        const ref = Math.max(1, this.durableHead(member.room) - step.back);
        const id = `edit ${step.id}`;
        return this.#say(member, id, {
          kind: "edit",
          ref,
          text: this.#text(member, id, step.isOther),
        });
      }
      case "delete": {
        if (!member?.author) return;
        const ref = Math.max(1, this.durableHead(member.room) - step.back);
        return this.#say(member, `delete ${step.id}`, { kind: "delete", ref, text: "" });
      }
      case "space":
        if (!member) return;
        member.space = step.space;
        return this.#ask(member);
      case "leave":
        return member && this.#hub.unregister(member);
      case "rename":
        return member?.author ? this.#hub.rename(member, `name ${++this.#texted % 3}`) : undefined;
      case "disk":
        this.disk.isFull = step.isFull;
        return;
      case "crash":
        return this.#crash();
      case "pass":
        for (let n = 0; n < step.turns; n++) await nextTurn();
        return this.time.tick(step.ms);
    }
  }

  #arrive({ who, room: roomIndex, back, maxReplay, space }: Step & { do: "arrive" }): void {
    const [author, room] = [AUTHORS[who]!, ROOMS[roomIndex]!];
    const witness = new Witness(this, room, { author, space });
    const wish = this.durableHead(room) - back;
    const after = back > 400 ? undefined : wish < 0 ? Infinity : wish;
    const { epoch } = this.disk.journal;
    witness.notify = (notice) => {
      // The first word. The journal may have grown since the member asked.
      assert(notice.type === "welcome");
      const floor = Math.max(this.disk.journal.floor(room), notice.head - KEEP);
      assertEquals(notice.head, this.durableHead(room));
      witness.seq = notice.resumed ? after : Math.max(floor, notice.head - 10, 0);
      if (after === undefined) assert(!notice.resumed);
      else assertEquals(notice.resumed, after <= notice.head);
      witness.notify = Witness.prototype.notify;
    };
    this.members.push(witness);
    const name = author.slice(0, 3);
    this.#hub.register(witness, room, { author, name, after, epoch, maxReplay, history: 10 });
  }

  /** The text that goes with an id, or another one. It is nobody else's, so that it shows which message it is. */
  #text({ author }: Witness, id: string, isOther: boolean): string {
    return author && !isOther ? `text of ${author} ${id}` : `text ${++this.#texted}`;
  }

  #say(member: Witness, id: string, more: Partial<Message> & { text: string }): void {
    const message: Message = {
      kind: "say",
      id: member.author ? id : "",
      ref: 0,
      on: true,
      ...more,
    };
    if (member.author) {
      member.unanswered.push(id);
      const said = member.said.get(id);
      if (said) said.add(describe(message));
      else member.said.set(id, new Set([describe(message)]));
    }
    this.#hub.broadcast(member, message);
  }

  #ask(member: Witness): void {
    if (!member.isLagging || member.space === 0) return;
    member.isLagging = false;
    this.#hub.catchUp(member);
  }

  /** The process ends at once; what was not committed is gone, and so is everybody. */
  #crash(): void {
    this.#journal.die();
    for (const member of this.members) {
      member.isClosed = true;
      member.trySend = () => true;
      member.notify = member.close = () => {};
    }
    this.members = [];
    this.#hub.close("restarting");
    this.#journal = this.disk.open();
    this.#hub = this.#start();
    this.#running = this.#hub.run();
  }

  #start(): Hub {
    // The hub shields itself from members that throw: what a witness has found is only logged.
    const log: Log = (_level, event, fields) => {
      if (event !== "append failed") this.#faults.push(fields?.["error"]);
    };
    return new Hub({ journal: this.#journal, keep: KEEP, log });
  }

  /** @throws what a witness has found. */
  check(): void {
    if (this.#faults.length > 0) throw this.#faults[0];
  }

  /** Gives everybody space and the disk room, until nothing moves; then everybody must have everything. */
  async end(): Promise<void> {
    this.disk.isFull = false;
    for (let quiet = 0; quiet < 12; quiet++) {
      for (const member of this.members) {
        if (member.isLagging) quiet = 0;
        member.space = 1000;
        if (!member.isClosed) this.#ask(member);
        else member.isLagging = false;
      }
      await nextTurn();
    }
    for (const room of ROOMS) {
      const entries = this.disk.journal.read(room, { after: 0 }, { entries: 1e6, chars: 1e9 });
      const floor = this.disk.journal.floor(room);
      assertEquals(entries.map(({ seq }) => seq), entries.map((_, n) => floor + n + 1));
      const deleted = new Set(
        entries.filter(({ kind }) => kind === "delete").map(({ ref }) => ref),
      );
      for (const { seq, kind, text, ref, on } of entries) {
        if (kind === "say") this.witness(room, seq, text, !on);
        if (kind === "say" || kind === "edit") {
          assertEquals(on, !deleted.has(kind === "say" ? seq : ref), `${room} ${seq}`);
          assertEquals(text === "", !on);
        }
      }
      const ids = entries.filter(({ id }) => id).map(({ author, id }) => `${author} ${id}`);
      assertEquals(new Set(ids).size, ids.length, "an id twice");
      for (const member of this.members) this.#checkAtEnd(member, room, entries);
    }
    for (const [key, seq] of this.#acks) {
      const [room, author, ...id] = key.split(" ");
      const known = this.disk.journal.find(room!, author!, id.join(" "));
      assertEquals(known?.seq, seq, "an ack was untrue");
    }
  }

  #checkAtEnd(
    member: Witness,
    room: string,
    entries: readonly { kind: string; text: string; name: string }[],
  ) {
    if (member.room !== room || member.isClosed) return;
    if (member.author) {
      assertEquals(member.seq, this.durableHead(room), "not everything has come");
      assertEquals(member.unanswered, [], "said and neither acknowledged nor refused");
      return;
    }
    const shown = LINES.encode(entries as never)?.text.split("\n") ?? [];
    // A line that was deleted since may have been received, or not.
    const hasDeletions = entries.some(({ kind }) => kind === "delete");
    const texts = member.texts.filter((line) => !hasDeletions || shown.includes(line));
    const common = Math.min(shown.length, texts.length);
    assertEquals(texts.slice(-common || Infinity), shown.slice(-common || Infinity));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#hub.close("restarting");
    await this.#running;
    this.time.restore();
  }
}

function describe({ kind, text, ref }: Message): string {
  return `${kind} ${ref} ${text}`;
}

async function runSchedule(steps: readonly Step[], openJournal: () => Journal): Promise<void> {
  using journal = openJournal();
  await using world = new World(journal);
  for (const step of steps) {
    await world.act(step);
    world.check();
  }
  await world.end();
  world.check();
}

const JOURNALS: Record<string, { open: (folder: string) => Journal; share: number }> = {
  memory: { open: () => new MemoryJournal(), share: 1 },
  sqlite: { open: openSqliteJournal, share: 0.2 },
};

for (const [name, { open, share }] of Object.entries(JOURNALS)) {
  Deno.test(`model: hub and ${name} journal keep the promises under random schedules`, async () => {
    const seed = Number(Deno.env.get("CONFAB_SEED") ?? Math.trunc(Math.random() * 2 ** 31));
    const numRuns = Math.ceil(Number(Deno.env.get("CONFAB_RUNS") ?? 300) * share);
    console.log(`seed ${seed}, ${numRuns} schedules`);
    const root = Deno.makeTempDirSync({ prefix: "confab-model-" });
    let folders = 0;
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 1, maxLength: 80, size: "max" }),
          (steps) => runSchedule(steps, () => open(`${root}/${++folders}`)),
        ),
        { seed, numRuns },
      );
    } finally {
      Deno.removeSync(root, { recursive: true });
    }
  });
}
