// One room while somebody is in it: its members, what they are sent, who they are. Owned and called by the hub's loop
// only; holds no entry, for what a reader has missed is in the journal.
import type { Journal, Range, ReadLimit } from "../journal/journal.ts";
import { shortestTag } from "../protocol/names.ts";
import type { Member, Person, Subscription } from "./subscription.ts";
import type { Stats } from "./stats.ts";
import type { Batch, Entry, Notice, Welcome, Wire } from "../protocol/message.ts";

/** What somebody who comes wants to see of the room's past. */
export interface ResumePoint {
  /** Resume behind this entry; undefined, or an entry that is not there, to start afresh. */
  readonly after: number | undefined;
  /** The epoch that `after` belongs to. */
  readonly epoch: string | undefined;
  /** Of what a resume brings, the last this many only. */
  readonly maxReplay: number;
  /** How many entries to start afresh with. */
  readonly history: number;
}

/** Some of a room's entries, as everybody there has been sent them. */
export interface Reading {
  readonly room: string;
  readonly epoch: string;
  /** Number of the newest entry. */
  readonly head: number;
  /** Number of the newest entry that is not kept. */
  readonly floor: number;
  /** Oldest first. */
  readonly entries: readonly Entry[];
}

/** A page of the journal, as it was when the room's newest entry was `head`. */
interface JournalPage {
  readonly batch: Batch;
  readonly head: number;
}

/** What {@linkcode Room.advance} has come to. */
export type Progress =
  /** At the head: from here on it gets each new batch. */
  | "live"
  /** It takes no more for now, and will ask. */
  | "full"
  /** It has taken a page, and there are more. */
  | "more"
  /** It needs what has been removed, and its wire has no word for that. */
  | "lost";

/**
 * A batch ends when it weighs this much, and so does a page of the journal: the characters of its texts, and what an
 * entry weighs besides. What a slow reader costs depends on it.
 */
const MAX_BATCH_CHARS = 64 * 1024;
const ENTRY_CHARS = 96;

/**
 * Pages of the journal end at multiples of this, so that readers who are at different places soon read the same ones.
 * Close to what `MAX_BATCH_CHARS` allows for short texts.
 */
const PAGE_ENTRIES = 512;

/** Pages kept for others who want the same while some lag. */
const MAX_PAGES = 16;

/** With more people than this in the room, presence says how many, not who. */
const MAX_PEOPLE_NAMED = 100;

/** Presence is told once in this time, however much changes. */
const PRESENCE_PERIOD_MS = 250;

/** Entries beyond those to be kept that may gather before they are removed: removing one by one costs more. */
const PRUNE_SLACK = 256;

export interface RoomOptions {
  readonly journal: Journal;
  /** Entries that are kept; 0 for all. */
  readonly keep: number;
  /** Largest text, for those who come to know. */
  readonly textBytes: number;
  readonly stats: Stats;
  /** Called some time after somebody came or went, for the loop to call {@linkcode Room.tellPresence}. */
  readonly onPresence: () => void;
}

export class Room {
  readonly name: string;
  readonly #journal: Journal;
  readonly #keep: number;
  readonly #textBytes: number;
  readonly #people = new Map<string, Person>();
  /** Members that get each new batch. */
  readonly #live = new Set<Subscription>();
  /** Members that had no room for one, or have just come. Nobody is in both sets. */
  readonly #lagging = new Set<Subscription>();
  /** What lagging members were given last, by wire and by the seq before it. */
  readonly #pages = new Map<Wire, Map<number, JournalPage>>();
  readonly #stats: Stats;
  #head: number;
  /** Members without a person. */
  #unnamed = 0;
  #presenceTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #onPresence: () => void;

  constructor(name: string, options: RoomOptions) {
    this.name = name;
    this.#journal = options.journal;
    this.#keep = options.keep;
    this.#textBytes = options.textBytes;
    this.#stats = options.stats;
    this.#head = options.journal.head(name);
    this.#onPresence = options.onPresence;
  }

  /** Number of the newest entry that was delivered to those who are live. */
  get head(): number {
    return this.#head;
  }

  get isEmpty(): boolean {
    return this.#live.size + this.#lagging.size === 0;
  }

  /** People who are there, named or not. */
  get peopleCount(): number {
    return this.#people.size + this.#unnamed;
  }

  /** Number of the newest entry that nobody who comes now is given. */
  get #floor(): number {
    return Math.max(this.#journal.floor(this.name), this.#keep > 0 ? this.#head - this.#keep : 0);
  }

  /** Entries that were delivered and are to be kept. */
  read(range: Range, limit: ReadLimit): Reading {
    const { name, head } = this;
    const floor = this.#floor;
    // Not beyond the head: what is not delivered yet is not there for anybody.
    const before = "before" in range ? Math.min(range.before, head + 1) : head + 1;
    const after = "after" in range ? Math.max(range.after, floor) : floor;
    const count = Math.min(limit.entries, before - after - 1);
    const bounded = "after" in range ? { after } : { before };
    const entries = count > 0
      ? this.#journal.read(name, bounded, { ...limit, entries: count })
      : [];
    return { room: name, epoch: this.#journal.epoch, head, floor, entries };
  }

  /** Tells who has just come where it stands, and gives it its place: {@linkcode advance} takes it from there. */
  welcome(
    subscription: Subscription,
    { after = Infinity, epoch, maxReplay, history }: ResumePoint,
    isClosed: boolean,
  ): void {
    const { name, head } = this;
    const { epoch: ours } = this.#journal;
    const floor = this.#floor;
    const resumed = (epoch ?? ours) === ours && after <= head;
    const { author, name: own, tag } = subscription.person ?? { author: "", name: "", tag: "" };
    const you = { name: own, tag: tag || (author && shortestTag(author)) };
    subscription.deliveredSeq = Math.max(floor, resumed ? after : head - history);
    const start = resumed ? after : subscription.deliveredSeq;
    const standing = { room: name, epoch: ours, head, you, resumed, after: start };
    subscription.notify({
      type: "welcome",
      ...standing,
      textBytes: this.#textBytes,
      ...isClosed ? { closed: true } : {},
      ...accountOf(subscription.member),
    });
    if (!resumed) return;
    if (after < floor) subscription.notify(makeGap(after, floor, "retention"));
    const least = Math.max(subscription.deliveredSeq, head - maxReplay);
    if (least > subscription.deliveredSeq) {
      subscription.notify(makeGap(subscription.deliveredSeq, least, "skipped"));
    }
    subscription.deliveredSeq = least;
  }

  /**
   * The author becomes one of the people here. Each call needs one of {@linkcode leave}. A name that is held back nobody is
   * told until {@linkcode nameAll}; who has one here keeps it.
   */
  addPerson(author: string, name: string, isHeldBack: boolean): Person {
    const tag = shortestTag(author);
    const person = this.#people.get(author) ?? { author, name: "", tag, connections: 0 };
    if (name !== "" && !isHeldBack) this.rename(person, name);
    else if (name !== "" && person.name === "") [person.name, person.tag] = [name, ""];
    this.#people.set(author, person);
    person.connections++;
    return person;
  }

  /** From now on the person says things under this name. */
  rename(person: Person, name: string): void {
    person.tag = this.#journal.claimTag(this.name, person.author, name);
    person.name = name;
    this.#changePresence();
  }

  /** Tells the names that were held back. Gives whether there were any. */
  nameAll(): boolean {
    const unnamed = [...this.#people.values()].filter(({ tag }) => tag === "");
    for (const person of unnamed) this.rename(person, person.name);
    return unnamed.length > 0;
  }

  /** Gives the member a place behind `deliveredSeq`. {@linkcode advance} takes it from there. */
  join(subscription: Subscription): void {
    this.#lagging.add(subscription);
    if (!subscription.person) this.#unnamed++;
    this.#changePresence();
  }

  /** Takes the member out, if it is in. */
  leave(subscription: Subscription): void {
    if (!this.#live.delete(subscription) && !this.#lagging.delete(subscription)) return;
    if (this.#lagging.size === 0) this.#pages.clear();
    const { person } = subscription;
    if (!person) this.#unnamed--;
    else if (--person.connections === 0) this.#people.delete(person.author);
    this.#changePresence();
  }

  /** Ends what the room does by itself. */
  close(): void {
    clearTimeout(this.#presenceTimer);
  }

  /** Sends entries that have just been committed to every live member. */
  deliver(entries: readonly Entry[]): void {
    for (const chunk of chunksOf(entries)) {
      const batches = new Map<Wire, Batch>();
      for (const subscription of this.#live) {
        const { wire } = subscription;
        let batch = batches.get(wire);
        if (!batch) batches.set(wire, batch = makeBatch(wire, chunk));
        // Skip rather than wait: one stalled phone must not delay the room (decision 0010).
        if (subscription.offer(batch)) continue;
        this.#live.delete(subscription);
        this.#lagging.add(subscription);
      }
      this.#stats.batchEntries.add(chunk.length);
      this.#stats.delivered += chunk.length * this.#live.size;
    }
    this.#head = entries.at(-1)!.seq;
  }

  /**
   * Offers the next page of what a lagging member has not taken. At the head, and in the same turn, it is live:
   * there is neither a hole nor a double between journal and live.
   */
  advance(subscription: Subscription): Progress {
    if (!this.#lagging.has(subscription)) return "live";
    const floor = this.#journal.floor(this.name);
    if (subscription.deliveredSeq < floor) {
      const gap = makeGap(subscription.deliveredSeq, floor, "retention");
      if (!subscription.canEncode(gap)) return "lost";
      subscription.notify(gap);
      subscription.deliveredSeq = floor;
    }
    if (subscription.deliveredSeq < this.#head) {
      const before = subscription.deliveredSeq;
      if (!subscription.offer(this.#page(subscription.wire, before))) return "full";
      this.#stats.delivered += subscription.deliveredSeq - before;
    }
    if (subscription.deliveredSeq < this.#head) return "more";
    this.#lagging.delete(subscription);
    this.#live.add(subscription);
    if (this.#lagging.size === 0) this.#pages.clear();
    if (subscription.person) subscription.notify(this.#presence());
    return "live";
  }

  /**
   * Removes what need not be kept. Members who lag hold it back, as far as the journal can afford; those that fall
   * behind further than that, and whose wire has no word for a gap, are returned.
   */
  prune(): Subscription[] {
    const keep = this.#keep;
    const floor = this.#journal.floor(this.name);
    const slack = Math.max(PRUNE_SLACK, keep >> 3);
    const unneeded = this.#head - keep;
    if (keep === 0 || unneeded - floor < slack) return [];
    let needed = unneeded;
    for (const subscription of this.#lagging) needed = Math.min(needed, subscription.deliveredSeq);
    const through = Math.max(needed, unneeded - this.#journal.maxHeld);
    if (through - floor < slack) return [];
    this.#journal.prune(this.name, through);
    const gap = makeGap(floor, through, "retention");
    return [...this.#lagging].filter((subscription) =>
      subscription.deliveredSeq < through && !subscription.canEncode(gap)
    );
  }

  /** Tells everybody who is here now. */
  notifyPresence(): void {
    this.#presenceTimer = undefined;
    this.notifyAll(this.#presence());
  }

  /** Tells all the people there but one. The same notice for all, so that it is encoded once. */
  notifyAll(notice: Notice, except?: Person): void {
    for (const subscriptions of [this.#live, this.#lagging]) {
      for (const subscription of subscriptions) {
        if (subscription.person && subscription.person !== except) subscription.notify(notice);
      }
    }
  }

  /** What follows `after`, read and encoded once for many. */
  #page(wire: Wire, after: number): Batch {
    let pages = this.#pages.get(wire);
    if (!pages) this.#pages.set(wire, pages = new Map());
    const known = pages.get(after);
    // Entries never change, but one that ended at the head would end too soon.
    if (known && (known.head === this.#head || known.batch.lastSeq < known.head)) {
      return known.batch;
    }
    const entries = PAGE_ENTRIES - after % PAGE_ENTRIES;
    const limit = { entries, chars: MAX_BATCH_CHARS };
    const batch = makeBatch(wire, this.#journal.read(this.name, { after }, limit));
    if (pages.size >= MAX_PAGES) pages.clear();
    pages.set(after, { batch, head: this.#head });
    return batch;
  }

  #presence(): Notice {
    const count = this.peopleCount;
    if (count > MAX_PEOPLE_NAMED) return { type: "presence", count };
    const people = [...this.#people.values()]
      .filter(({ name, tag }) => name !== "" && tag !== "")
      .map(({ name, tag }) => ({ name, tag }));
    return { type: "presence", count, people };
  }

  #changePresence(): void {
    this.#presenceTimer ??= setTimeout(this.#onPresence, PRESENCE_PERIOD_MS);
  }
}

/** What is offered to who has an account: that of a session, or of an operator. */
function accountOf({ principal }: Member): Pick<Welcome, "account"> {
  const { isOperator: operator = false, sessionId } = principal ?? {};
  return operator || sessionId !== undefined ? { account: { operator } } : {};
}

/** Says that the entries behind `after`, up to and including `to`, do not come. */
function makeGap(after: number, to: number, reason: "retention" | "skipped"): Notice {
  return { type: "gap", from: after + 1, to, count: to - after, reason };
}

function makeBatch(wire: Wire, entries: readonly Entry[]): Batch {
  return { lastSeq: entries.at(-1)!.seq, frame: wire.encode(entries) };
}

/** The entries in parts of about `MAX_BATCH_CHARS`, usually one. */
function* chunksOf(entries: readonly Entry[]): Generator<readonly Entry[]> {
  let start = 0;
  let chars = 0;
  for (let end = 1; end <= entries.length; end++) {
    chars += entries[end - 1]!.text.length + ENTRY_CHARS;
    if (chars < MAX_BATCH_CHARS && end < entries.length) continue;
    yield start === 0 && end === entries.length ? entries : entries.slice(start, end);
    start = end;
    chars = 0;
  }
}
