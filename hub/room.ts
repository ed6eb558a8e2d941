// A room exists while it has members. It knows who they are, and delivers entries to them: new ones at once, missed ones
// from the journal. It holds no entries itself. Owned and called by the hub's loop only.
import { Bucket, type Rate } from "../base/rate_limit.ts";
import { type Journal, type Range, readHistory, type ReadLimit } from "../journal/journal.ts";
import type { Member, Person, Subscription } from "./subscription.ts";
import type { Stats } from "./stats.ts";
import type { Batch, Entry, Notice, Welcome, Wire } from "../protocol/message.ts";

/** The part of the room's past that a joining member asks for. */
export interface ResumePoint {
  /** Resumes behind this entry. Undefined, or an entry that does not exist, starts afresh. */
  readonly after: number | undefined;
  /** The epoch that `after` belongs to. */
  readonly epoch: string | undefined;
  /** Maximum number of entries that a resume replays: the last ones. */
  readonly maxReplay: number;
  /** Number of entries to start afresh with. */
  readonly history: number;
}

/** Part of a room's history, as far as it was delivered. */
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

/** Result of {@linkcode Room.advance}. */
export type Progress =
  /** The member is at the head. From now on it receives each new batch. */
  | "live"
  /** The member has no room. It asks again when it has. */
  | "full"
  /** The member has accepted a page, and there are more. */
  | "more"
  /** The member needs entries that retention has removed, and its protocol cannot announce a gap. */
  | "lost";

/**
 * Maximum size of a batch and of a page of the journal: the characters of its texts, plus a fixed number for each entry.
 * The memory that a slow reader costs depends on it.
 */
const MAX_BATCH_CHARS = 64 * 1024;
const ENTRY_CHARS = 96;

/**
 * Pages of the journal end at multiples of this number, so that readers at different positions soon share the same pages.
 * Close to the limit that `MAX_BATCH_CHARS` sets for short texts.
 */
const PAGE_ENTRIES = 512;

/** Pages kept for other lagging members that need the same ones. */
const MAX_PAGES = 16;

/** Maximum number of people that presence names. Above it, presence is only their number. */
const MAX_PEOPLE_NAMED = 100;

/** Rate of typing notices in a room. Each goes to everybody there, and nobody can read more of them. */
const TYPING_RATE: Rate = { perS: 10, burst: 20 };

/** Minimum number of entries to remove at once. Removing them one by one costs more. */
const PRUNE_SLACK = 256;

export interface RoomOptions {
  readonly journal: Journal;
  /** Entries to keep; 0 for all. */
  readonly keep: number;
  /** Maximum size of a text in bytes of UTF-8. Sent to members that join. */
  readonly textBytes: number;
  readonly stats: Stats;
}

export class Room {
  readonly name: string;
  readonly #journal: Journal;
  readonly #keep: number;
  readonly #textBytes: number;
  readonly #people = new Map<string, Person>();
  /** Authors of the people here by their tags. */
  readonly #tagHolders = new Map<string, string>();
  /** Members that receive each new batch. */
  readonly #live = new Set<Subscription>();
  /** Members that had no room for a batch, or have just joined. No member is in both sets. */
  readonly #lagging = new Set<Subscription>();
  /** Pages that lagging members received last, by protocol and by the seq before them. */
  readonly #pages = new Map<Wire, Map<number, JournalPage>>();
  readonly #stats: Stats;
  #head: number;
  /** Members without a person. */
  #unnamed = 0;
  readonly #typing = new Bucket(TYPING_RATE);

  constructor(name: string, options: RoomOptions) {
    this.name = name;
    this.#journal = options.journal;
    this.#keep = options.keep;
    this.#textBytes = options.textBytes;
    this.#stats = options.stats;
    this.#head = options.journal.head(name);
  }

  /** Number of the newest entry that was delivered to live members. */
  get head(): number {
    return this.#head;
  }

  get isEmpty(): boolean {
    return this.#live.size + this.#lagging.size === 0;
  }

  /** Number of people in the room, named or not. */
  get peopleCount(): number {
    return this.#people.size + this.#unnamed;
  }

  /** Number of the newest entry that a new reader does not receive. */
  get #floor(): number {
    return Math.max(this.#journal.floor(this.name), this.#keep > 0 ? this.#head - this.#keep : 0);
  }

  /** Reads entries that were delivered and are within retention. In a `page` of history they have their last edit. */
  read(range: Range, limit: ReadLimit, as: "entries" | "page" = "entries"): Reading {
    const { name, head } = this;
    const floor = this.#floor;
    // Not beyond the head: entries that are not delivered yet do not exist for anybody.
    const before = "before" in range ? Math.min(range.before, head + 1) : head + 1;
    const after = "after" in range ? Math.max(range.after, floor) : floor;
    const count = Math.min(limit.entries, before - after - 1);
    const bounded = "after" in range ? { after } : { before };
    const wanted = { range: bounded, limit: { ...limit, entries: count } };
    const entries = count <= 0
      ? []
      : as === "page"
      ? readHistory(this.#journal, name, wanted)
      : this.#journal.read(name, wanted.range, wanted.limit);
    return { room: name, epoch: this.#journal.epoch, head, floor, entries };
  }

  /** Welcomes a member, and sets the position from which {@linkcode advance} serves it. */
  welcome(
    subscription: Subscription,
    { after = Infinity, epoch, maxReplay, history }: ResumePoint,
    isClosed: boolean,
  ): void {
    const { name, head } = this;
    const { epoch: ours } = this.#journal;
    const floor = this.#floor;
    const resumed = (epoch ?? ours) === ours && after <= head;
    const { name: own, ownTag: tag } = subscription.person ?? { name: "", ownTag: "" };
    const you = { name: own, tag };
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
   * Adds a connection of an author. Each call needs one of {@linkcode leave}. A name that is held back is not announced
   * until {@linkcode nameAll}; a person that already has a name keeps it.
   */
  addPerson(author: string, name: string, isHeldBack: boolean): Person {
    const person = this.#people.get(author) ?? this.#makePerson(author);
    if (name !== "" && !isHeldBack) this.rename(person, name);
    else if (name !== "" && person.name === "") [person.name, person.tag] = [name, ""];
    this.#people.set(author, person);
    this.#tagHolders.set(person.ownTag, author);
    person.connections++;
    return person;
  }

  #makePerson(author: string): Person {
    const tag = this.#tagOf(author);
    return { author, name: "", tag, ownTag: tag, isClaimed: false, connections: 0 };
  }

  /** Returns the author's tag in this room, and claims it for a message under this name. */
  claimTag(author: string, name: string): string {
    return this.#journal.claimTag(this.name, author, name, this.#tagOf(author));
  }

  /** Returns the author's tag in this room, claimed or to be claimed: none that somebody here has. */
  #tagOf(author: string): string {
    return this.#people.get(author)?.ownTag ??
      this.#journal.tagOf(this.name, author, (tag) => this.#tagHolders.has(tag));
  }

  /**
   * Changes the name under which the person sends messages. Stores nothing: the tag is claimed with the first message, so
   * that people who only come and go leave nothing behind.
   */
  rename(person: Person, name: string): void {
    if (person.name === name && person.tag !== "") return; // another connection of the same person
    person.isClaimed = this.#journal.hasName(this.name, person.author, name);
    person.tag = person.ownTag;
    person.name = name;
  }

  /** Announces the names that were held back. Returns whether there were any. */
  nameAll(): boolean {
    const unnamed = [...this.#people.values()].filter(({ tag }) => tag === "");
    for (const person of unnamed) this.rename(person, person.name);
    return unnamed.length > 0;
  }

  /** Adds a member behind its `deliveredSeq`. {@linkcode advance} serves it from there. */
  join(subscription: Subscription): void {
    this.#lagging.add(subscription);
    if (!subscription.person) this.#unnamed++;
  }

  /** Removes the member, if it is in the room. */
  leave(subscription: Subscription): void {
    if (!this.#live.delete(subscription) && !this.#lagging.delete(subscription)) return;
    if (this.#lagging.size === 0) this.#pages.clear();
    const { person } = subscription;
    if (!person) this.#unnamed--;
    else if (--person.connections === 0) {
      this.#people.delete(person.author);
      this.#tagHolders.delete(person.ownTag);
    }
  }

  /** Sends entries that have just been committed to every live member. */
  deliver(entries: readonly Entry[]): void {
    // A kept page may contain what was deleted.
    if (this.#pages.size > 0 && entries.some(({ kind }) => kind === "delete")) this.#pages.clear();
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
   * Offers a lagging member the next page that it has not received. A new member, a slow one and a returning one are the same
   * case. At the head it goes live in the same iteration, so that nothing is missing or doubled between journal and live.
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
   * Removes entries beyond retention. Lagging members delay that, as far as the journal can afford. Returns the members
   * that are further behind and whose protocol cannot announce a gap.
   */
  prune(
    { minimum = Math.max(PRUNE_SLACK, this.#keep >> 3), maxHeld = this.#journal.maxHeld } = {},
  ): Subscription[] {
    const keep = this.#keep;
    const floor = this.#journal.floor(this.name);
    const unneeded = this.#head - keep;
    if (keep === 0 || unneeded - floor < minimum) return [];
    let needed = unneeded;
    for (const subscription of this.#lagging) needed = Math.min(needed, subscription.deliveredSeq);
    const through = Math.max(needed, unneeded - maxHeld);
    if (through - floor < minimum) return [];
    this.#journal.prune(this.name, through);
    const gap = makeGap(floor, through, "retention");
    return [...this.#lagging].filter((subscription) =>
      subscription.deliveredSeq < through && !subscription.canEncode(gap)
    );
  }

  /** Notifies the others that this person is typing, unless many others are. */
  notifyTyping(person: Person): void {
    const { name, tag } = person;
    if (name === "" || tag === "" || !this.#typing.take(performance.now())) return;
    this.notifyAll({ type: "typing", from: { name, tag } }, person);
  }

  /** Notifies all people of who is in the room. The hub decides when. */
  notifyPresence(): void {
    this.notifyAll(this.#presence());
  }

  /** Notifies all people but one. They get the same notice object, so that it is encoded once. */
  notifyAll(notice: Notice, except?: Person): void {
    for (const subscriptions of [this.#live, this.#lagging]) {
      for (const subscription of subscriptions) {
        if (subscription.person && subscription.person !== except) subscription.notify(notice);
      }
    }
  }

  /** Returns the page that follows `after`, read and encoded once for many members. */
  #page(wire: Wire, after: number): Batch {
    let pages = this.#pages.get(wire);
    if (!pages) this.#pages.set(wire, pages = new Map());
    const known = pages.get(after);
    // Only a deletion changes entries, and it drops the pages. A page that ended at the old head would now end too soon.
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
}

/** Returns the account of a member that has signed in or is an operator. */
function accountOf({ principal }: Member): Pick<Welcome, "account"> {
  const { isOperator: operator = false, sessionId } = principal ?? {};
  return operator || sessionId !== undefined ? { account: { operator } } : {};
}

/** Returns a notice that the entries behind `after`, up to and including `to`, are not sent. */
function makeGap(after: number, to: number, reason: "retention" | "skipped"): Notice {
  return { type: "gap", from: after + 1, to, count: to - after, reason };
}

function makeBatch(wire: Wire, entries: readonly Entry[]): Batch {
  return { lastSeq: entries.at(-1)!.seq, frame: wire.encode(entries) };
}

/** Splits entries into parts of about `MAX_BATCH_CHARS`, usually one. */
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
