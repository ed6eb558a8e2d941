// A handler decodes what one client sends, in one protocol, and passes it to the hub. The client itself reads and writes.
import type { ErrorCode } from "../protocol/errors.ts";
import type { Hub } from "../hub.ts";
import type { Limits } from "../base/limits.ts";
import type { Buckets } from "../base/rate_limit.ts";
import type { Member } from "../hub/subscription.ts";
import type { Wire } from "../protocol/message.ts";

/** The half of a client that knows its wire. */
export interface ProtocolHandler {
  readonly wire: Wire;
  /** Whether the hub knows the client. */
  readonly hasJoined: boolean;
  /** Called once, before anything is read. */
  begin(): void;
  /** Takes one inbound message. @throws {ChatError} when the connection is to be closed for it. */
  read(data: string | ArrayBuffer): void;
  /** Called once, when nothing more is to be read. */
  end(): void;
}

/** What a dialog needs of its client. */
export interface ClientHandle extends Member {
  /** Asks to be let go. With a code, that is why. */
  leave(code?: ErrorCode): void;
}

/** Makes the dialog of one client. */
export type MakeHandler = (client: ClientHandle) => ProtocolHandler;

export interface HandlerOptions {
  readonly hub: Hub;
  readonly room: string;
  readonly limits?: Limits;
  /** Pages that addresses may still read, and what this one counts as; empty for one that is not known. */
  readonly reads?: Buckets;
  readonly addressKey?: string;
}
