// A subscription is a member's place in a room. Everything that the member receives passes through it, so that a member
// that throws costs the others nothing. Owned by the hub's loop.
import type { Principal } from "../auth/principal.ts";
import type { AddressBudget } from "../base/address_budget.ts";
import type { ChatError, ErrorCode } from "../protocol/errors.ts";
import type { Ack, Batch, From, Notice, Wire } from "../protocol/message.ts";
import { RetryBarrier } from "./retry_barrier.ts";
import type { Sender } from "./sender.ts";

/** The hub's view of a client in a room. */
export interface Member {
  readonly wire: Wire;
  readonly principal?: Principal;
  /** IP address that it connects from. A ban can cover it. */
  readonly address?: string;
  /** Budget of that address. Undefined if nothing is counted. */
  readonly budget?: AddressBudget | undefined;
  /**
   * Queues the batch without waiting. False means that there is no room for it: the hub then sends no batch until the
   * member asks with `Hub.catchUp`.
   */
  trySend(batch: Batch): boolean;
  /** Queues a notice behind the batches before it. Only presence and typing may be dropped. */
  notify(notice: Notice): void;
  /** Ends the membership: nothing more is sent. The code is the reason, if there is one. */
  close(code?: ErrorCode): void;
}

/** An author in a room, on one connection or on several. */
export interface Person extends From {
  readonly author: string;
  name: string;
  /** Empty while the name is not announced. */
  tag: string;
  /** Tag of the author in this room, announced or not. Nobody else can claim it while the person is here. */
  readonly ownTag: string;
  /** Whether the journal knows the name. A person who has not sent a message is not stored. */
  isClaimed: boolean;
  connections: number;
}

/** A member that threw, and its error. */
export interface MemberFailure {
  readonly member: Member;
  readonly error: unknown;
}

export interface SubscriptionOptions {
  readonly member: Member;
  /** Undefined if the member's protocol knows no authors. */
  readonly person: Person | undefined;
  readonly deliveredSeq: number;
  /** Receives the member's failures; the hub empties it in every iteration. */
  readonly failures: MemberFailure[];
}

export class Subscription implements Sender {
  readonly member: Member;
  readonly person: Person | undefined;
  /**
   * Number of the last entry that the member has accepted. `Room.welcome` sets it, `Room.deliver` and `Room.advance` move it.
   */
  deliveredSeq: number;
  readonly #failures: MemberFailure[];
  /** Guards the order of messages that the journal could not store. The client's handler has one for those over its rate. */
  #barrier: RetryBarrier | undefined;

  constructor(options: SubscriptionOptions) {
    this.member = options.member;
    this.person = options.person;
    this.deliveredSeq = options.deliveredSeq;
    this.#failures = options.failures;
  }

  get wire(): Wire {
    return this.member.wire;
  }

  get principal(): Principal | undefined {
    return this.member.principal;
  }

  get address(): string {
    return this.member.address ?? "";
  }

  get budget(): AddressBudget | undefined {
    return this.member.budget;
  }

  /** Offers a batch to the member. If it is not accepted, the room serves the member from the journal (`Room.advance`). */
  offer(batch: Batch): boolean {
    try {
      if (!this.member.trySend(batch)) return false;
      this.deliveredSeq = batch.lastSeq;
      return true;
    } catch (error) {
      this.#failures.push({ member: this.member, error });
      return false;
    }
  }

  notify(notice: Notice): void {
    try {
      this.member.notify(notice);
    } catch (error) {
      this.#failures.push({ member: this.member, error });
    }
  }

  /** Reports whether the member's protocol can express the notice. */
  canEncode(notice: Notice): boolean {
    return this.wire.encodeNotice(notice) !== undefined;
  }

  tryPass(id: string, nowMs: number): boolean {
    return this.#barrier?.tryPass(id, nowMs) ?? true;
  }

  acknowledge(acks: readonly Ack[]): void {
    this.notify({ type: "acks", acks });
  }

  /** A message without an id cannot be named in a refusal, so its sender has to be evicted instead. */
  refuse({ code, message, id = "", retryAfterMs }: ChatError): boolean {
    if (id === "") return false;
    const retry = retryAfterMs === undefined ? {} : { retryAfterMs };
    // Messages behind this one may be in the inbox already. They must not overtake it.
    if (retryAfterMs !== undefined) {
      (this.#barrier ??= new RetryBarrier()).close(id, performance.now());
    }
    this.notify({ type: "error", code, message, id, ...retry });
    return true;
  }

  close(code: ErrorCode | undefined): void {
    try {
      this.member.close(code);
    } catch (error) {
      this.#failures.push({ member: this.member, error });
    }
  }
}
