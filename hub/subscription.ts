// A member's place in a room, and the hub's guard against a member that throws. Owned by the hub's loop.
import type { Principal } from "../auth/principal.ts";
import type { ErrorCode } from "../protocol/errors.ts";
import type { RetryBarrier } from "./retry_barrier.ts";
import type { Batch, From, Notice, Wire } from "../protocol/message.ts";

/** What the hub needs of somebody in a room. */
export interface Member {
  readonly wire: Wire;
  /** What it may do. */
  readonly principal?: Principal;
  /** IP address that it comes from: may be banned. */
  readonly address?: string;
  /**
   * Takes the batch without waiting; false when there is no room for it. After a false the hub sends no batch until
   * the member asks with `Hub.catchUp`.
   */
  trySend(batch: Batch): boolean;
  /** Takes a notice, behind the batches before it. Presence and typing may be dropped, nothing else. */
  notify(notice: Notice): void;
  /** Nothing more will come. With a code, that is why. */
  close(code?: ErrorCode): void;
}

/** An author who is in a room, on one connection or on several. */
export interface Person extends From {
  readonly author: string;
  name: string;
  /** Empty while nobody is told the name. */
  tag: string;
  connections: number;
}

export interface SubscriptionOptions {
  readonly member: Member;
  /** Undefined for one whose wire knows no persons. */
  readonly person: Person | undefined;
  readonly deliveredSeq: number;
  /** Told when the member throws. */
  readonly onFailure: (member: Member, error: unknown) => void;
}

/** What a member is sent goes through here; a member that throws takes nothing and costs the others nothing. */
export class Subscription {
  readonly member: Member;
  readonly person: Person | undefined;
  /** Everything up to this entry has been taken by the member; what follows is read from the journal. */
  deliveredSeq: number;
  /**
   * Closed after `not_stored`, until that message comes again. Made when it is needed. The client's handler has a barrier of
   * its own for `rate_limited`, because it refuses messages before they reach the hub's inbox.
   */
  barrier: RetryBarrier | undefined;
  readonly #onFailure: (member: Member, error: unknown) => void;

  constructor(options: SubscriptionOptions) {
    this.member = options.member;
    this.person = options.person;
    this.deliveredSeq = options.deliveredSeq;
    this.#onFailure = options.onFailure;
  }

  get wire(): Wire {
    return this.member.wire;
  }

  /** Whether the member has taken the batch. */
  offer(batch: Batch): boolean {
    try {
      if (!this.member.trySend(batch)) return false;
      this.deliveredSeq = batch.lastSeq;
      return true;
    } catch (error) {
      this.#onFailure(this.member, error);
      return false;
    }
  }

  notify(notice: Notice): void {
    try {
      this.member.notify(notice);
    } catch (error) {
      this.#onFailure(this.member, error);
    }
  }

  /** Whether the member's wire has a word for it. */
  canEncode(notice: Notice): boolean {
    return this.wire.encodeNotice(notice) !== undefined;
  }

  close(code: ErrorCode | undefined): void {
    try {
      this.member.close(code);
    } catch (error) {
      this.#onFailure(this.member, error);
    }
  }
}
