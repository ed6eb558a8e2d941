// What operators have laid down: which rooms are closed, who is banned until when. A copy of what the journal keeps,
// for it is looked at with every message. Changed by the hub's loop only; HTTP, outside of it, asks who is banned.
import { addressKey } from "../base/ip_address.ts";
import { ChatError } from "../protocol/errors.ts";
import type { Ban, Draft, Journal, ReadLimit } from "../journal/journal.ts";
import { isAnonymous } from "../protocol/names.ts";
import type { Member } from "./subscription.ts";
import type { BanTerms, Entry, Kind } from "../protocol/message.ts";

const MINUTE_MS = 60_000;

/** Who wants to do something, and where. */
interface Doing {
  readonly room: string;
  readonly kind: Kind;
  /** Hash of the key; empty for none. */
  readonly author: string;
}

export class Moderation {
  readonly #journal: Journal;
  readonly #addressesOf: (author: string) => string[];
  #closed = new Set<string>();
  /** When it ends, by author and by what an address counts as: no author has a dot or a colon in it, and every address has. */
  #bans = new Map<string, number>();

  /** `addressesOf` tells where an author's open connections come from. */
  constructor(journal: Journal, addressesOf: (author: string) => string[]) {
    this.#journal = journal;
    this.#addressesOf = addressesOf;
    this.reload();
  }

  /** Takes over what the journal has. */
  reload(): void {
    this.#closed = new Set(this.#journal.closedRooms());
    this.#bans = new Map();
    this.#impose(this.#journal.bans());
  }

  /**
   * The draft of a `close`, or of a `ban` on these terms, with all that the journal needs of it. It holds from here on,
   * and not only once it is stored: what comes next is judged by it.
   */
  stage(draft: Draft, terms: BanTerms | undefined): Draft {
    const { room, author, id, on } = draft;
    // Said before, and done. What it refers to may be gone since, and nobody has looked whether its author may say it.
    if (this.#journal.find(room, author, id) !== undefined) return draft;
    const rule = terms ? this.#makeBan(draft, terms) : draft;
    if (terms && on) this.#impose(rule.bans!);
    if (!terms) this.#closed[on ? "add" : "delete"](room);
    return rule;
  }

  /** Why the author of an entry cannot be banned. */
  findObstacle({ seq, author }: Entry): ChatError | undefined {
    if (author && !isAnonymous(author)) return undefined;
    const message = `Cannot ban the author of message ${seq}: it was sent without a key, ` +
      "and its address is not stored";
    return new ChatError("bad_field", { message });
  }

  isClosed(room: string): boolean {
    return this.#closed.has(room);
  }

  /** Whether the room is closed to the member: nothing of what it makes up is to reach anybody there. */
  isClosedTo({ principal }: Pick<Member, "principal">, room: string): boolean {
    return this.#closed.has(room) && !principal?.isOperator;
  }

  /** Why the member may not do it. Operators may: whoever can lift a ban is not held by one. */
  findFault(member: Member, { room, kind, author }: Doing): ChatError | undefined {
    if (this.#closed.size + this.#bans.size === 0 || member.principal?.isOperator) return undefined;
    const isSilenced = this.#closed.has(room) && kind !== "delete";
    return this.findBan(member, author) ?? (isSilenced ? new ChatError("room_closed") : undefined);
  }

  /** Why the member may not be here, and until when. */
  findBan({ principal, address = "" }: BannedMember, author = ""): ChatError | undefined {
    if (this.#bans.size === 0 || principal?.isOperator) return undefined;
    const until = Math.max(this.#bans.get(author) ?? 0, this.#bans.get(addressKey(address)) ?? 0);
    if (until <= Date.now()) return undefined;
    const message = `You are banned from this server until ${
      new Date(until).toISOString().slice(0, 16)
    } UTC`;
    return new ChatError("banned", { message: message.replace("T", " ") });
  }

  #makeBan(draft: Draft, { minutes, withAddresses }: BanTerms): Draft {
    const { room, ref, at, on } = draft;
    const [{ author, name, tag }] = this.#journal.read(room, { after: ref - 1 }, ONE) as [Entry];
    const until = on ? at + minutes * MINUTE_MS : at;
    const addresses = on && withAddresses ? this.#addressesOf(author) : [];
    const bans = ["", ...addresses].map((address) => ({ author, address, until }));
    return { ...draft, banned: { who: { name, tag }, until }, bans };
  }

  #impose(bans: readonly Ban[]): void {
    for (const { author, address, until } of bans) {
      const subject = addressKey(address) || author;
      this.#bans.set(subject, Math.max(this.#bans.get(subject) ?? 0, until));
    }
  }
}

/** What of a member a ban may be about. */
type BannedMember = Pick<Member, "principal" | "address">;

/** To read one entry. */
export const ONE: ReadLimit = { entries: 1, chars: 1 };
