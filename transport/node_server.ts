// A server of node:http that goes on listening. Out of file descriptors Deno stops accepting, for good and without a
// word (seen with 2.9.6), so whenever somebody has left and nobody has come, it is tried out whether one still can.
import { delay } from "@std/async/delay";
import { createServer, type Server } from "node:http";
import {
  createServer as createTlsServer,
  type Server as TlsServer,
  type ServerOptions,
} from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Log } from "../base/log.ts";
import type { Certificate } from "./transport.ts";

/** How long after somebody has left. */
const PROBE_DELAY_MS = 500;

/**
 * How often it is looked at whether a connection from this machine has been accepted, and how many times. Counted, not
 * timed: a busy event loop comes round for it as often as for what it accepts. Nor does connecting get any longer: where
 * the queue of what is to be accepted is full, it would take minutes to fail.
 */
const PROBE_POLL_MS = 10;
const PROBE_POLLS = 50;

/** Where this machine reaches itself when it listens on every address. */
const LOCAL = new Map([["", "127.0.0.1"], ["0.0.0.0", "127.0.0.1"], ["::", "::1"]]);

export interface HttpServerOptions {
  /** Empty for every IPv4 address of the machine. */
  readonly hostname: string;
  readonly log: Log;
  /** To speak https. */
  readonly certificate: Certificate | undefined;
  readonly http: ServerOptions;
  /** Gives a new server its listeners. */
  readonly prepare: (server: Server) => void;
}

/** One address to listen on, whatever becomes of the server that does. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #log: Log;
  #certificate: Certificate | undefined;
  #server: Server | TlsServer;
  #port = 0;
  /** Connections accepted so far. */
  #accepted = 0;
  /** How many it were when somebody left last. */
  #acceptedAtLeave = 0;
  #probe: ReturnType<typeof setTimeout> | undefined;
  /** What was accepted while one is under way: the probe itself, and others. */
  #amongProbe: Socket[] | undefined;
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

  /** @throws {Deno.errors.AddrInUse} and the like. */
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

  /** Shows another certificate from now on; what is connected goes on. */
  renew(certificate: Certificate): void {
    (this.#server as TlsServer).setSecureContext({ ...certificate });
    this.#certificate = certificate;
  }

  /** Accepts nothing more, and cuts what no upgrade has taken over. */
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
      if (this.#amongProbe) this.#amongProbe.push(socket);
      else socket.on("close", this.#onLeave);
    });
    this.#options.prepare(server);
    return server;
  }

  readonly #onLeave = () => this.#probeLater();

  #probeLater(): void {
    if (this.#isClosing) return;
    this.#acceptedAtLeave = this.#accepted;
    this.#probe ??= setTimeout(async () => {
      const isAlive = this.#accepted > this.#acceptedAtLeave || await this.#canConnect();
      this.#probe = undefined;
      if (!isAlive) await this.#listenAgain();
    }, PROBE_DELAY_MS);
  }

  /** Whether a connection is accepted. */
  async #canConnect(): Promise<boolean> {
    const acceptedBefore = this.#accepted;
    const { hostname } = this.#options;
    const among: Socket[] = this.#amongProbe = [];
    let probePort = 0;
    const giveUp = new AbortController();
    // Not once something was accepted: Deno loses a connection that is given up just when it has come about.
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
      await polled; // given up by then, or out of descriptors for this as well
    } finally {
      this.#amongProbe = undefined;
      // The probe's own leaving is no reason for another.
      for (const socket of among.filter(({ remotePort }) => remotePort !== probePort)) {
        if (socket.destroyed) this.#probeLater();
        else socket.on("close", this.#onLeave);
      }
    }
    return this.#accepted > acceptedBefore;
  }

  /** Resolves when another connection was accepted, or after so many polls. */
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
    this.#server.closeAllConnections(); // it watches over their deadlines no more
    this.#server = this.#make();
    try {
      await this.listen(this.#port);
      if (this.#isClosing) return void this.#server.close();
      this.#isFailing = false;
      this.#log("info", "listening again", { port: this.#port });
    } catch {
      this.#probeLater(); // Still out of what was missing. It was logged when it began.
    }
  }
}
