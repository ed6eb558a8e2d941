// Implements the transport over node:http, with WebSockets of its own. Unlike the transport over Deno.serve it bounds the size
// and time of a message before the message is in memory, the size and time of a request's head, and the time for which a peer
// that has stopped reading keeps its connection.
//
// Known limits on Deno 2.6: node:http has no such bounds and no peer address of an upgrade. With https it does not know the port
// of a request and cannot reload a certificate.
import { createHeaders, createRequest } from "@remix-run/node-fetch-server";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { setImmediate } from "node:timers";
import { type ErrorCode, type ErrorRow, ERRORS } from "../protocol/errors.ts";
import { isUnread, sendAnswer } from "./answer.ts";
import { checkHandshake } from "./handshake.ts";
import { countHosts, HttpServer } from "./node_server.ts";
import { OpenConnections } from "./open_connections.ts";
import { CUT, StreamConnection } from "./stream_connection.ts";
import {
  type Certificate,
  type Handler,
  type Listen,
  type Listener,
  type ListenOptions,
  MESSAGE_WAIT_MS,
  type Peer,
  WRITE_WAIT_MS,
} from "./transport.ts";
import { SILENT_PARTS, WsConnection } from "./ws_connection.ts";

/** Maximum size of a request's head, and maximum number of its headers. */
const MAX_HEAD_BYTES = 8 * 1024;
const MAX_HEADERS = 64;

/** Methods that some URL supports. */
const METHODS = "GET, HEAD, POST, OPTIONS, DELETE";

/** Number of checks for overdue heads during `headWaitMs`. */
const HEAD_CHECKS = 5;

/** Maximum number of unanswered requests on one connection. They are handled one after another. */
const MAX_UNANSWERED = 6;

/** Time of silence after which TCP keep-alive probes the peer of a request. */
const KEEP_ALIVE_MS = 60_000;

/** Upgrades to anything but a WebSocket are ignored (RFC 9110, section 7.8). The option is missing in the types. */
const UPGRADES = {
  shouldUpgradeCallback: ({ headers }: IncomingMessage) =>
    headers.upgrade?.toLowerCase() === "websocket",
};

/** Upgrades in one iteration of the event loop. */
const MAX_UPGRADES = 16;

/**
 * Idle time after which the connection of a proxy is closed. A proxy that keeps it for longer may send a request just as the
 * connection ends, and reports 502. Caddy keeps one for 2 minutes, Google's load balancers
 * for 10. Connections of other peers have the 5 s of node:http.
 */
const PROXY_IDLE_MS = 620_000;

/** Constant that a handshake hashes with the key of the client (RFC 6455, section 1.3). */
const HANDSHAKE_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Result of the handler for a request that was upgraded. */
const UPGRADED = new Response(null);

/** Answer to a refused TCP connection, sent before its first request. */
const TOO_MANY = encodeHead(refuse("too_many_connections", { "retry-after": "5" }));

/** A request for an upgrade. */
interface Waiting {
  readonly message: IncomingMessage;
  /** Bytes received behind the request. */
  readonly head: Buffer;
}

/** Headers of an answer on the connection of a proxy. */
const PROXY_HEADERS = { connection: "keep-alive", "keep-alive": `timeout=${PROXY_IDLE_MS / 1000}` };

/** Listens with node:http. */
export const listenWs: Listen = async (handler, options) => {
  const listener = new WsListener(handler, options);
  await listener.listen();
  return listener;
};

/** Serves requests with node:http, and upgrades them to WebSockets. */
class WsListener implements Listener {
  readonly #handler: Handler;
  readonly #options: ListenOptions;
  readonly #open = new OpenConnections<WsConnection>();
  readonly #requests = new OpenConnections<IncomingMessage>();
  /** Number of unanswered requests by connection. */
  readonly #unanswered = new WeakMap<Socket, number>();
  /** End of the last answer by connection. */
  readonly #last = new WeakMap<Socket, Promise<void>>();
  readonly #http: HttpServer;
  #sweep: ReturnType<typeof setInterval> | undefined;
  readonly #upgrades: Waiting[] = [];
  #isStopping = false;

  constructor(handler: Handler, options: ListenOptions) {
    this.#handler = handler;
    this.#options = options;
    const { hostname, log, headWaitMs, certificate } = options;
    this.#http = new HttpServer({
      hostname,
      log,
      certificate,
      http: {
        maxHeaderSize: MAX_HEAD_BYTES,
        headersTimeout: headWaitMs,
        connectionsCheckingInterval: headWaitMs / HEAD_CHECKS,
        handshakeTimeout: headWaitMs,
        ...UPGRADES,
      },
      prepare: (server) => {
        server.on("connection", (socket) => this.#acquire(socket));
        for (const event of ["connection", "secureConnection"]) server.on(event, dropUnknown);
        server.on("request", (message, response) => {
          message.url = originForm(message.url);
          if (message.socket.destroyed) return;
          message.socket.setKeepAlive(true, KEEP_ALIVE_MS);
          void this.#answer(message, response);
        });
        server.on("upgrade", (message, socket, head) => {
          socket.on("error", ignore); // it may break while it is queued
          message.url = originForm(message.url);
          this.#upgrades.push({ message, head });
          if (this.#upgrades.length === 1) setImmediate(() => this.#upgradeSome());
        });
      },
    });
  }

  get port(): number {
    return this.#http.port;
  }

  async listen(): Promise<void> {
    await this.#http.listen(this.#options.port);
    const { pongWaitMs } = this.#options;
    if (pongWaitMs === Infinity) return;
    this.#sweep = setInterval(() => {
      for (const connection of this.#open) connection.countSilence();
    }, pongWaitMs / SILENT_PARTS);
  }

  renew(certificate: Certificate): void {
    this.#http.renew(certificate);
  }

  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    // Clients receive the answers to what they have sent.
    await Promise.all([this.#open, this.#requests].map((open) => open.untilEmpty(graceMs)));
    clearInterval(this.#sweep);
    for (const connection of this.#open) connection.terminate();
    await this.#http.close();
  }

  async #answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const completed = this.#awaitEnd(message, response);
    if (!completed) return void message.socket.destroy();
    this.#requests.track(message, completed);
    const { socket } = message;
    const previous = this.#last.get(socket);
    this.#last.set(socket, completed);
    if (previous) await previous;
    if (socket.destroyed) return;
    this.#limitBody(message, completed);
    const upgrade = () => {
      throw new TypeError("Cannot upgrade: the request does not ask for it");
    };
    const makeRequest = () => createRequest(message, response);
    let isStream = false;
    const stream: Peer["stream"] = (headers, onOpen, onEnd) => {
      void completed.then(onEnd);
      isStream = true;
      const connection = new StreamConnection({
        remoteAddress: message.socket.remoteAddress ?? "",
        completed,
        log: this.#options.log,
      });
      onOpen(connection);
      return new Response(connection.body, { headers });
    };
    const answer = await this.#handle(message, { makeRequest, upgrade, stream });
    const { remoteAddress = "" } = socket;
    const { log, hold, writeWaitMs = WRITE_WAIT_MS, isProxy } = this.#options;
    if (isProxy?.(remoteAddress)) keepForProxy(answer, response);
    await sendAnswer(message, response, {
      answer,
      writeWaitMs: isStream ? Infinity : writeWaitMs,
      hold: hold && ((holder) => hold(remoteAddress, holder)),
    }).catch((error) => {
      if (error !== CUT) log("error", "answer failed", { error });
      response.destroy();
    });
  }

  /** Ends the connection if the body of its request does not arrive in time, whether anybody reads the body or not. */
  #limitBody(message: IncomingMessage, completed: Promise<void>): void {
    if (!isUnread(message)) return;
    const { messageWaitMs = MESSAGE_WAIT_MS } = this.#options;
    // A handler that reads the body has the same deadline, and time to answer that it has passed.
    const timer = setTimeout(() => {
      if (isUnread(message)) message.socket.destroy();
    }, messageWaitMs + this.#options.headWaitMs);
    void completed.then(() => clearTimeout(timer));
  }

  /**
   * Returns a promise of the end of an answer, sent or not; undefined if its connection has too many unanswered requests.
   * Listens to the socket as well: node:http does not report the end of the connection to an answer that is queued behind
   * another.
   */
  #awaitEnd({ socket }: IncomingMessage, response: ServerResponse): Promise<void> | undefined {
    const count = (this.#unanswered.get(socket) ?? 0) + 1;
    if (count > MAX_UNANSWERED) return undefined;
    this.#unanswered.set(socket, count);
    return new Promise((resolve) => {
      const end = () => {
        response.off("close", end);
        socket.off("close", end);
        this.#unanswered.set(socket, this.#unanswered.get(socket)! - 1);
        resolve();
      };
      response.on("close", end);
      socket.on("close", end);
    });
  }

  /** Upgrades a few at a time, so that a thousand simultaneous upgrades do not delay open connections. */
  #upgradeSome(): void {
    for (const waiting of this.#upgrades.splice(0, MAX_UPGRADES)) void this.#answerUpgrade(waiting);
    if (this.#upgrades.length > 0) setImmediate(() => this.#upgradeSome());
  }

  async #answerUpgrade({ message, head }: Waiting): Promise<void> {
    const { method = "GET", url } = message;
    const answer = await this.#handle(message, {
      makeRequest: () =>
        new Request(
          `${this.#options.certificate ? "https" : "http"}://${message.headers.host}${url}`,
          { method, headers: createHeaders(message) },
        ),
      upgrade: (protocol, onOpen, onEnd) =>
        this.#upgrade({ message, head }, protocol, { onOpen, onEnd }),
      stream: (_headers, _onOpen, onEnd) => {
        onEnd?.(); // it never opened
        return new Response(null, { status: 426, headers: { upgrade: "websocket" } });
      },
    });
    if (answer === UPGRADED) return;
    // The peer may neither read nor hang up, and node:http no longer watches this socket.
    const { socket } = message;
    if (socket.destroyed) return;
    const timer = setTimeout(() => socket.destroy(), this.#options.headWaitMs);
    socket.once("close", () => clearTimeout(timer));
    socket.once("finish", () => socket.destroy());
    socket.end(await encodeRefusal(answer));
  }

  async #handle(message: IncomingMessage, { makeRequest, ...ways }: Making): Promise<Response> {
    // Each header takes two items.
    if (message.rawHeaders.length > 2 * MAX_HEADERS) return new Response(null, { status: 431 });
    const hosts = countHosts(message);
    if (hosts > 1) return refuse("bad_request");
    if (message.method === "TRACE") return refuse("method_not_allowed", { allow: METHODS });
    let request: Request;
    try {
      request = makeRequest();
    } catch {
      return refuse("bad_request"); // the Host header may be invalid
    }
    try {
      const { remoteAddress = "" } = message.socket;
      return await this.#handler(request, { remoteAddress, isHostless: hosts === 0, ...ways });
    } catch (error) {
      this.#options.log("error", "request failed", { error });
      return refuse("internal");
    }
  }

  #upgrade({ message, head }: Waiting, protocol: string, { onOpen, onEnd }: Upgrade): Response {
    if (this.#isStopping) {
      onEnd?.();
      return new Response(null, { status: 503 });
    }
    const { socket, headers } = message;
    const key = headers["sec-websocket-key"];
    checkHandshake({ version: headers["sec-websocket-version"], key });
    if (!socket.readable || !socket.writable) { // the peer has left meanwhile
      socket.destroy();
      onEnd?.();
      return UPGRADED;
    }
    socket.write([
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${createHash("sha1").update(key + HANDSHAKE_GUID).digest("base64")}`,
      ...protocol ? [`Sec-WebSocket-Protocol: ${protocol}`] : [],
      "\r\n",
    ].join("\r\n"));
    const { log, maxMessageBytes, messageWaitMs = MESSAGE_WAIT_MS } = this.#options;
    const connection = new WsConnection({
      socket,
      log,
      maxMessageBytes,
      messageWaitMs,
      onEnd: this.#makeEnd(onEnd),
    });
    this.#open.add(connection);
    onOpen(connection);
    connection.begin(head);
    return UPGRADED;
  }

  /** Creates the callback in a scope of its own, so that it does not keep the request in memory as long as the connection. */
  #makeEnd(onEnd: Upgrade["onEnd"]): (connection: WsConnection) => void {
    return (connection) => {
      this.#open.delete(connection);
      onEnd?.();
    };
  }

  /** Acquires a slot for a TCP connection. Otherwise silent ones are not counted: node:http sees them too late. */
  #acquire(socket: Socket): void {
    try {
      const release = this.#options.acquire?.(socket.remoteAddress ?? "");
      if (release) socket.once("close", release);
    } catch {
      socket.on("error", ignore);
      socket.end(TOO_MANY, () => socket.destroy());
    }
  }
}

/** Callbacks of an upgrade. */
interface Upgrade {
  readonly onOpen: Parameters<Peer["upgrade"]>[1];
  readonly onEnd: (() => void) | undefined;
}

/** Functions that differ between a plain request and a request for an upgrade. */
interface Making extends Omit<Peer, "remoteAddress"> {
  readonly makeRequest: () => Request;
}

function ignore(): void {}

/**
 * Drops a connection whose peer has left already: its address is not known any more, so that no limit would count its requests.
 * An address that was known once stays known.
 */
function dropUnknown(socket: Socket): void {
  if (socket.remoteAddress === undefined) socket.destroy();
}

/** Keeps the connection of a proxy open behind this answer. */
function keepForProxy({ headers }: Response, response: ServerResponse): void {
  if (!headers.has("connection") && response.shouldKeepAlive) {
    for (const [name, value] of Object.entries(PROXY_HEADERS)) headers.set(name, value);
  }
  response.once("finish", () => response.req.socket?.setTimeout(PROXY_IDLE_MS)); // behind that of node:http
}

/** Returns the path and query of a request target, which may be an absolute URL (RFC 9112, section 3.2.2). */
function originForm(target = "/"): string {
  return target.replace(/^https?:\/\/[^/?]*/i, "") || "/";
}

/** Encodes an answer to a request for an upgrade: node:http does not write to its socket any more. */
async function encodeRefusal(answer: Response): Promise<Buffer> {
  const body = Buffer.from(await answer.arrayBuffer());
  answer.headers.set("content-length", String(body.length));
  return Buffer.concat([Buffer.from(encodeHead(answer)), body]);
}

function encodeHead({ status, headers }: Response): string {
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...[...headers, ["connection", "close"]].map(([name, value]) => `${name}: ${value}`),
    "\r\n",
  ].join("\r\n");
}

function refuse(code: ErrorCode, headers: HeadersInit = {}): Response {
  const { sentence, status = 500 }: ErrorRow = ERRORS[code];
  return new Response(`${sentence}\n`, { status, headers });
}
