// Wiring: config -> journal -> hub -> server -> transport; signals; exit codes. Nothing else reads arguments, environment or
// signals, and nothing else ends the process.
import deno from "./deno.json" with { type: "json" };
import { type Config, ENV_NAMES, helpText, parseConfig } from "./config.ts";
import { MAX_MESSAGE_BYTES } from "./dialog.ts";
import { ChatError, type ErrorRow, ERRORS } from "./errors.ts";
import { Hub } from "./hub.ts";
import type { Journal } from "./journal/journal.ts";
import { MemoryJournal } from "./journal/memory.ts";
import { openSqliteJournal } from "./journal/sqlite.ts";
import { makeTextLog } from "./log.ts";
import { makeHandler } from "./server.ts";
import type { Handler, Listen, Listener } from "./transport/transport.ts";

/** Silence after which a peer is presumed gone. */
const PONG_WAIT_MS = 33_000;

/** Time for a request's head to arrive. */
const HEAD_WAIT_MS = 5_000;

/** Time for everybody to take leave after a signal, and until the process ends whatever happens: below 5 s. */
const GRACE_MS = 3_000;
const EXIT_DEADLINE_MS = 4_000;

/** `deno task` passes on a Ctrl-C that the program gets from the terminal as well: within this it is the same one. */
const SAME_SIGNAL_MS = 300;

/** Signals that stop the program. Windows has no SIGTERM. */
const STOP_SIGNALS: Deno.Signal[] = [
  "SIGINT",
  Deno.build.os === "windows" ? "SIGBREAK" : "SIGTERM",
];

/** Only the one that is used is loaded. */
const TRANSPORTS: Record<Config["transport"], () => Promise<Listen>> = {
  deno: async () => (await import("./transport/deno.ts")).listenDeno,
  ws: async () => (await import("./transport/ws.ts")).listenWs,
};

const log = makeTextLog((line) => {
  try {
    console.error(line);
  } catch { /* the disk behind a redirected log is full: there is nowhere left to say so */ }
});

async function main(args: string[]): Promise<void> {
  try {
    const env = Object.fromEntries(ENV_NAMES.map((name) => [name, Deno.env.get(name)]));
    const config = parseConfig(args, env);
    if (config.command === "help") console.log(helpText(deno.version));
    else if (config.command === "version") console.log(`confab ${deno.version}`);
    else await serve(config);
  } catch (error) {
    exitWith(error, args.some((arg) => /^--?debug$/.test(arg)));
  }
}

async function serve(config: Config): Promise<void> {
  keepAlive();
  const listenOn = await TRANSPORTS[config.transport]();
  const journal = openJournal(config);
  const hub = new Hub({ journal, keep: config.keep, log });
  const listener = await listen(config, listenOn, makeHandler({ hub, log }));
  const running = hub.run().catch((error) => {
    // Without its loop the rooms are dead, and only look alive.
    log("error", "hub failed", { error: error.stack });
    Deno.exit(1);
  });
  stopOnSignal(async () => {
    hub.close("restarting");
    await listener.stop(GRACE_MS);
    await running;
    journal[Symbol.dispose]();
  });
  greet(config, listener.port);
}

/** Opens the journal. From then on the program may neither read nor write any other file. */
function openJournal(config: Config): Journal {
  const journal = config.journal === "memory"
    ? new MemoryJournal()
    : openSqliteJournal(config.data);
  Deno.permissions.revokeSync({ name: "write" });
  Deno.permissions.revokeSync({ name: "read" });
  return journal;
}

/** What no code caught is logged, and does not end the process. */
function keepAlive(): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log("error", "unhandled rejection", { error: event.reason?.stack ?? event.reason });
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    log("error", "uncaught exception", { error: event.error?.stack ?? event.error });
  });
}

async function listen(config: Config, listenOn: Listen, handler: Handler): Promise<Listener> {
  const { hostname, port } = config;
  try {
    return await listenOn(handler, {
      hostname,
      port,
      pongWaitMs: PONG_WAIT_MS,
      maxMessageBytes: MAX_MESSAGE_BYTES,
      headWaitMs: HEAD_WAIT_MS,
      log,
    });
  } catch (cause) {
    const where = `${hostname || "every address"}, port ${port}`;
    const reason = cause instanceof Deno.errors.AddrInUse
      ? `another program uses it. Stop that one, or choose another port with --addr ${hostname}:PORT`
      : (cause as Error).message;
    const message = `Cannot listen on ${where}: ${reason}`;
    throw new ChatError("address_unavailable", { cause, message });
  }
}

/** The first signal says goodbye to everybody and ends with 0; a second one does not wait. */
function stopOnSignal(end: () => Promise<void>): void {
  let stoppingAt = 0;
  const stop = async () => {
    if (stoppingAt > 0) {
      if (Date.now() - stoppingAt > SAME_SIGNAL_MS) Deno.exit(130);
      return;
    }
    stoppingAt = Date.now();
    setTimeout(() => Deno.exit(0), EXIT_DEADLINE_MS);
    log("info", "stopping");
    await end().finally(() => Deno.exit(0));
  };
  for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, stop);
}

function greet({ hostname, ...config }: Config, port: number): void {
  const url = (host: string) => `http://${host.includes(":") ? `[${host}]` : host}:${port}/`;
  const isEverywhere = ["", "0.0.0.0", "::"].includes(hostname);
  const network = isEverywhere ? lanAddresses() : [];
  console.log(`confab ${deno.version}

  Local    ${url(isEverywhere ? "localhost" : hostname)}
${network.map((address) => `  Network  ${url(address)}\n`).join("")}  Data     ${dataLine(config)}

  Anyone who can reach this address can join.
  Ctrl-C to stop, --help for options
`);
}

function dataLine({ journal, data, keep }: Pick<Config, "journal" | "data" | "keep">): string {
  const where = journal === "memory" ? "in memory, until this program ends" : data;
  const kept = keep === 0 ? "every message" : `the last ${keep.toLocaleString("en")} messages`;
  return `${where}   (${kept} of each room)`;
}

/** Where others on the network find this machine. */
function lanAddresses(): string[] {
  return Deno.networkInterfaces()
    .filter(({ family, address }) => family === "IPv4" && !address.startsWith("127."))
    .map(({ address }) => address);
}

function exitWith(error: unknown, isDebug: boolean): never {
  const row: ErrorRow = ERRORS[error instanceof ChatError ? error.code : "internal"];
  console.error(isDebug ? error : `confab: ${(error as Error).message}`);
  if (error instanceof ChatError && error.code === "bad_usage") {
    console.error("Run confab --help for the options.");
  }
  Deno.exit(row.exitCode ?? 1);
}

main(Deno.args);
