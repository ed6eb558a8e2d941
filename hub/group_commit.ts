// Group commit: collects the messages of one loop iteration, authorizes them, stores them in one transaction, then delivers
// and acknowledges them. Owned by the hub; the only caller of `Journal.append`.
import type { Log } from "../base/log.ts";
import {
  type AppendResult,
  type Draft,
  isRepeat,
  type Journal,
  type KnownId,
  type Reactions,
  readEntry,
} from "../journal/journal.ts";
import { hashContent } from "../protocol/content_hash.ts";
import { ChatError, type ErrorCode } from "../protocol/errors.ts";
import type { Ack, Entry, Message } from "../protocol/message.ts";
import { authorize, type RefusalReason } from "./authorize.ts";
import type { Expulsion, Moderation } from "./moderation.ts";
import type { Room } from "./room.ts";
import type { Sender, Signature } from "./sender.ts";
import type { Stats } from "./stats.ts";

/** Time after which a client should retry a message that could not be stored. */
const RETRY_AFTER_MS = 2_000;

/** Minimum wait that a client is asked for before it sends again. */
const MIN_RETRY_MS = 500;

/** A sender that has to be disconnected, and why. */
export interface Eviction {
  readonly sender: Sender;
  readonly code: ErrorCode;
}

/** The outcome of a commit, for the loop to act on. */
export interface CommitResult {
  /** Rooms that entries were delivered to. */
  readonly delivered: readonly Room[];
  readonly evicted: readonly Eviction[];
  /** Whether a room was closed or opened, or a ban imposed or lifted. */
  readonly isModerated: boolean;
  /** Members that a ban applies to by now. */
  readonly expelled: readonly Expulsion[];
}

const NOTHING: CommitResult = { delivered: [], evicted: [], isModerated: false, expelled: [] };

export interface GroupCommitOptions {
  readonly journal: Journal;
  readonly moderation: Moderation;
  readonly log: Log;
  readonly stats: Stats;
  /** Maximum number of rooms with messages. Those that exist are not affected. */
  readonly maxRooms: number;
}

/** A message on its way into the journal. */
interface PendingDraft {
  readonly draft: Draft;
  readonly room: Room;
  readonly sender: Sender;
}

/** Reactions to one entry: the stored ones that were looked up, and the pending ones. */
interface PendingReactions {
  readonly emoji: Set<string>;
  /** Number of reactions by author. */
  readonly own: Map<string, number>;
}

/** Holds the messages of this iteration. A commit empties it for the next one. */
export class GroupCommit {
  readonly #journal: Journal;
  readonly #moderation: Moderation;
  readonly #log: Log;
  readonly #stats: Stats;
  readonly #maxRooms: number;
  /** Rooms with messages; counted only if their number is limited. */
  #roomCount: number;
  /** Rooms whose first message is pending. */
  readonly #newRooms = new Set<Room>();
  #pending: PendingDraft[] = [];
  /** Reactions to entries, with the pending ones, by room and seq. */
  readonly #reactions = new Map<string, PendingReactions>();
  #evicted: Eviction[] = [];
  /** Whether the journal has something else to make durable, such as a claimed name. */
  #isRequested = false;
  #hasModeration = false;
  /** Whether the last append failed. Of consecutive failures only the first is logged. */
  #isFailing = false;
  /** Flags of the limits that a message has exceeded. Each is logged once. */
  readonly #exceeded = new Set<string>();

  constructor(options: GroupCommitOptions) {
    this.#journal = options.journal;
    this.#moderation = options.moderation;
    this.#log = options.log;
    this.#stats = options.stats;
    this.#maxRooms = options.maxRooms;
    this.#roomCount = options.maxRooms === Infinity ? 0 : options.journal.rooms().length;
  }

  /**
   * Whether everything else must wait for the next commit: a `close` or a `ban` is pending, and others are judged by it only once
   * it is stored.
   */
  get isSealed(): boolean {
    return this.#hasModeration;
  }

  /** Whether the journal has something to store, although no message is pending. */
  get isRequested(): boolean {
    return this.#isRequested;
  }

  /** Makes the next commit happen even without a message: the journal has something else to store. */
  requestCommit(): void {
    this.#isRequested = true;
  }

  /** Adds a message, or refuses it at once. A message that is stored already is acknowledged at once. */
  add(room: Room, sender: Sender, message: Message): void {
    const { kind, id } = message;
    const isModeration = kind === "close" || kind === "ban";
    const target = this.#readTarget(room, message);
    const refusal = this.#check(room, sender, message, target) ??
      this.#checkGrowth(room, sender, message);
    if (refusal || isModeration) {
      // A stored message is acknowledged again, even if it would be refused now. Other messages need no lookup: the journal
      // itself recognizes their ids.
      const stored = this.#findStored(room, sender, id);
      if (stored && isRepeat(stored, message)) {
        return sender.acknowledge([{ id, seq: stored.seq }]);
      }
      const pending = stored ? undefined : this.#findPending(room, sender, id);
      if (pending && hashContent(pending) === hashContent(message)) {
        // The same id twice in one commit: the journal stores it once, and gives both the same number.
        this.#pending.push({ draft: pending, room, sender });
        return;
      }
      const reason = refusal ?? (stored || pending ? "id_taken" : undefined);
      if (reason) return this.#refuse(sender, id, reason);
    }
    if (kind === "react") this.#countReaction(room, sender, message);
    const draft = this.#makeDraft(room, sender, message);
    if (!draft) return this.#refuse(sender, id, "not_stored");
    if (room.head === 0) this.#newRooms.add(room);
    this.#hasModeration ||= isModeration;
    const staged = isModeration
      ? this.#moderation.stage(draft, { ban: message.ban, target })
      : draft;
    this.#pending.push({ draft: staged, room, sender });
  }

  /** Stores what was added; then, and only then, delivers and acknowledges it. Never rejects. */
  async commit(): Promise<CommitResult> {
    this.#reactions.clear();
    const [pending, hasModeration] = [this.#pending, this.#hasModeration];
    if (pending.length === 0 && !this.#isRequested) return this.#finish();
    this.#pending = [];
    this.#newRooms.clear();
    this.#hasModeration = false;
    this.#isRequested = false; // if this commit fails, the journal keeps the claims for the next one
    const results = await this.#append(pending.map(({ draft }) => draft));
    if (!results) {
      if (hasModeration) this.#readModeration(() => this.#moderation.rollBack());
      for (const { draft, sender } of pending) this.#refuse(sender, draft.id, "not_stored");
      return this.#finish();
    }
    const delivered = this.#deliver(results, pending);
    this.#acknowledge(results, pending);
    return this.#finish(delivered, hasModeration);
  }

  #check(
    room: Room,
    sender: Sender,
    message: Message,
    target: Entry | undefined,
  ): RefusalReason | undefined {
    if (!sender.tryPass(message.id, performance.now())) return "not_stored";
    const { person, principal } = sender;
    const ban = this.#moderation.findBan(sender, person?.author);
    const isClosed = this.#moderation.isClosed(room.name);
    const reactions = target && message.kind === "react"
      ? this.#findReactions(room, sender, message.ref)
      : undefined;
    const state = { isClosed, head: room.head, target, reactions };
    return authorize(message, { person, principal, ban }, state);
  }

  /** Returns the reactions to an entry, the pending ones included. */
  #findReactions(room: Room, { person }: Sender, ref: number): Reactions {
    const author = person?.author ?? "";
    const key = `${room.name} ${ref}`;
    const pending = this.#reactions.get(key) ?? { emoji: new Set(), own: new Map() };
    let own = pending.own.get(author);
    if (own === undefined) {
      const stored = this.#journal.reactions(room.name, ref, author);
      for (const emoji of stored.emoji) pending.emoji.add(emoji);
      pending.own.set(author, own = stored.own);
      this.#reactions.set(key, pending);
    }
    return { emoji: [...pending.emoji], own };
  }

  #countReaction(room: Room, { person }: Sender, { ref, text, on }: Message): void {
    const author = person?.author ?? "";
    const { emoji, own } = this.#reactions.get(`${room.name} ${ref}`) ?? {};
    if (on) emoji?.add(text);
    own?.set(author, (own.get(author) ?? 0) + 1);
  }

  /** Limits what is stored for good, whatever becomes of the message: a room with its first message, and a name. */
  #checkGrowth(
    room: Room,
    { person, budget }: Sender,
    message: Message,
  ): RefusalReason | undefined {
    const isNewRoom = room.head === 0 && !this.#newRooms.has(room);
    if (isNewRoom && this.#roomCount + this.#newRooms.size >= this.#maxRooms) {
      this.#warnOnce("--max-rooms");
      return "too_many_rooms";
    }
    const shortage = this.#reserve(room, message);
    if (shortage) {
      this.#warnOnce("--max-data");
      return shortage;
    }
    if (!budget) return undefined;
    const roomWaitMs = isNewRoom ? budget.take("rooms") : 0;
    if (roomWaitMs > 0) return refuseGrowth("rooms", roomWaitMs);
    const isNewName = person && !person.isClaimed &&
      !this.#journal.hasName(room.name, person.author, person.name);
    const nameWaitMs = isNewName ? budget.take("names") : 0;
    return nameWaitMs > 0 ? refuseGrowth("names", nameWaitMs) : undefined;
  }

  /**
   * Reserves space for a message. In a full folder, a room goes on with what its own retention frees. Nobody who reads slowly
   * can prevent that.
   */
  #reserve(room: Room, message: Message): RefusalReason | undefined {
    this.requestCommit(); // an append ends the reservation, also if the message is refused for another reason
    const shortage = this.#journal.reserve(room.name, message);
    if (shortage !== "data_full") return shortage;
    this.#prune(room, { minimum: 1, maxHeld: 0 });
    return this.#journal.reserve(room.name, message);
  }

  #prune(room: Room, options?: Parameters<Room["prune"]>[0]): void {
    const floor = this.#journal.floor(room.name);
    for (const sender of room.prune(options)) this.#evicted.push({ sender, code: "fell_behind" });
    // While the removal is not committed, the journal's file keeps what was deleted.
    if (this.#journal.floor(room.name) > floor) this.requestCommit();
  }

  #readTarget(room: Room, { kind, ref }: Message): Entry | undefined {
    if (kind === "say" || ref === 0) return undefined;
    return readEntry(this.#journal, room.name, ref);
  }

  #findStored(room: Room, { person }: Sender, id: string): KnownId | undefined {
    return person && id !== "" ? this.#journal.find(room.name, person.author, id) : undefined;
  }

  #findPending(room: Room, { person }: Sender, id: string): Draft | undefined {
    if (!person || id === "") return undefined;
    return this.#pending.find(({ draft }) =>
      draft.id === id && draft.author === person.author && draft.room === room.name
    )?.draft;
  }

  /** Returns undefined if the journal could not claim a tag for the author. */
  #makeDraft(room: Room, { person }: Sender, message: Message): Draft | undefined {
    const { kind, id, text, ref, on } = message;
    const { author, name } = person ?? NOBODY;
    try {
      const tag = person ? this.#claimTag(room, person) : "";
      return { room: room.name, at: Date.now(), kind, author, name, tag, id, text, ref, on };
    } catch (error) {
      this.#logFailure(error);
      return undefined;
    }
  }

  /** Returns the person's tag, and claims it with the first message. A tag that is not shown yet stays so. */
  #claimTag(room: Room, person: Signature): string {
    if (person.isClaimed) return person.tag;
    const { author, name } = person;
    const tag = room.claimTag(author, name);
    if (person.tag === "") return tag;
    person.tag = tag;
    person.isClaimed = true;
    return tag;
  }

  async #append(drafts: readonly Draft[]): Promise<AppendResult[] | undefined> {
    const startedAt = performance.now();
    try {
      const results = await this.#journal.append(drafts);
      this.#stats.commitSeconds.add((performance.now() - startedAt) / 1000);
      this.#isFailing = false;
      return results;
    } catch (error) {
      this.#logFailure(error);
      this.#stats.failedCommits++;
      return undefined;
    }
  }

  #deliver(results: readonly AppendResult[], pending: readonly PendingDraft[]): Room[] {
    const fresh = new Map<Room, Entry[]>();
    for (const [n, result] of results.entries()) {
      if (result instanceof ChatError || !result.entry) continue;
      const { room } = pending[n]!;
      const entries = fresh.get(room);
      if (entries) entries.push(result.entry);
      else fresh.set(room, [result.entry]);
    }
    for (const [room, entries] of fresh) {
      if (entries[0]!.seq === 1) this.#roomCount++;
      room.deliver(entries);
      this.#prune(room);
    }
    return [...fresh.keys()];
  }

  /** Acknowledges all messages of a sender together, and refuses those that the journal refused. */
  #acknowledge(results: readonly AppendResult[], pending: readonly PendingDraft[]): void {
    const acks = new Map<Sender, Ack[]>();
    const bad = results.find((result) => result instanceof ChatError && result.code !== "id_taken");
    if (bad) this.#log("error", "draft refused", { error: causeOf(bad) }); // one line, however many there are
    for (const [n, result] of results.entries()) {
      const { draft: { id }, sender } = pending[n]!;
      if (result instanceof ChatError) {
        this.#refuse(sender, id, result.code);
        continue;
      }
      if (!id) continue;
      const { seq } = result;
      const known = acks.get(sender);
      if (known) known.push({ id, seq });
      else acks.set(sender, [{ id, seq }]);
    }
    for (const [sender, senderAcks] of acks) sender.acknowledge(senderAcks);
  }

  #refuse(sender: Sender, id: string, refusal: RefusalReason): void {
    const error = refusal instanceof ChatError ? refusal : new ChatError(refusal);
    const { code, message, retryAfterMs = code === "not_stored" ? RETRY_AFTER_MS : undefined } =
      error;
    const isReported = sender.refuse(new ChatError(code, { message, id, retryAfterMs }));
    if (!isReported) this.#evicted.push({ sender, code });
  }

  #finish(delivered: readonly Room[] = NOTHING.delivered, isModerated = false): CommitResult {
    const evicted = this.#evicted;
    if (delivered.length + evicted.length === 0 && !isModerated) return NOTHING;
    this.#evicted = [];
    const expelled = isModerated && this.#readModeration(() => this.#moderation.confirm()) ||
      NOTHING.expelled;
    return { delivered, evicted, isModerated, expelled };
  }

  /** A journal that cannot be read must not end the loop: what was staged stays in force until it can be. */
  #readModeration<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.#log("error", "moderation not read", { error: causeOf(error) });
      return undefined;
    }
  }

  #warnOnce(flag: string): void {
    if (!this.#exceeded.has(flag)) this.#log("warn", "limit reached", { flag });
    this.#exceeded.add(flag);
  }

  #logFailure(error: unknown): void {
    if (!this.#isFailing) this.#log("error", "append failed", { error: causeOf(error) });
    this.#isFailing = true;
  }
}

function refuseGrowth(what: "rooms" | "names", waitMs: number): ChatError {
  const message = `Too many new ${what} from this address in a short time`;
  return new ChatError("rate_limited", { message, retryAfterMs: Math.max(MIN_RETRY_MS, waitMs) });
}

function causeOf(error: unknown): unknown {
  return (error instanceof Error && error.cause) || error;
}

const NOBODY = { author: "", name: "" };
