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
export interface HistoryRequest {
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

/** Line that a client sends for a person's action. Its `id` makes sending it twice harmless. */
export type Line =
  | { type: "say"; id: string; text: string; replyTo?: number }
  | { type: "edit"; id: string; ref: number; text: string }
  | { type: "delete"; id: string; ref: number }
  | { type: "react"; id: string; ref: number; emoji: string; on: boolean }
  | { type: "close"; id: string; on: boolean }
  | { type: "ban"; id: string; ref: number; minutes: number; address: boolean; on: boolean };

/** Action without its id, as a session's caller states it. */
export type Action = Line extends infer One ? One extends Line ? Omit<One, "id"> : never : never;

/**
 * Line in the outbox: `pending` until it is acknowledged, `failed` after the server has refused it for good. `at` is the time
 * of writing, in milliseconds since 1970; no two of a tab are equal. `isUnsaved` if the storage has no room: closing the page
 * loses it.
 */
export type Pending = Line & {
  at: number;
  state: "pending" | "failed";
  error?: Refusal | undefined;
  isUnsaved?: boolean;
};

/** State of one of the user's own messages: in the outbox, or settled. */
export type Outcome =
  | Pending
  | Line & { at: number; state: "sent"; seq: number }
  | Line & { at: number; state: "discarded" };

/** State of the connection. `retryAtMs` is a time of `performance.now()`. */
export type State = "connecting" | "online" | { offline: true; retryAtMs: number };

export type Timer = ReturnType<typeof setTimeout> | undefined;

/** Part of a WebSocket that the client uses. */
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
  /** Undefined in an environment without WebSockets. */
  WebSocket: (new (url: string, protocol: string) => SocketLike) | undefined;
  random: () => number;
  /** Called when the connection is open: the session sends its hello. */
  onOpen: () => void;
  /** Called for each line of the server. */
  onLine: (line: ServerLine) => void;
  /** Called when a connection ends: requests on it will get no answer. */
  onEnd: () => void;
  onState: (state: State) => void;
}

export interface Handlers {
  onState?: (state: State) => void;
  /** Called for each connection, before its entries. */
  onWelcome?: (welcome: WelcomeLine) => void;
  /** Called when all delivered entries belong to another history: forget them, a new history follows. */
  onReset?: () => void;
  /** Called once for each entry, in the order of `seq`. */
  onEntry?: (entry: EntryLine) => void;
  /** Called instead of `onEntry` for entries that are not sent. */
  onGap?: (gap: Gap) => void;
  /** Called for each change of one of the user's own messages. */
  onPending?: (message: Outcome) => void;
  onPresence?: (presence: Presence) => void;
  onTyping?: (from: From) => void;
  /** Called for errors that are about none of the user's own messages. */
  onError?: (error: Failure) => void;
}

/** Part of the Web Storage interface that the client uses. */
export interface StorageLike {
  length: number;
  key: (index: number) => string | null;
  getItem: (key: string) => string | null;
  setItem: (key: string, value: string) => void;
  removeItem: (key: string) => void;
}

export interface SessionOptions {
  /** URL of the room's socket. */
  url: string;
  /** Name of the room: separates its stored messages from those of other rooms. */
  room: string;
  handlers: Handlers;
  /** `localStorage` by default. */
  storage?: StorageLike;
  /** Number of entries to start with. */
  history?: number;
  /** Maximum number of entries after a resume: the last ones. */
  maxReplay?: number;
  WebSocket?: RoomConnectionOptions["WebSocket"];
  random?: () => number;
}
