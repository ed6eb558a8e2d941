// A server inside the test's own process: the real handler, hub and listener, on a free port of the loopback address.
import type { Authenticator } from "../../auth/authenticator.ts";
import { Hub } from "../../hub.ts";
import type { Journal } from "../../journal/journal.ts";
import { MemoryJournal } from "../../journal/memory.ts";
import { addressKey } from "../../base/ip_address.ts";
import type { Log } from "../../base/log.ts";
import { WaitingBytes } from "../../base/waiting_bytes.ts";
import { DEFAULT_LIMITS, type Limits } from "../../base/limits.ts";
import type { Proxies } from "../../http/client_address.ts";
import type { HostOptions } from "../../http/host.ts";
import { Metrics } from "../../http/prometheus.ts";
import { makeHandler } from "../../http/router.ts";
import { listenDeno } from "../../transport/deno.ts";
import type { Listen } from "../../transport/transport.ts";

export interface ServingOptions {
  readonly journal?: Journal;
  readonly keep?: number;
  readonly allowOrigins?: readonly string[];
  readonly authenticator?: Authenticator;
  readonly githubSecret?: string;
  readonly listen?: Listen;
  /** Unless told otherwise every name is accepted. */
  readonly hostOptions?: HostOptions;
  readonly proxies?: Proxies;
  /** Unless told otherwise tests may say as much as they like, from one address. */
  readonly limits?: Partial<Limits>;
}

/** A server that is stopped when it is disposed. */
export interface Serving extends AsyncDisposable {
  readonly hub: Hub;
  readonly authenticator: Authenticator | undefined;
  readonly port: number;
  /** Of the room `ops`. */
  readonly url: string;
  /** Events that were logged. */
  readonly logged: string[];
  /** Closes the rooms, as a signal does. */
  readonly stop: () => Promise<void>;
}

const UNLIMITED = { messagesPerS: Infinity, connectionsPerAddress: Infinity };

/** Time for connections to end at a stop. */
const GRACE_MS = 5_000;

export async function serve(options: ServingOptions = {}): Promise<Serving> {
  const { journal = new MemoryJournal(), keep = 0, listen = listenDeno, ...others } = options;
  const limits = { ...DEFAULT_LIMITS, ...UNLIMITED, ...options.limits };
  const logged: string[] = [];
  const log: Log = (level, event) => void (level !== "debug" && logged.push(event)); // as by default
  const hub = new Hub({ journal, keep, log });
  const running = hub.run();
  const metrics = new Metrics({ hub, version: "0" });
  const waiting = new WaitingBytes(limits);
  const deps = { hub, log, ...others, limits, waiting, metrics: { metrics, token: undefined } };
  const listener = await listen(makeHandler(deps), {
    hostname: "127.0.0.1",
    port: 0,
    pongWaitMs: 33_000,
    maxMessageBytes: 128 * 1024,
    headWaitMs: 5_000,
    hold: (address, answer) => waiting.hold(addressKey(address), answer),
    log,
  });
  const stop = async () => {
    hub.close("restarting");
    await listener.stop(GRACE_MS);
    await running;
    metrics[Symbol.dispose]();
  };
  const { port } = listener;
  const url = `http://127.0.0.1:${port}/r/ops`;
  return {
    hub,
    authenticator: options.authenticator,
    port,
    url,
    logged,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
