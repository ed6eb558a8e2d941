// A sender learns what became of its messages. A subscription is one for as long as its member stays in the room; a POST is
// one for a single message.
import type { AddressBudget } from "../base/address_budget.ts";
import { ANYONE, type Principal } from "../auth/principal.ts";
import type { ChatError } from "../protocol/errors.ts";
import type { Ack } from "../protocol/message.ts";

/** The author of a message and the name it goes by. */
export interface Signature {
  /** Hash of the key, or a stand-in for a client without one. */
  readonly author: string;
  readonly name: string;
  /** Tag that is shown beside the name; empty for none. */
  tag: string;
  /** Whether the journal knows the author and this name. */
  isClaimed?: boolean;
}

/** Sends messages to a room. Called by the hub's loop only. */
export interface Sender {
  /** Undefined if its protocol knows no authors. */
  readonly person: Signature | undefined;
  readonly principal: Principal | undefined;
  /** IP address that it sends from; empty if it is not known. */
  readonly address: string;
  /** Budget of that address. Undefined if nothing is counted. */
  readonly budget: AddressBudget | undefined;
  /** Lets a message pass, unless an earlier one has to come again first. */
  tryPass(id: string, nowMs: number): boolean;
  /** Receives the numbers of messages that are durable. */
  acknowledge(acks: readonly Ack[]): void;
  /** Receives the reason why a message was not accepted. False if its protocol cannot express that. */
  refuse(error: ChatError): boolean;
}

export interface OneShotSenderOptions {
  readonly person: Signature;
  readonly principal?: Principal | undefined;
  readonly address?: string | undefined;
  readonly budget?: AddressBudget | undefined;
}

/** Sends one message without being in the room, for example one HTTP request. */
export class OneShotSender implements Sender {
  readonly person: Signature;
  readonly principal: Principal;
  readonly address: string;
  readonly budget: AddressBudget | undefined;
  readonly #settled = Promise.withResolvers<number>();

  constructor({ person, principal = ANYONE, address = "", budget }: OneShotSenderOptions) {
    this.person = person;
    this.principal = principal;
    this.address = address;
    this.budget = budget;
  }

  /** Resolves with the number of the message. @throws {ChatError} why it was not accepted. */
  get seq(): Promise<number> {
    return this.#settled.promise;
  }

  tryPass(): boolean {
    return true;
  }

  acknowledge([ack]: readonly Ack[]): void {
    this.#settled.resolve(ack!.seq);
  }

  refuse(error: ChatError): boolean {
    this.#settled.reject(error);
    return true;
  }
}
