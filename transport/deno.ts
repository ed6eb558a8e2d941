// Implements the transport over Deno.serve and Deno.upgradeWebSocket.
//
// Known limits of Deno: it cannot bound an inbound message before the message is in memory, has no deadline for a request's
// head, and cannot drop a peer that has stopped reading. It cannot reload a certificate either: that would take a new server,
// and stopping the old one closes its WebSockets. Deno 2.6 compresses responses by itself unless they are encoded already or
// say `no-transform`; Deno 2.9 does so only on request.
import { isLoopback } from "../base/ip_address.ts";
import { closeFor, ERRORS } from "../protocol/errors.ts";
import type { Log } from "../base/log.ts";
import type { Frame } from "../protocol/frame.ts";
import { checkHandshake } from "./handshake.ts";
import { OpenConnections } from "./open_connections.ts";
import { CUT, StreamConnection } from "./stream_connection.ts";
import {
  type Connection,
  type ConnectionHandlers,
  type Handler,
  type Listen,
  type Listener,
  type ListenOptions,
  UNSEEN_BYTES,
} from "./transport.ts";

/** Delay before listening again after accepting failed. */
const RELISTEN_DELAY_MS = 100;

/** Time for an upgrade to open. If the peer leaves before that, Deno reports nothing at all. */
const OPEN_WAIT_MS = 3_000;

/** Listens with Deno's own server. */
// deno-lint-ignore require-await -- other transports start listening asynchronously
export const listenDeno: Listen = async (handler, options) => new DenoListener(handler, options);

/** Serves requests with Deno.serve, and restarts it when accepting fails. */
class DenoListener implements Listener {
  readonly port: number;
  readonly #handler: Handler;
  readonly #options: ListenOptions;
  readonly #log: Log;
  readonly #open = new OpenConnections<DenoConnection>();
  readonly #requests = new OpenConnections<Request>();
  readonly #opening = new Set<ReturnType<typeof setTimeout>>();
  #server: Deno.HttpServer<Deno.NetAddr> | undefined;
  #relisten: ReturnType<typeof setTimeout> | undefined;
  readonly #abort = new AbortController();
  #isStopping = false;

  constructor(handler: Handler, options: ListenOptions) {
    this.#handler = handler;
    this.#options = options;
    this.#log = options.log;
    this.#server = this.#serve(options.port);
    this.port = this.#server.addr.port;
  }

  renew(): never {
    throw new Error(
      "transport deno cannot reload a certificate: restart the server or use --transport ws",
    );
  }

  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#relisten);
    // Clients receive the answers to what they have sent.
    await Promise.all([this.#open, this.#requests].map((open) => open.untilEmpty(graceMs)));
    // Not shutdown(): it never ends if a peer has stopped reading.
    this.#abort.abort();
    await this.#server?.finished;
    for (const timer of this.#opening) clearTimeout(timer);
  }

  #serve(port: number): Deno.HttpServer<Deno.NetAddr> {
    const { hostname, certificate } = this.#options;
    const server = Deno.serve({
      ...(hostname ? { hostname } : {}),
      ...certificate,
      port,
      signal: this.#abort.signal,
      onListen: () => {},
      onError: (error) => this.#fail(error),
    }, (request, info) => this.#handle(request, info));
    // Deno stops listening when accept fails, for instance for want of file descriptors.
    server.finished.catch((error) => {
      this.#log("error", "accept failed", { error });
      this.#server = undefined;
      this.#listenAgain();
    });
    return server;
  }

  #listenAgain(): void {
    if (this.#isStopping) return;
    this.#relisten = setTimeout(() => {
      try {
        this.#server = this.#serve(this.port);
        this.#log("info", "listening again", { port: this.port });
      } catch {
        this.#listenAgain(); // The cause persists. It was logged at the first failure.
      }
    }, RELISTEN_DELAY_MS);
  }

  #handle(request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>) {
    const { completed, remoteAddr: { hostname: remoteAddress, port } } = info;
    // The peer has left already, and Deno does not know its address any more: no limit would count its requests.
    if (port === 0) return new Response(null, { status: 400 });
    const { pongWaitMs } = this.#options;
    this.#requests.track(request, completed); // `completed` also settles when a request is upgraded
    return this.#handler(request, {
      remoteAddress,
      isHostless: this.#isHostless(request),
      stream: (headers, onOpen, onEnd = () => {}) => {
        completed.then(onEnd, onEnd);
        const connection = new StreamConnection({ remoteAddress, completed, log: this.#log });
        onOpen(connection);
        return new Response(connection.body, { headers });
      },
      upgrade: (protocol, onOpen, onEnd) => {
        if (this.#isStopping) {
          onEnd?.();
          return new Response(null, { status: 503 });
        }
        const { headers } = request;
        checkHandshake({
          version: headers.get("sec-websocket-version"),
          key: headers.get("sec-websocket-key"),
        });
        const { socket, response } = Deno.upgradeWebSocket(offerOnly(request, protocol), {
          protocol,
          // Deno pings after half of this time and ends the connection if nothing arrives in the other half.
          idleTimeout: pongWaitMs === Infinity ? 0 : pongWaitMs / 1000,
        });
        const connection = new DenoConnection(socket, remoteAddress, this.#log);
        const stopWaiting = this.#limitOpening(connection);
        socket.onopen = () => {
          if (!stopWaiting()) return connection.close(1000, "");
          this.#open.add(connection);
          onOpen(connection);
        };
        connection.onEnd = () => {
          stopWaiting();
          this.#open.delete(connection);
          onEnd?.();
        };
        return response;
      },
    });
  }

  /** Returns whether Deno has put the address that it listens on into the URL, for want of a host in the request. */
  #isHostless({ headers, url }: Request): boolean {
    if (headers.has("host") || !this.#server) return false; // HTTP/2 names the host in the URL only
    const { hostname, port } = this.#server.addr;
    const isLocal = ["0.0.0.0", "::"].includes(hostname) || isLoopback(hostname);
    const host = isLocal ? "localhost" : hostname.includes(":") ? `[${hostname}]` : hostname;
    const { protocol, host: named } = URL.parse(url) ?? {};
    return URL.parse(`${protocol}//${host}:${port}`)?.host === named;
  }

  /**
   * Ends a connection that does not open in time. Returns a function that stops waiting, and whose result is false if the time
   * had run out.
   */
  #limitOpening(connection: DenoConnection): () => boolean {
    const timer = setTimeout(() => {
      this.#opening.delete(timer);
      connection.giveUp();
    }, OPEN_WAIT_MS);
    this.#opening.add(timer);
    return () => {
      clearTimeout(timer);
      return this.#opening.delete(timer);
    };
  }

  #fail(error: unknown): Response {
    if (error !== CUT) this.#log("error", "request failed", { error });
    return new Response(`${ERRORS.internal.sentence}\n`, { status: ERRORS.internal.status });
  }
}

/**
 * Returns the request as if it offered one subprotocol, or none. Deno splits the list of offers at a comma with one space only,
 * and lists come without that space and in several headers too.
 */
function offerOnly(request: Request, protocol: string): Request {
  const headers = new Headers(request.headers);
  if (protocol) headers.set("sec-websocket-protocol", protocol);
  else headers.delete("sec-websocket-protocol");
  // Deno recognizes a request that it serves by the object: a copy of it could not be upgraded.
  return Object.defineProperty(request, "headers", { value: headers });
}

/** A WebSocket of Deno. */
class DenoConnection implements Connection {
  readonly remoteAddress: string;
  readonly unseenBytes = UNSEEN_BYTES;
  readonly #socket: WebSocket;
  readonly #log: Log;
  #isEnded = false;
  onEnd = () => {};

  constructor(socket: WebSocket, remoteAddress: string, log: Log) {
    this.remoteAddress = remoteAddress;
    this.#socket = socket;
    this.#log = log;
    socket.binaryType = "arraybuffer";
    // A failed connection also emits `close`. An unhandled error event would end the process.
    socket.onerror = (event) => event.preventDefault();
    socket.onclose = () => this.#end(() => {});
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  listen(handlers: ConnectionHandlers): void {
    const guarded = (handle: () => void) => {
      try {
        handle();
      } catch (error) {
        this.#log("error", "connection handler failed", { error });
        const { closeCode, reason } = closeFor("internal");
        this.close(closeCode, reason);
      }
    };
    this.#socket.onmessage = (event) => guarded(() => handlers.onMessage(event.data));
    this.#socket.onclose = () => this.#end(() => guarded(() => handlers.onClose()));
  }

  send({ text }: Frame): void {
    this.#socket.send(text);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  terminate(code: number, reason: string): void {
    this.close(code, reason);
  }

  /** Ends a connection that never opened. */
  giveUp(): void {
    this.#end(() => {});
  }

  /** Reports the end once: Deno may report one close twice. */
  #end(onClose: () => void): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    onClose();
    this.onEnd();
  }
}
