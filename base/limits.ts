// The limits bound what one connection, one address and all connections together may use. Each has a flag and an error of
// its own (docs/operating.md). Infinity means no limit.

export interface Limits {
  /** Maximum text of a message, in bytes of UTF-8. */
  readonly textBytes: number;
  /** Batches queued for one member before it lags. */
  readonly queuedBatches: number;
  /** Time without any byte sent while bytes are queued. Undefined: as long as it takes to tell a slow reader from a stuck one. */
  readonly stallMs: number | undefined;
  /** Approximate silence before a ping. The exact value is half of {@linkcode pongWaitMs}. */
  readonly pingPeriodMs: number;
  /** Messages per second from one connection, and POSTs per second of one author. Address budgets are in proportion to it. */
  readonly messagesPerS: number;
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Rooms with messages. Those that exist accept messages whatever their number. */
  readonly rooms: number;
  /** Size of the data folder in bytes. */
  readonly dataBytes: number;
}

export const DEFAULT_LIMITS: Limits = {
  textBytes: 16 * 1024,
  queuedBatches: 256,
  stallMs: undefined,
  pingPeriodMs: 15_000,
  messagesPerS: 5,
  connections: 10_000,
  connectionsPerAddress: 256,
  rooms: 100_000,
  dataBytes: 10 * 1024 ** 3,
};

/** Burst of a rate limit, in seconds of the rate. */
export const BURST_S = 2;

/** Pages of history that an address may read for each message it may send. A page costs about as much as a few messages. */
export const PAGES_PER_MESSAGE = 4;

/** Lines of any type for each message: refused messages, requests, pings. */
export const LINES_PER_MESSAGE = 40;

/** JSON's escapes may make a text six times as long, and a message or a body has several texts. */
const TEXTS_PER_MESSAGE = 8;

/** Minimum size, so that a hello fits even if texts must be short. */
const MIN_MESSAGE_BYTES = 4096;

/** Added to two ping periods. Half of the sum is the silence before a ping, the other half the time for its answer. */
const PONG_SLACK_MS = 3_000;

/** Returns the maximum size of a WebSocket message and of a request body. */
export function maxMessageBytes({ textBytes }: Limits): number {
  return Math.max(MIN_MESSAGE_BYTES, TEXTS_PER_MESSAGE * textBytes);
}

/** Returns the silence after which a peer is considered dead. */
export function pongWaitMs({ pingPeriodMs }: Limits): number {
  return 2 * pingPeriodMs + PONG_SLACK_MS;
}
