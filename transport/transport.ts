// A transport accepts HTTP requests and WebSockets. This interface separates the server from the HTTP server
// underneath. One suite (transport_test.ts) runs on every implementation.

import type { Log } from "../base/log.ts";
import type { Holder, Holding } from "../base/waiting_bytes.ts";
import type { ErrorCode } from "../protocol/errors.ts";
import type { Frame } from "../protocol/frame.ts";

/**
 * Bytes that a peer may read without any change of `bufferedAmount`. Linux reports that a socket is writable only when a
 * third of its send buffer is free. Over loopback that buffer grows to 4 MB; over a network it is smaller.
 */
export const UNSEEN_BYTES = 1_400_000;

/** Defaults of `messageWaitMs` and `writeWaitMs`. */
export const MESSAGE_WAIT_MS = 20_000;
export const WRITE_WAIT_MS = 60_000;

/** The server's end of one WebSocket or of one streamed response. */
export interface Connection {
  /** Address of the peer, for diagnostics. */
  readonly remoteAddress: string;
  /** Bytes passed to `send` that have not left the process yet. */
  readonly bufferedAmount: number;
  /** Bytes that the peer may have read from the system's buffers while `bufferedAmount` stayed the same. */
  readonly unseenBytes: number;
  /** Starts reading. Calls `onMessage` in order, one call at a time, and then `onClose` once. */
  listen(handlers: ConnectionHandlers): void;
  /** Enqueues one text message. Never blocks: the caller watches `bufferedAmount`. */
  send(frame: Frame): void;
  /** Enqueues a close frame behind the messages sent before. It is delayed as long as the peer reads nothing. */
  close(code: number, reason: string): void;
  /** Cuts the connection at once if the implementation can; otherwise closes it as `close` does. */
  terminate(code: number, reason: string): void;
}

/** Callbacks of a connection. An exception in one of them is logged and ends that connection only. */
export interface ConnectionHandlers {
  onMessage(data: string | ArrayBuffer): void;
  /**
   * Called when the peer has broken the protocol or a limit, if the implementation can tell. Nothing more is read: the handler
   * sends what it has to say, and closes the connection. Without this callback, the connection closes by itself.
   */
  onFault?(code: ErrorCode): void;
  /** Called when the bytes have changed that an unfinished message keeps, if the implementation can tell. */
  onUnfinished?(bytes: number): void;
  onClose(): void;
}

/** The peer of one request. */
export interface Peer {
  readonly remoteAddress: string;
  /** Whether the client used https, if a proxy says so. Otherwise the request's URL shows it. */
  readonly isHttps?: boolean;
  /** Whether the request names no host, so that the transport has put its own into the URL. */
  readonly isHostless?: boolean;
  /**
   * Answers the request by upgrading it to a WebSocket. `protocol` is a subprotocol that the peer has offered, or empty for
   * none. `onOpen` runs when the WebSocket opens, which may never happen. `onEnd` runs when it has ended, even if it never
   * opened.
   * @throws {TypeError} if the request cannot be upgraded; then neither runs.
   */
  upgrade(
    protocol: string,
    onOpen: (connection: Connection) => void,
    onEnd?: () => void,
  ): Response;
  /**
   * Answers the request with a body that is streamed: a connection that receives nothing, and that sends each frame with a
   * newline behind it. `onOpen` runs before this returns, `onEnd` when the stream has ended.
   */
  stream(
    headers: HeadersInit,
    onOpen: (connection: Connection) => void,
    onEnd?: () => void,
  ): Response;
}

/** Answers one request. An exception is logged and answered with 500. */
export type Handler = (request: Request, peer: Peer) => Response | Promise<Response>;

/** TLS certificate and key of a server, as PEM. */
export interface Certificate {
  /** Certificate chain: the server's own certificate and the intermediate ones. */
  readonly cert: string;
  readonly key: string;
}

/** Address, limits and callbacks of a listener. */
export interface ListenOptions {
  /** Empty: every IPv4 address of the machine. */
  readonly hostname: string;
  /** 0: any free port. */
  readonly port: number;
  /** Time of silence after which a peer is presumed dead. */
  readonly pongWaitMs: number;
  /** Maximum message size. A longer message closes its connection with 1009, if the implementation can bound it in time. */
  readonly maxMessageBytes: number;
  /** Time for a request's head to arrive, if the implementation can bound it. */
  readonly headWaitMs: number;
  /** Time for a message or the body of a request to arrive once it has begun, if the implementation can bound it. */
  readonly messageWaitMs?: number;
  /** Time for an answer to leave the process, streams excepted, if the implementation can bound it. */
  readonly writeWaitMs?: number;
  /** Returns whether the address is that of a proxy, which keeps idle connections for long and sends requests on them. */
  readonly isProxy?: (remoteAddress: string) => boolean;
  /** Counts an answer until its peer has read it, if the implementation can. */
  readonly hold?: (remoteAddress: string, answer: Holder) => Holding;
  /** Enables https and wss, and disables http and ws. The caller has checked that certificate and key match. */
  readonly certificate?: Certificate | undefined;
  /**
   * Acquires a slot for a TCP connection from an address. Returns a function that releases it. An exception refuses the
   * connection. Called only by implementations that see connections before their first request.
   */
  readonly acquire?: (remoteAddress: string) => () => void;
  readonly log: Log;
}

/** A server that is listening. */
export interface Listener {
  /** The port in use. */
  readonly port: number;
  /**
   * Uses another certificate, which matches its key, for new connections. Open connections continue.
   * @throws {Error} if the implementation cannot do it.
   */
  renew(certificate: Certificate): void;
  /** Stops accepting, waits up to `graceMs` for open connections to end, and cuts the rest. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Starts listening. Recovers if accepting fails for a while.
 * @throws {Deno.errors.AddrInUse} and similar errors if it cannot start.
 */
export type Listen = (handler: Handler, options: ListenOptions) => Promise<Listener>;
