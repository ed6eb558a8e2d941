// What one client, one address and all of them together may take, in numbers. Each has a flag and refuses with an error
// of its own (docs/operating.md). Infinity is no limit.

export interface Limits {
  /** Largest text of a message, in bytes of UTF-8. */
  readonly textBytes: number;
  /** Batches that wait for one reader before it falls behind. */
  readonly queuedBatches: number;
  /**
   * Time without any byte leaving, while bytes wait. Undefined: what it takes to tell a slow reader from one that is
   * stuck.
   */
  readonly stallMs: number | undefined;
  /** About the silence after which a peer is asked for a sign of life: that is half of what {@linkcode pongWaitMs} says. */
  readonly pingPeriodMs: number;
  /** What one connection may say in a second, or one address by requests. */
  readonly messagesPerS: number;
  readonly connections: number;
  readonly connectionsPerAddress: number;
}

export const DEFAULT_LIMITS: Limits = {
  textBytes: 16 * 1024,
  queuedBatches: 256,
  stallMs: undefined,
  pingPeriodMs: 15_000,
  messagesPerS: 5,
  connections: 10_000,
  connectionsPerAddress: 50,
};

/** What may be said at once, in seconds of the rate. */
export const BURST_S = 2;

/** Pages of what was said before that an address may read for each message: one costs about as much as a few messages do. */
export const PAGES_PER_MESSAGE = 4;

/** A text may grow sixfold by JSON's escapes, and a message or a body hold several. */
const TEXTS_PER_MESSAGE = 8;

/** However short texts are, a hello must fit. */
const MIN_MESSAGE_BYTES = 4096;

/** What is added to two periods: half of the sum is the silence before a ping, the other half the time to answer it. */
const PONG_SLACK_MS = 3_000;

/** Largest WebSocket message, and largest body of a request. */
export function maxMessageBytes({ textBytes }: Limits): number {
  return Math.max(MIN_MESSAGE_BYTES, TEXTS_PER_MESSAGE * textBytes);
}

/** Silence after which a peer is presumed gone. */
export function pongWaitMs({ pingPeriodMs }: Limits): number {
  return 2 * pingPeriodMs + PONG_SLACK_MS;
}
