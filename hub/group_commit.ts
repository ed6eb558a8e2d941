// Group commit: collects the messages of one loop iteration, authorizes them, stores them in one transaction, then delivers
// and acknowledges them. Owned by the hub; the only caller of `Journal.append`.
import type { Log } from "../base/log.ts";
import type { AppendResult, Draft, Journal, Reactions, ReadLimit } from "../journal/journal.ts";
import { ChatError, type ErrorCode } from "../protocol/errors.ts";
import type { Ack, Entry, Message } from "../protocol/message.ts";
import { authorize, type RefusalReason } from "./authorize.ts";
import type { Expulsion, Moderation } from "./moderation.ts";
import type { Room } from "./room.ts";
import type { Sender } from "./sender.ts";
import type { Stats } from "./stats.ts";

/** Time after which a client should retry a message that could not be stored. */
const RETRY_AFTER_MS = 2_000;

/** Reads one entry. */
const ONE: ReadLimit = { entries: 1, chars: 1 };

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
  /** Members that a ban applies to by now; undefined if no moderation was committed. */
  readonly expelled: readonly Expulsion[] | undefined;
}

const NOTHING: CommitResult = { delivered: [], evicted: [], expelled: undefined };

export interface GroupCommitOptions {
  readonly journal: Journal;
  readonly moderation: Moderation;
  readonly log: Log;
  readonly stats: Stats;
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
  #pending: PendingDraft[] = [];
  /** Reactions to entries, with the pending ones, by room and seq. */
  readonly #reactions = new Map<string, PendingReactions>();
  #evicted: Eviction[] = [];
  /** Whether the journal has something else to make durable, such as a claimed name. */
  #isNeeded = false;
  #hasModeration = false;
  /** Whether the last append failed. Only the first failure of a row is logged. */
  #isFailing = false;

  constructor(options: GroupCommitOptions) {
    this.#journal = options.journal;
    this.#moderation = options.moderation;
    this.#log = options.log;
    this.#stats = options.stats;
  }

  /** Makes the next commit happen even without a message: the journal has something else to store. */
  needsCommit(): void {
    this.#isNeeded = true;
  }

  /** Adds a message, or refuses it at once. A message that is stored already is acknowledged at once. */
  add(room: Room, sender: Sender, message: Message): void {
    const { kind, id } = message;
    const isModeration = kind === "close" || kind === "ban";
    const target = this.#readTarget(room, message);
    const refusal = this.#check(room, sender, message, target);
    if (refusal || isModeration) {
      // An accepted message stays accepted, whatever has become of its target, its author or its room since. Nothing is
      // looked up for the others: the journal itself finds a repeated id.
      const seq = this.#findStored(room, sender, id);
      if (seq !== undefined) return sender.acknowledge([{ id, seq }]);
    }
    if (refusal) {
      const same = this.#findPending(room, sender, id);
      if (!same) return this.#refuse(sender, id, refusal);
      this.#pending.push({ draft: same, room, sender }); // the journal stores it once, and numbers both
      return;
    }
    if (kind === "react") this.#countReaction(room, sender, message);
    const draft = this.#makeDraft(room, sender, message);
    if (!draft) return this.#refuse(sender, id, "not_stored");
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
    if (pending.length === 0 && !this.#isNeeded) return this.#finish();
    this.#pending = [];
    this.#hasModeration = false;
    this.#isNeeded = false; // the journal remembers the claims, should this commit fail
    const results = await this.#append(pending.map(({ draft }) => draft));
    if (!results) {
      if (hasModeration) this.#moderation.rollBack();
      for (const { draft, sender } of pending) this.#refuse(sender, draft.id, "not_stored");
      return this.#finish();
    }
    const delivered = this.#deliver(results, pending);
    this.#acknowledge(results, pending);
    return this.#finish(delivered, hasModeration ? this.#moderation.confirm() : undefined);
  }

  #check(
    room: Room,
    sender: Sender,
    message: Message,
    target: Entry | undefined,
  ): RefusalReason | undefined {
    if (sender.isBlocked(message.id, performance.now())) return "not_stored";
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

  #readTarget(room: Room, { kind, ref }: Message): Entry | undefined {
    if (kind === "say" || ref === 0) return undefined;
    return this.#journal.read(room.name, { after: ref - 1 }, ONE)[0];
  }

  #findStored(room: Room, { person }: Sender, id: string): number | undefined {
    return person && id !== "" ? this.#journal.find(room.name, person.author, id) : undefined;
  }

  #findPending(room: Room, { person }: Sender, id: string): Draft | undefined {
    if (!person || id === "") return undefined;
    return this.#pending.map(({ draft }) => draft).find((draft) =>
      draft.id === id && draft.author === person.author && draft.room === room.name
    );
  }

  /** Returns undefined if the journal could not claim a tag for the author. */
  #makeDraft(room: Room, { person }: Sender, message: Message): Draft | undefined {
    const { kind, id, text, ref, on } = message;
    const { author, name } = person ?? NOBODY;
    try {
      const tag = person ? person.tag || room.claimTag(author, name) : "";
      return { room: room.name, at: Date.now(), kind, author, name, tag, id, text, ref, on };
    } catch (error) {
      this.#logFailure(error);
      return undefined;
    }
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
      room.deliver(entries);
      for (const sender of room.prune()) this.#evicted.push({ sender, code: "fell_behind" });
    }
    return [...fresh.keys()];
  }

  /** Acknowledges all messages of a sender together, and refuses those that the journal refused. */
  #acknowledge(results: readonly AppendResult[], pending: readonly PendingDraft[]): void {
    const acks = new Map<Sender, Ack[]>();
    const bad = results.find((result) => result instanceof ChatError);
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
    const { code, message } = refusal instanceof ChatError ? refusal : new ChatError(refusal);
    const retryAfterMs = code === "not_stored" ? RETRY_AFTER_MS : undefined;
    const isHeard = sender.refuse(new ChatError(code, { message, id, retryAfterMs }));
    if (!isHeard) this.#evicted.push({ sender, code });
  }

  #finish(
    delivered: readonly Room[] = NOTHING.delivered,
    expelled?: readonly Expulsion[],
  ): CommitResult {
    const evicted = this.#evicted;
    if (delivered.length + evicted.length === 0 && !expelled) return NOTHING;
    this.#evicted = [];
    return { delivered, evicted, expelled };
  }

  #logFailure(error: unknown): void {
    if (!this.#isFailing) this.#log("error", "append failed", { error: causeOf(error) });
    this.#isFailing = true;
  }
}

function causeOf(error: unknown): unknown {
  return (error instanceof Error && error.cause) || error;
}

const NOBODY = { author: "", name: "" };
