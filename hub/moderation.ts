// Moderation owns closed rooms and bans, from the message that stages them to the members that they expel. It keeps a copy
// of what the journal has, because every message is checked against it. Changed by the hub's loop only; HTTP asks it for bans.
import type { Principal } from "../auth/principal.ts";
import { addressKey } from "../base/ip_address.ts";
import type { Ban, Draft, Journal } from "../journal/journal.ts";
import { ChatError } from "../protocol/errors.ts";
import type { BanTerms, Entry } from "../protocol/message.ts";
import type { Member, Subscription } from "./subscription.ts";

const MINUTE_MS = 60_000;

/** Everything about a member that a ban can match. */
export interface BanSubject {
  readonly principal?: Principal | undefined;
  /** IP address; empty if it is not known. */
  readonly address?: string;
}

/** A member that a ban applies to. */
export interface Expulsion {
  readonly member: Member;
  readonly ban: ChatError;
}

/** The members of all rooms, with the place of each. */
export type Members = ReadonlyMap<Member, { readonly subscription: Subscription }>;

export interface ModerationOptions {
  readonly journal: Journal;
  /** Read when a ban covers addresses, and when it is confirmed. */
  readonly members: Members;
}

export class Moderation {
  readonly #journal: Journal;
  readonly #members: Members;
  #closed = new Set<string>();
  /** End of each ban in milliseconds since 1970, by author and by address key. Every address contains a dot or a colon; no author does. */
  #bans = new Map<string, number>();

  constructor({ journal, members }: ModerationOptions) {
    this.#journal = journal;
    this.#members = members;
    this.rollBack();
  }

  /**
   * Applies a `close`, or a `ban` of the target's author on these terms, and returns its draft with everything that the
   * journal needs. It applies from now on, before it is durable, so that HTTP refuses who is banned meanwhile. Messages wait
   * for the commit.
   */
  stage(
    draft: Draft,
    { ban, target }: { ban: BanTerms | undefined; target: Entry | undefined },
  ): Draft {
    if (ban && target) {
      const staged = this.#makeBan(draft, ban, target);
      if (staged.on) this.#add(staged.bans!);
      return staged;
    }
    if (draft.on) this.#closed.add(draft.room);
    else this.#closed.delete(draft.room);
    return draft;
  }

  /** Takes over what the journal has stored, and returns the members that are banned by now. */
  confirm(): Expulsion[] {
    this.rollBack(); // a repeated id has staged what it does not change
    return this.#members.entries().flatMap(([member, { subscription: { person } }]) => {
      const ban = this.findBan(member, person?.author);
      return ban ? [{ member, ban }] : [];
    }).toArray();
  }

  /** Returns to what the journal has: nothing that was staged since was stored. */
  rollBack(): void {
    const [closed, bans] = [this.#journal.closedRooms(), this.#journal.bans()];
    this.#closed = new Set(closed);
    this.#bans = new Map();
    this.#add(bans);
  }

  isClosed(room: string): boolean {
    return this.#closed.has(room);
  }

  /** Returns the ban that applies to a member, with its end. Bans do not apply to operators: they could lift them. */
  findBan({ principal, address = "" }: BanSubject, author = ""): ChatError | undefined {
    if (this.#bans.size === 0 || principal?.isOperator) return undefined;
    const until = Math.max(this.#bans.get(author) ?? 0, this.#bans.get(addressKey(address)) ?? 0);
    if (until <= Date.now()) return undefined;
    const end = new Date(until).toISOString().slice(0, 16).replace("T", " ");
    return new ChatError("banned", { message: `You are banned from this server until ${end} UTC` });
  }

  #makeBan(draft: Draft, { minutes, withAddresses }: BanTerms, target: Entry): Draft {
    const { at, on } = draft;
    const { author, name, tag } = target;
    const until = on ? at + minutes * MINUTE_MS : at;
    const addresses = on && withAddresses ? this.#addressesOf(author) : [];
    const bans = ["", ...addresses].map((address) => ({ author, address, until }));
    return { ...draft, banned: { who: { name, tag }, until }, bans };
  }

  /** Returns the addresses of the author's open connections, in all rooms. */
  #addressesOf(author: string): string[] {
    const addresses = new Set<string>();
    for (const { subscription: { person, address } } of this.#members.values()) {
      if (address && person?.author === author) addresses.add(address);
    }
    return [...addresses];
  }

  #add(bans: readonly Ban[]): void {
    for (const { author, address, until } of bans) {
      const subject = addressKey(address) || author;
      this.#bans.set(subject, Math.max(this.#bans.get(subject) ?? 0, until));
    }
  }
}
