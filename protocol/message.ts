// Names what journal, hub, protocols and clients exchange. Types only: every part may import this file.
import type { ErrorCode } from "./errors.ts";
import type { Frame } from "./frame.ts";

/** Effect of an entry. All but `say` and `close` refer to an earlier entry. */
export type Kind = "say" | "edit" | "delete" | "react" | "close" | "ban";

/** Identity that others in a room see. Name and tag together never mean two people. */
export interface From {
  readonly name: string;
  readonly tag: string;
}

/** Extent of a ban. */
export interface BanTerms {
  readonly minutes: number;
  /** Whether the addresses that the author's open connections come from are banned as well. */
  readonly withAddresses: boolean;
}

/** Result of a ban. Never includes an address. */
export interface Banned {
  readonly who: From;
  /** In milliseconds since 1970. For a ban that is lifted, the time of lifting it. */
  readonly until: number;
}

/** Message that a member sends: everything that its client may choose. */
export interface Message {
  readonly kind: Kind;
  /** Chosen by the sender, unique for its author; empty for a protocol that has none. */
  readonly id: string;
  /** Text of `say` and `edit`, emoji of `react`. */
  readonly text: string;
  /** The `seq` that it refers to; for `say` the one that it replies to. 0 for none. */
  readonly ref: number;
  /**
   * Whether `react` sets the emoji or removes it, `close` closes the room or opens it, `ban` bans or lifts the ban. False for
   * a `say` or an `edit` whose message was deleted: its text is empty.
   */
  readonly on: boolean;
  /** Present for a `ban` only. */
  readonly ban?: BanTerms;
}

/** Numbered message of a room, as the journal stores it. The server adds everything but the message itself. */
export interface Entry extends Omit<Message, "ban">, From {
  /** 1, 2, 3 … in each room. */
  readonly seq: number;
  /** Time of acceptance, in milliseconds since 1970. */
  readonly at: number;
  /** Hash of the author's key; empty for a protocol that has none. Never leaves the server. */
  readonly author: string;
  /** Present for a `ban` only. */
  readonly banned?: Banned;
  /** Last edit, of an entry in a page of history. The entry itself keeps the text that it was sent with. */
  readonly edited?: Edited;
}

/** Text that an edit gave to a message. */
export interface Edited {
  /** Number of the edit. */
  readonly seq: number;
  readonly text: string;
}

/** Consecutive entries of a room, encoded once for each protocol. Every reader receives this same object. */
export interface Batch {
  readonly lastSeq: number;
  /** Encoded entries; undefined when the protocol shows none of them. */
  readonly frame: Frame | undefined;
}

/** Acknowledgement: the sender's message with this id is durable and has this number. */
export interface Ack {
  readonly id: string;
  readonly seq: number;
}

/** Start of a member's connection to a room. */
export interface Welcome {
  readonly room: string;
  readonly epoch: string;
  readonly head: number;
  readonly you: From;
  readonly resumed: boolean;
  /** Absent while the room is open. */
  readonly closed?: true;
  /** Present for members who have signed in and for operators: the page offers them more. */
  readonly account?: Account;
}

/** A welcome as `confab.v1` sends it. */
export interface WelcomeLine extends Welcome {
  readonly type: "welcome";
  readonly limits: { readonly textBytes: number };
}

export interface Account {
  readonly operator: boolean;
}

/** Entries that are not sent, both ends included. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly reason: "retention" | "skipped";
}

/** Page of history: entries before one, oldest first. */
export interface HistoryPage<E = Entry> {
  readonly before: number;
  readonly entries: readonly E[];
  readonly more: boolean;
}

export interface Presence {
  readonly count: number;
  /** Absent when there are too many to name. */
  readonly people?: readonly From[];
}

/**
 * Everything that a server sends besides entries. A protocol that cannot express a notice omits it. A new type also needs a
 * line in `ServerLine` (sdk/types.d.ts), a case in sdk/session.js and a section in docs/protocol.md; if it may be dropped, in
 * `Client.notify`.
 */
export type Notice =
  | { readonly type: "welcome" } & Welcome & {
    /** Maximum size of a text, in bytes of UTF-8; Infinity for no limit. */
    readonly textBytes: number;
    /** The entries behind this one follow, or a gap. */
    readonly after: number;
  }
  /** `confab.v1` sends one line for each. */
  | { readonly type: "acks"; readonly acks: readonly Ack[] }
  | { readonly type: "gap" } & Gap
  | { readonly type: "page" } & HistoryPage
  | { readonly type: "presence" } & Presence
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

/** Notice of one type. */
export type NoticeOf<T extends Notice["type"]> = Extract<Notice, { type: T }>;

/** Encoder of one protocol. Pure. The texts of frames may be joined with a newline. */
export interface Wire {
  /** WebSocket subprotocol; empty for none. */
  readonly protocol: string;
  /** Encodes consecutive entries as one frame. Undefined when none of them shows. */
  encode(entries: readonly Entry[]): Frame | undefined;
  /** Encodes a notice as one frame. Undefined when the protocol cannot express it. */
  encodeNotice(notice: Notice): Frame | undefined;
}
