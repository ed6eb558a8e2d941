// HttpServer wraps node:http and listens again after accepting has failed. For want of file descriptors Deno stops accepting
// for good and without an error (seen with 2.9.6). So whenever a connection has ended and none has been accepted since, a probe
// tests whether connecting still works.
import { delay } from "@std/async/delay";
import { createServer, type IncomingMessage, type Server } from "node:http";
import {
  createServer as createTlsServer,
  type Server as TlsServer,
  type ServerOptions,
} from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Log } from "../base/log.ts";
import type { Certificate } from "./transport.ts";

/** Delay of a probe after a connection has ended. */
const PROBE_DELAY_MS = 500;

/**
 * Interval at which a probe polls whether its connection was accepted, and number of polls. Polls are counted, not timed,
 * because a busy event loop polls as rarely as it accepts. Connecting has the same limit: if the accept queue is full, it
 * would take minutes to fail.
 */
const PROBE_POLL_MS = 10;
const PROBE_POLLS = 50;

/** Address at which a server that listens on all addresses reaches itself. */
const LOCAL = new Map([["", "127.0.0.1"], ["0.0.0.0", "127.0.0.1"], ["::", "::1"]]);

export interface HttpServerOptions {
  /** Empty: every IPv4 address of the machine. */
  readonly hostname: string;
  readonly log: Log;
  /** Enables https. */
  readonly certificate: Certificate | undefined;
  readonly http: ServerOptions;
  /** Adds event listeners to each new server. */
  readonly prepare: (server: Server) => void;
}

/** Listens on one address, and replaces its server when accepting fails. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #log: Log;
  #certificate: Certificate | undefined;
  #server: Server | TlsServer;
  #port = 0;
  /** Connections accepted so far. */
  #accepted = 0;
  /** Value of `#accepted` when a connection ended last. */
  #acceptedAtEnd = 0;
  #probe: ReturnType<typeof setTimeout> | undefined;
  /** Connections accepted during a probe: the probe's own, and others. */
  #duringProbe: Socket[] | undefined;
  #isFailing = false;
  #isClosing = false;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#certificate = options.certificate;
    this.#server = this.#make();
  }

  get port(): number {
    return this.#port;
  }

  /** Starts listening. @throws {Deno.errors.AddrInUse} and similar errors. */
  async listen(port: number): Promise<void> {
    const server = this.#server;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen(port, this.#options.hostname || "0.0.0.0", resolve);
    await promise.catch((cause) => {
      if (cause.code !== "EADDRINUSE") throw cause;
      throw new Deno.errors.AddrInUse(cause.message, { cause });
    });
    server.off("error", reject);
    server.on("error", (error) => this.#log("error", "accept failed", { error }));
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Uses another certificate for new connections. Open connections continue. */
  renew(certificate: Certificate): void {
    (this.#server as TlsServer).setSecureContext({ ...certificate });
    this.#certificate = certificate;
  }

  /** Stops accepting and cuts all connections that were not upgraded. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#probe);
    await new Promise<unknown>((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  #make(): Server | TlsServer {
    const { http } = this.#options;
    const certificate = this.#certificate;
    const server = certificate ? createTlsServer({ ...http, ...certificate }) : createServer(http);
    server.on("connection", (socket) => {
      this.#accepted++;
      if (this.#duringProbe) this.#duringProbe.push(socket);
      else socket.on("close", this.#onEnd);
    });
    this.#options.prepare(server);
    return server;
  }

  readonly #onEnd = () => this.#probeLater();

  #probeLater(): void {
    if (this.#isClosing) return;
    this.#acceptedAtEnd = this.#accepted;
    this.#probe ??= setTimeout(async () => {
      const isAlive = this.#accepted > this.#acceptedAtEnd || await this.#canConnect();
      this.#probe = undefined;
      if (!isAlive) await this.#listenAgain();
    }, PROBE_DELAY_MS);
  }

  /** Resolves with whether a connection is accepted. */
  async #canConnect(): Promise<boolean> {
    const acceptedBefore = this.#accepted;
    const { hostname } = this.#options;
    const accepted: Socket[] = this.#duringProbe = [];
    let probePort = 0;
    const giveUp = new AbortController();
    // Do not abort once a connection was accepted: Deno leaks one that is aborted just as it is established.
    const polled = this.#pollAccepted(acceptedBefore).then(() => {
      if (this.#accepted === acceptedBefore) giveUp.abort();
    });
    try {
      using connection = await Deno.connect({
        hostname: LOCAL.get(hostname) ?? hostname,
        port: this.#port,
        signal: giveUp.signal,
      });
      probePort = connection.localAddr.port;
      await polled;
    } catch {
      await polled; // aborted by then, or no file descriptor was left for the probe itself
    } finally {
      this.#duringProbe = undefined;
      // The end of the probe's own connection is no reason for another probe.
      for (const socket of accepted.filter(({ remotePort }) => remotePort !== probePort)) {
        if (socket.destroyed) this.#probeLater();
        else socket.on("close", this.#onEnd);
      }
    }
    return this.#accepted > acceptedBefore;
  }

  /** Resolves when another connection was accepted, or after `PROBE_POLLS` polls. */
  async #pollAccepted(acceptedBefore: number): Promise<void> {
    for (let polls = 0; polls < PROBE_POLLS && this.#accepted === acceptedBefore; polls++) {
      await delay(PROBE_POLL_MS);
    }
  }

  async #listenAgain(): Promise<void> {
    if (this.#isClosing) return;
    if (!this.#isFailing) this.#log("error", "accept failed");
    this.#isFailing = true;
    this.#server.close();
    this.#server.closeAllConnections(); // a closed server no longer enforces their deadlines
    this.#server = this.#make();
    try {
      await this.listen(this.#port);
      if (this.#isClosing) return void this.#server.close();
      this.#isFailing = false;
      this.#log("info", "listening again", { port: this.#port });
    } catch {
      this.#probeLater(); // The cause persists. It was logged at the first failure.
    }
  }
}

/** Returns the number of Host headers of a request. node:http itself shows the first and drops the others. */
export function countHosts({ rawHeaders }: IncomingMessage): number {
  // Each header takes two items.
  return rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === "host").length;
}
