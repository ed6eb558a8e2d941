// What the server needs of whatever accepts its connections. Two things can be swapped behind this: the HTTP server
// and the WebSocket implementation. One suite (transport_test.ts) runs on every implementation.

import type { Log } from "../base/log.ts";
import type { Frame } from "../protocol/frame.ts";

/**
 * Linux tells that a socket can take more when a third of its send buffer is free. Over loopback that buffer grows to
 * 4 MB; over a network it is smaller.
 */
export const UNSEEN_BYTES = 1_400_000;

/** One WebSocket, or one stream of a response, seen from the server. */
export interface Connection {
  /** Address of the peer, for diagnostics. */
  readonly remoteAddress: string;
  /** Bytes given to `send` that have not left yet. */
  readonly bufferedAmount: number;
  /** `bufferedAmount` may stay as it is although the peer has read this many bytes: they were in the system's buffers. */
  readonly unseenBytes: number;
  /** Starts reading. Messages come in order, one call at a time; then `onClose`, once. */
  listen(handlers: ConnectionHandlers): void;
  /** Queues one text message. Never blocks: the caller watches `bufferedAmount`. */
  send(frame: Frame): void;
  /** Queues a close frame behind what waits. A peer that reads nothing keeps it waiting. */
  close(code: number, reason: string): void;
  /** Ends it at once, where that can be done; elsewhere as `close` does. */
  terminate(code: number, reason: string): void;
}

/** Who is told about a connection. An exception in either is logged and ends that connection only. */
export interface ConnectionHandlers {
  onMessage(data: string | ArrayBuffer): void;
  onClose(): void;
}

/** The peer of one request. */
export interface Peer {
  readonly remoteAddress: string;
  /** Whether it came by https, where a proxy tells; elsewhere the URL does. */
  readonly isHttps?: boolean;
  /**
   * Answers the request by making it a WebSocket, of a subprotocol that the peer has offered or, when it is empty, of none.
   * `onOpen` runs when it is open, or never; `onEnd` when it has ended, also where it was never open.
   * @throws {TypeError} when the request cannot become one; then neither runs.
   */
  upgrade(
    protocol: string,
    onOpen: (connection: Connection) => void,
    onEnd?: () => void,
  ): Response;
  /**
   * Answers the request with a body that goes on: a connection that says nothing, and of which each frame ends in a
   * newline. `onOpen` runs before this returns, `onEnd` when it has ended.
   */
  stream(
    headers: HeadersInit,
    onOpen: (connection: Connection) => void,
    onEnd?: () => void,
  ): Response;
}

/** Answers one request. An exception is logged and answered with 500. */
export type Handler = (request: Request, peer: Peer) => Response | Promise<Response>;

/** What a server shows who it is by, as PEM: its certificate with those between it and a root, and its key. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Where and how to listen. */
export interface ListenOptions {
  /** Empty for every IPv4 address of the machine. */
  readonly hostname: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Silence after which a peer is presumed gone. */
  readonly pongWaitMs: number;
  /** A longer message ends its connection with 1009, where it can be bounded before it is in memory. */
  readonly maxMessageBytes: number;
  /** Time for a request's head to arrive, where that can be bounded. */
  readonly headWaitMs: number;
  /** To speak https and wss, and nothing else. It fits its key. */
  readonly certificate?: Certificate | undefined;
  /**
   * Asked for each TCP connection from an address, where one can see those that only wait; told when it has ended.
   * An exception refuses it.
   */
  readonly acquire?: (remoteAddress: string) => () => void;
  readonly log: Log;
}

/** A server that listens. */
export interface Listener {
  /** The port in use. */
  readonly port: number;
  /**
   * Shows another certificate, which fits its key, to whoever connects from now on; what is open goes on.
   * @throws {Error} where that cannot be done.
   */
  renew(certificate: Certificate): void;
  /** Accepts nothing more, waits for open connections to end, `graceMs` at most, and cuts the rest. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Listens, and goes on listening when accepting fails for a while.
 * @throws {Deno.errors.AddrInUse} and the like when it cannot start.
 */
export type Listen = (handler: Handler, options: ListenOptions) => Promise<Listener>;
