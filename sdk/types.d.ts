// Names what the client's modules exchange among themselves and with the server (docs/protocol.md). Types only: this file is
// not served. What the server defines as well comes from protocol/, and is re-exported for those who use the client.
import type { EntryLine } from "../protocol/entry.ts";
import type {
  Ack,
  From,
  Gap,
  HistoryPage,
  NoticeOf,
  Presence,
  WelcomeLine,
} from "../protocol/message.ts";

export type { EntryLine, From, Gap, HistoryPage, Presence, WelcomeLine };

/** Request for a page of history and its promise. The functions are not sent. */
export interface Reader {
  type: string;
  before: number;
  limit: number;
  resolve: (page: HistoryPage<EntryLine>) => void;
  reject: (error: Error) => void;
}

/** Reason for a refusal. The code may be one of a newer server, or the client's own. */
export interface Refusal {
  code: string;
  message: string;
}

export type Failure = Refusal & Omit<NoticeOf<"error">, "type" | keyof Refusal>;

/** Line that the server sends. */
export type ServerLine =
  | EntryLine
  | WelcomeLine
  | NoticeOf<"gap" | "presence" | "typing" | "pong" | "bye">
  | { type: "page" } & HistoryPage<EntryLine>
  | { type: "error" } & Failure
  | { type: "ack" } & Ack;

/** What a person does in a room, as it goes over the wire. `id` is what makes sending it twice harmless. */
export type Line =
  | { type: "say"; id: string; text: string; replyTo?: number }
  | { type: "edit"; id: string; ref: number; text: string }
  | { type: "delete"; id: string; ref: number }
  | { type: "react"; id: string; ref: number; emoji: string; on: boolean }
  | { type: "close"; id: string; on: boolean }
  | { type: "ban"; id: string; ref: number; minutes: number; address: boolean; on: boolean };

/** As a session is given it. */
export type Act = Line extends infer One ? One extends Line ? Omit<One, "id"> : never : never;

/**
 * A line that waits: `pending` until it is acknowledged, `failed` when the server has refused it for good. `at` is when
 * it was written, in milliseconds since 1970; no two of a tab are equal.
 */
export type Pending = Line & {
  at: number;
  state: "pending" | "failed";
  error?: Refusal | undefined;
};

/** What has become of a message of ours: it waits, or it is settled. */
export type Outcome =
  | Pending
  | Line & { at: number; state: "sent"; seq: number }
  | Line & { at: number; state: "discarded" };

/** Of the connection; `retryAtMs` is in milliseconds since 1970. */
export type State = "connecting" | "online" | { offline: true; retryAtMs: number };

export type Timer = ReturnType<typeof setTimeout> | undefined;

/** The part of a WebSocket that is used here. */
export interface SocketLike {
  protocol: string;
  // deno-lint-ignore no-explicit-any -- a browser's events and those of a test have nothing in common
  onopen: ((event: any) => void) | null;
  // deno-lint-ignore no-explicit-any -- see above
  onmessage: ((event: any) => void) | null;
  // deno-lint-ignore no-explicit-any -- see above
  onclose: ((event: any) => void) | null;
  send: (data: string) => void;
  close: () => void;
}

export interface RoomConnectionOptions {
  url: string;
  /** Undefined where there is none. */
  WebSocket: (new (url: string, protocol: string) => SocketLike) | undefined;
  random: () => number;
  /** Time to say hello. */
  onOpen: () => void;
  /** What the server says. */
  onLine: (line: ServerLine) => void;
  /** What was asked on this connection is not answered any more. */
  onEnd: () => void;
  onState: (state: State) => void;
}

export interface Handlers {
  onState?: (state: State) => void;
  /** At each connection, before its entries. */
  onWelcome?: (welcome: WelcomeLine) => void;
  /** What was handed out is another history: forget it, a new one follows. */
  onReset?: () => void;
  /** Each once, in the order of `seq`. */
  onEntry?: (entry: EntryLine) => void;
  /** In place of the entries that do not come. */
  onGap?: (gap: Gap) => void;
  /** At each change of a message of ours. */
  onPending?: (message: Outcome) => void;
  onPresence?: (presence: Presence) => void;
  onTyping?: (from: From) => void;
  /** What is about no message of ours. */
  onError?: (error: Failure) => void;
}

/** The part of the Web Storage interface that is used here. */
export interface StorageLike {
  length: number;
  key: (index: number) => string | null;
  getItem: (key: string) => string | null;
  setItem: (key: string, value: string) => void;
  removeItem: (key: string) => void;
}

export interface SessionOptions {
  /** Of the room's socket. */
  url: string;
  /** Tells what is stored for this room from what is stored for others. */
  room: string;
  handlers: Handlers;
  /** `localStorage` unless told otherwise. */
  storage?: StorageLike;
  /** Entries to start with. */
  history?: number;
  /** Of what a resume brings, the last this many only. */
  most?: number;
  WebSocket?: RoomConnectionOptions["WebSocket"];
  random?: () => number;
}
