// What passes between journal, hub, wires and clients. Types only: everybody may import this.
import type { ErrorCode } from "./errors.ts";
import type { Frame } from "./frame.ts";

/** What an entry does. All but `say` and `close` refer to an earlier entry. */
export type Kind = "say" | "edit" | "delete" | "react" | "close" | "ban";

/** Who somebody is for the others in a room. Name and tag together never mean two people. */
export interface From {
  readonly name: string;
  readonly tag: string;
}

/** How far a ban goes. */
export interface BanTerms {
  readonly minutes: number;
  /** Whether the addresses that the author's open connections come from are banned as well. */
  readonly withAddresses: boolean;
}

/** What a member wants to say: all that its client may choose. */
export interface Message {
  readonly kind: Kind;
  /** Chosen by the sender, unique for its author; empty on a wire that has none. */
  readonly id: string;
  /** The text of `say` and `edit`, the emoji of `react`; of an entry of a `ban` what protocol/ban.ts encodes. */
  readonly text: string;
  /** The `seq` that it refers to; for `say` the one that it replies to. 0 for none. */
  readonly ref: number;
  /** Whether the emoji of `react` is set, or taken back; the room closed, or opened; the author banned, or no longer. */
  readonly on: boolean;
  /** Of a `ban`, and of nothing else. */
  readonly ban?: BanTerms;
}

/** A numbered message of a room, as the journal keeps it. The server stamps all but the message itself. */
export interface Entry extends Omit<Message, "ban">, From {
  /** 1, 2, 3 … in each room. */
  readonly seq: number;
  /** When it was accepted, in milliseconds since 1970. */
  readonly at: number;
  /** Hash of the author's key; empty on a wire that has none. Never leaves the server. */
  readonly author: string;
}

/** Consecutive entries of a room, encoded once for each wire; every reader is given this same object. */
export interface Batch {
  readonly lastSeq: number;
  /** The entries as the wire carries them; undefined when this wire shows none of them. */
  readonly frame: Frame | undefined;
}

/** That the sender's message of this id is durable, and its number. */
export interface Ack {
  readonly id: string;
  readonly seq: number;
}

/** What a server says besides entries. Wires that have no word for one leave it out. */
export type Notice =
  | {
    readonly type: "welcome";
    readonly room: string;
    readonly epoch: string;
    readonly head: number;
    readonly you: From;
    readonly resumed: boolean;
    /** Largest text that may be said, in bytes of UTF-8; Infinity for any. */
    readonly textBytes: number;
    /** The entries behind this one follow, or a gap. */
    readonly after: number;
    /** Left out while the room is open. */
    readonly closed?: true;
    /** For who has signed in, or is an operator: what the page offers them. */
    readonly account?: { readonly operator: boolean };
  }
  /** One line for each. */
  | { readonly type: "acks"; readonly acks: readonly Ack[] }
  | {
    readonly type: "gap";
    readonly from: number;
    readonly to: number;
    readonly count: number;
    readonly reason: "retention" | "skipped";
  }
  | {
    readonly type: "page";
    readonly before: number;
    readonly entries: readonly Entry[];
    readonly more: boolean;
  }
  | { readonly type: "presence"; readonly count: number; readonly people?: readonly From[] }
  | { readonly type: "typing"; readonly from: From }
  | { readonly type: "pong"; readonly n?: number }
  | {
    readonly type: "error";
    readonly code: ErrorCode;
    readonly message: string;
    readonly id?: string;
    readonly retryAfterMs?: number;
  }
  | { readonly type: "bye"; readonly code: ErrorCode; readonly retryAfterMs: number };

/** How one wire writes what the server says. Pure. The texts of frames may be joined with a newline. */
export interface Wire {
  /** The WebSocket subprotocol; empty for none. */
  readonly protocol: string;
  /** One frame of consecutive entries; undefined when none of them shows. */
  encode(entries: readonly Entry[]): Frame | undefined;
  /** One frame of a notice; undefined when the wire has no word for it. */
  encodeNotice(notice: Notice): Frame | undefined;
}
