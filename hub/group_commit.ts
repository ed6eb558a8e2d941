// What is said in one turn of the hub's loop: checked, stored in one commit, then delivered and acknowledged. Owned by
// the hub; the only caller of `Journal.append`.
import { ChatError, type ErrorCode } from "../protocol/errors.ts";
import { RetryBarrier } from "./retry_barrier.ts";
import type { Appended, Draft, Journal } from "../journal/journal.ts";
import type { Log } from "../base/log.ts";
import { isAnonymous } from "../protocol/names.ts";
import { type Moderation, ONE } from "./moderation.ts";
import type { Room } from "./room.ts";
import type { Member, Person, Subscription } from "./subscription.ts";
import type { Stats } from "./stats.ts";
import type { Ack, Entry, Message } from "../protocol/message.ts";

/** When a message that could not be stored may be tried again. */
const RETRY_AFTER_MS = 2_000;

/** Why a message is refused; more than its code where the sentence of that does not tell. */
type Fault = ErrorCode | ChatError;

/** Where a member is. */
export interface Membership {
  readonly room: Room;
  readonly subscription: Subscription;
}

export interface GroupCommitOptions {
  readonly journal: Journal;
  readonly moderation: Moderation;
  /** Called when what operators have laid down is durable. */
  readonly onRuled: () => void;
  readonly log: Log;
  readonly stats: Stats;
  /** Called with a member that can be told nothing more but why it is closed. */
  readonly evict: (member: Member, code: ErrorCode) => void;
  /** Called after entries of the room were delivered. */
  readonly onDelivered?: (room: string) => void;
}

/** The messages of this turn, and of the next one after each commit. */
export class GroupCommit {
  /** Whether a name was taken, which is to be durable as well. */
  hasClaims = false;
  readonly #journal: Journal;
  readonly #moderation: Moderation;
  readonly #log: Log;
  readonly #stats: Stats;
  readonly #evict: GroupCommitOptions["evict"];
  readonly #onDelivered: (room: string) => void;
  readonly #onRuled: () => void;
  /** What is to be stored, and who said it: two lists, one index. */
  #drafts: Draft[] = [];
  #senders: Membership[] = [];
  /** Whether some of it lays down rules. */
  #hasRules = false;
  /** Whether the last append failed: that is logged once, not at every turn. */
  #isFailing = false;

  constructor(options: GroupCommitOptions) {
    this.#journal = options.journal;
    this.#moderation = options.moderation;
    this.#log = options.log;
    this.#stats = options.stats;
    this.#evict = options.evict;
    this.#onDelivered = options.onDelivered ?? (() => {});
    this.#onRuled = options.onRuled;
  }

  /** Takes a message, or tells its sender why not. @throws {ChatError} when a tag cannot be claimed. */
  add(membership: Membership, message: Message): void {
    const { room, subscription: { member, person, barrier } } = membership;
    const { kind, id, text, ref, on } = message;
    if (barrier && !barrier.passes(id, performance.now())) {
      return this.#refuse(membership, id, "not_stored");
    }
    const { author, name } = person ?? NOBODY;
    const fault = this.#moderation.findFault(member, { room: room.name, kind, author }) ??
      (person && this.#findFault(membership, person, message));
    // What was accepted once stays accepted, whatever has become of what it refers to.
    if (fault && this.#journal.find(room.name, author, id) === undefined) {
      return this.#refuse(membership, id, fault);
    }
    const tag = person ? person.tag || this.#journal.claimTag(room.name, author, name) : "";
    const at = Date.now();
    const draft = { room: room.name, at, kind, author, name, tag, id, text, ref, on };
    const isRule = kind === "close" || kind === "ban";
    this.#hasRules ||= isRule;
    this.#drafts.push(isRule ? this.#moderation.stage(draft, message.ban) : draft);
    this.#senders.push(membership);
  }

  /** Stores what was taken; then, and only then, delivers and acknowledges it. Never rejects. */
  async commit(): Promise<void> {
    const [drafts, senders, hasRules] = [this.#drafts, this.#senders, this.#hasRules];
    if (drafts.length === 0 && !this.hasClaims) return;
    [this.#drafts, this.#senders, this.#hasRules] = [[], [], false];
    this.hasClaims = false; // the journal remembers them, should this fail
    let appended: Appended[];
    const startedAt = performance.now();
    try {
      appended = await this.#journal.append(drafts);
      this.#stats.commitSeconds.add((performance.now() - startedAt) / 1000);
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#log("error", "append failed", { error: causeOf(error) });
      this.#isFailing = true;
      if (hasRules) this.#moderation.reload(); // nothing was laid down
      this.#stats.failedCommits++;
      for (const [n, { id }] of drafts.entries()) this.#refuse(senders[n]!, id, "not_stored");
      return;
    }
    this.#deliver(appended, senders);
    const acks = new Map<Subscription, Ack[]>();
    for (const [n, { seq }] of appended.entries()) {
      const { id } = drafts[n]!;
      if (!id) continue;
      const { subscription } = senders[n]!;
      const known = acks.get(subscription);
      if (known) known.push({ id, seq });
      else acks.set(subscription, [{ id, seq }]);
    }
    for (const [subscription, subscriptionAcks] of acks) {
      subscription.notify({ type: "acks", acks: subscriptionAcks });
    }
    if (!hasRules) return;
    this.#moderation.reload(); // an id that was known has laid down nothing
    this.#onRuled();
  }

  #findFault(
    { room, subscription }: Membership,
    person: Person,
    message: Message,
  ): Fault | undefined {
    const { author, name } = person;
    const { kind, ref } = message;
    const isOperator = subscription.member.principal?.isOperator;
    if ((kind === "close" || kind === "ban") && !isOperator) return "not_operator";
    if (isAnonymous(author)) {
      // Whoever has no key could pass for all others who have none.
      if (kind !== "say") return "no_key";
    } else if (name === "") return "no_name";
    if (ref === 0) return undefined;
    if (kind === "say") return ref > room.head ? "unknown_ref" : undefined;
    const [target] = this.#journal.read(room.name, { after: ref - 1 }, ONE);
    if (target?.seq !== ref || target.kind !== "say") return "unknown_ref";
    if (kind === "ban") return this.#moderation.findObstacle(target);
    const isTheirs = target.author === author || kind === "delete" && isOperator;
    return kind === "react" || isTheirs ? undefined : "not_yours";
  }

  #deliver(appended: readonly Appended[], senders: readonly Membership[]): void {
    const fresh = new Map<Room, Entry[]>();
    for (const [n, { entry }] of appended.entries()) {
      if (!entry) continue;
      const { room } = senders[n]!;
      const entries = fresh.get(room);
      if (entries) entries.push(entry);
      else fresh.set(room, [entry]);
    }
    for (const [room, entries] of fresh) {
      room.deliver(entries);
      for (const { member } of room.prune()) this.#evict(member, "fell_behind");
      this.#onDelivered(room.name);
    }
  }

  #refuse({ subscription }: Membership, id: string, fault: Fault): void {
    const { code, message } = fault instanceof ChatError ? fault : new ChatError(fault);
    // A wire without ids has no other way to say that a message is lost.
    if (id === "") return this.#evict(subscription.member, code);
    const retry = code === "not_stored" ? { retryAfterMs: RETRY_AFTER_MS } : {};
    // What waits behind it already must not overtake it.
    if (code === "not_stored") {
      (subscription.barrier ??= new RetryBarrier()).close(id, performance.now());
    }
    subscription.notify({ type: "error", code, message, id, ...retry });
  }
}

function causeOf(error: unknown): unknown {
  return (error instanceof Error && error.cause) || error;
}

const NOBODY = { author: "", name: "" };
