// The transport over node:http and the `ws` library. It bounds what the other one cannot: a message's size before it is
// in memory, a request's head, and how long a peer that has stopped reading keeps its connection.
//
// Known limit: on Deno 2.6 node:http has no such bounds, knows no peer address of an upgrade, and of https neither the port that
// a request is for nor how to show another certificate.
import { createHeaders, createRequest, sendResponse } from "@remix-run/node-fetch-server";
import { Buffer } from "node:buffer";
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { setImmediate } from "node:timers";
// @ts-types="./ws_types.d.ts"
import { WebSocketServer } from "ws";
import { type ErrorCode, type ErrorRow, ERRORS } from "../protocol/errors.ts";
import { HttpServer } from "./node_server.ts";
import { OpenConnections } from "./open_connections.ts";
import { CUT, StreamConnection } from "./stream_connection.ts";
import type { Certificate, Handler, Listen, Listener, ListenOptions, Peer } from "./transport.ts";
import { SILENT_PARTS, WsConnection } from "./ws_connection.ts";

/** How large a request's head may be, and how many headers it may have. */
const MAX_HEAD_BYTES = 8 * 1024;
const MAX_HEADERS = 64;

/** Overdue heads are looked for this often in the time that they have. */
const HEAD_CHECKS = 5;

/**
 * Requests of one connection that may wait for their answers. node:http runs all that are sent together, and holds every
 * answer until it is read.
 */
const MAX_UNANSWERED = 6;

/** Silence after which the system asks whether the peer of a request is still there. */
const KEEP_ALIVE_MS = 60_000;

/** What else a request offers to become is of no interest (RFC 9110, section 7.8). The types know it not. */
const UPGRADES = {
  shouldUpgradeCallback: ({ headers }: IncomingMessage) =>
    headers.upgrade?.toLowerCase() === "websocket",
};

/** Upgrades in one turn of the event loop. */
const MAX_UPGRADES = 16;

/** How long the library waits for a peer that we have closed, or that has broken the protocol. */
const CLOSING = { closeTimeout: 5_000 };

/** 16 bytes in base64 (RFC 6455, section 4.2.1). */
const KEY = /^[+/\dA-Za-z]{22}==$/;

/** What the server's handler hands back for a request that has become a WebSocket. */
const UPGRADED = new Response(null);

/** Who may not connect is told before it has asked for anything. */
const TOO_MANY = encodeHead(refuse("too_many_connections", { "retry-after": "5" }));

/** A request for an upgrade, and what has come behind it. */
interface Waiting {
  readonly message: IncomingMessage;
  readonly head: Buffer;
}

/** Listens with node:http. */
export const listenWs: Listen = async (handler, options) => {
  const listener = new WsListener(handler, options);
  await listener.listen();
  return listener;
};

class WsListener implements Listener {
  readonly #handler: Handler;
  readonly #options: ListenOptions;
  readonly #open = new OpenConnections<WsConnection>();
  readonly #requests = new OpenConnections<IncomingMessage>();
  /** Requests of a connection that wait for their answers. */
  readonly #unanswered = new WeakMap<Socket, number>();
  readonly #http: HttpServer;
  readonly #webSockets: WebSocketServer;
  #sweep: ReturnType<typeof setInterval> | undefined;
  /** The subprotocol of the upgrade that is under way; empty for none. */
  #protocol = "";
  readonly #upgrades: Waiting[] = [];
  #isStopping = false;

  constructor(handler: Handler, options: ListenOptions) {
    this.#handler = handler;
    this.#options = options;
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxMessageBytes,
      ...CLOSING,
      handleProtocols: () => this.#protocol || false,
    });
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
        server.on("connection", (socket) => this.#admit(socket));
        server.on("request", (message, response) => {
          message.url = originForm(message.url);
          message.socket.setKeepAlive(true, KEEP_ALIVE_MS);
          void this.#answer(message, response);
        });
        server.on("upgrade", (message, socket, head) => {
          socket.on("error", ignore); // it may break while it waits
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
    // Who says something is told what became of it.
    await Promise.all([this.#open, this.#requests].map((open) => open.untilEmpty(graceMs)));
    clearInterval(this.#sweep);
    for (const connection of this.#open) connection.terminate();
    await this.#http.close();
  }

  async #answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const completed = this.#await(message, response);
    if (!completed) return void message.socket.destroy();
    this.#requests.hold(message, completed);
    const upgrade = () => {
      throw new TypeError("Cannot upgrade: the request does not ask for it");
    };
    const makeRequest = () => createRequest(message, response);
    const stream: Peer["stream"] = (headers, onOpen, onEnd) => {
      void completed.then(onEnd);
      const connection = new StreamConnection({
        remoteAddress: message.socket.remoteAddress ?? "",
        completed,
        log: this.#options.log,
      });
      onOpen(connection);
      return new Response(connection.body, { headers });
    };
    const answer = await this.#handle(message, { makeRequest, upgrade, stream });
    await sendResponse(response, answer).catch((error) => {
      if (error !== CUT) this.#options.log("error", "answer failed", { error });
      response.destroy();
    });
  }

  /**
   * The end of an answer, sent or not; undefined when its connection has asked for too much at once. An answer that waits
   * behind another is not told when the connection ends.
   */
  #await({ socket }: IncomingMessage, response: ServerResponse): Promise<void> | undefined {
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

  /** A few at a time: a thousand who come at once must not delay those who are here. */
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
        onEnd?.(); // before it was open
        return new Response(null, { status: 426, headers: { upgrade: "websocket" } });
      },
    });
    if (answer === UPGRADED) return;
    // The peer may not hang up by itself, nor read, and node:http looks after this socket no more.
    const { socket } = message;
    if (socket.destroyed) return;
    const timer = setTimeout(() => socket.destroy(), this.#options.headWaitMs);
    socket.once("close", () => clearTimeout(timer));
    socket.once("finish", () => socket.destroy());
    socket.end(await encodeRefusal(answer));
  }

  async #handle(message: IncomingMessage, { makeRequest, ...ways }: Making): Promise<Response> {
    // Two items for each.
    if (message.rawHeaders.length > 2 * MAX_HEADERS) return new Response(null, { status: 431 });
    let request: Request;
    try {
      request = makeRequest();
    } catch {
      return refuse("bad_request"); // the Host header may be anything
    }
    try {
      const { remoteAddress = "" } = message.socket;
      return await this.#handler(request, { remoteAddress, ...ways });
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
    const key = headers["sec-websocket-key"] ?? "";
    if (headers["sec-websocket-version"] !== "13" || !KEY.test(key)) {
      throw new TypeError("Cannot upgrade: a header is missing or wrong");
    }
    this.#protocol = protocol;
    let isOpen = false;
    this.#webSockets.handleUpgrade(message, socket, head, (webSocket) => {
      isOpen = true;
      const { log } = this.#options;
      const connection = new WsConnection({ webSocket, socket, log, onEnd: this.#makeEnd(onEnd) });
      this.#open.add(connection);
      onOpen(connection);
    });
    if (!isOpen) onEnd?.(); // the peer has gone meanwhile
    return UPGRADED;
  }

  /** Apart, so that what lives as long as the connection does not keep the request alive. */
  #makeEnd(onEnd: Upgrade["onEnd"]): (connection: WsConnection) => void {
    return (connection) => {
      this.#open.delete(connection);
      onEnd?.();
    };
  }

  /** The library or node:http knows a TCP connection only once it has said something. */
  #admit(socket: Socket): void {
    try {
      const leave = this.#options.acquire?.(socket.remoteAddress ?? "");
      if (leave) socket.once("close", leave);
    } catch {
      socket.on("error", ignore);
      socket.end(TOO_MANY, () => socket.destroy());
    }
  }
}

/** What is to be told about one that is under way. */
interface Upgrade {
  readonly onOpen: Parameters<Peer["upgrade"]>[1];
  readonly onEnd: (() => void) | undefined;
}

/** What differs between a plain request and one for an upgrade. */
interface Making extends Omit<Peer, "remoteAddress"> {
  readonly makeRequest: () => Request;
}

function ignore(): void {}

/** A request may name its target with the host before it (RFC 9112, section 3.2.2). */
function originForm(target = "/"): string {
  return target.replace(/^https?:\/\/[^/?]*/i, "") || "/";
}

/** Once a request has asked for an upgrade its socket is ours, and node:http answers it no more. */
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
