// A handler decodes what one client sends, in one protocol, and passes it to the hub. The client itself reads and writes.
import type { ErrorCode } from "../protocol/errors.ts";
import type { Hub } from "../hub.ts";
import type { Limits } from "../base/limits.ts";
import type { AddressBudget } from "../base/address_budget.ts";
import type { Member } from "../hub/subscription.ts";
import type { Wire } from "../protocol/message.ts";

/** Half of a client that depends on its protocol. */
export interface ProtocolHandler {
  readonly wire: Wire;
  /** Whether the client is registered with the hub. */
  readonly hasJoined: boolean;
  /** Called once, before the first message is read. */
  begin(): void;
  /** Handles one inbound message. @throws {ChatError} if the connection must be closed. */
  read(data: string | ArrayBuffer): void;
  /** Called once, when no more messages are read. */
  end(): void;
}

/** Part of a client that its handler uses. */
export interface ClientHandle extends Member {
  /** Asks the hub to remove the client. A code is the reason; the time is that after which it may come back. */
  leave(code?: ErrorCode, retryAfterMs?: number): void;
}

/** Makes the handler of one client. */
export type MakeHandler = (client: ClientHandle) => ProtocolHandler;

export interface HandlerOptions {
  readonly hub: Hub;
  readonly room: string;
  readonly limits?: Limits;
  /** Budget of the client's address. Undefined if the address is unknown or that of a proxy, or if nothing is limited. */
  readonly budget?: AddressBudget | undefined;
}
