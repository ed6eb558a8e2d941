// Wiring: config -> journal -> hub -> server -> transport; exit codes. Nothing else reads arguments or environment, and
// nothing else names a concrete journal or transport to serve from. The other commands are in cli/.
import { Authenticator, type AuthenticatorOptions } from "./auth/authenticator.ts";
import { openSessionStore } from "./auth/session_store.ts";
import { readCertificate } from "./cli/serve/certificate.ts";
import { COMMANDS, ENV_NAMES } from "./cli/config/command_table.ts";
import { greet } from "./cli/serve/greeting.ts";
import { isEverywhere, urlAt } from "./cli/config/values.ts";
import { HOOK_SECRET, METRICS_TOKEN, OPERATOR_KEY, PASSWORD, readSecret } from "./cli/secret.ts";
import type { ServeConfig } from "./cli/config/config.ts";
import { parseConfig } from "./cli/config/parse.ts";
import deno from "./deno.json" with { type: "json" };
import { ChatError, type ErrorRow, ERRORS } from "./protocol/errors.ts";
import { Webhook } from "./integrations/webhook/webhook.ts";
import { Hub } from "./hub.ts";
import { Proxies } from "./http/client_address.ts";
import type { Journal } from "./journal/journal.ts";
import { MemoryJournal } from "./journal/memory.ts";
import { openSqliteJournal } from "./journal/sqlite/sqlite_journal.ts";
import { checkAddress, lanAddresses, listen, makeSocketLimit } from "./http/listen.ts";
import { type Log, makeJsonLog, makeTextLog } from "./base/log.ts";
import { Metrics } from "./http/prometheus.ts";
import { makeHandler } from "./http/router.ts";
import { renewOnHangUp, stopOnSignal } from "./cli/serve/signals.ts";
import type { Listen } from "./transport/transport.ts";

/** Time for everybody to take leave after a signal. Must be less than `EXIT_DEADLINE_MS` of cli/serve/signals.ts. */
const GRACE_MS = 3_000;

/** Only the one that is used is loaded. */
const TRANSPORTS: Record<ServeConfig["transport"], () => Promise<Listen>> = {
  deno: async () => (await import("./transport/deno.ts")).listenDeno,
  ws: async () => (await import("./transport/ws.ts")).listenWs,
};

async function main(args: string[]): Promise<void> {
  try {
    const env = Object.fromEntries(ENV_NAMES.map((name) => [name, Deno.env.get(name)]));
    const config = parseConfig(args, env);
    if (config.command === "serve") await serve(config);
    else Deno.exit(await (await import("./cli/run.ts")).run(config));
  } catch (error) {
    exitWith(error, args);
  }
}

/** Starts the server. It ends by a signal, and the process with it. */
async function serve(config: ServeConfig): Promise<void> {
  const log = openLog(config);
  keepAlive(log);
  const listenOn = await TRANSPORTS[config.transport]();
  const certificate = config.certificate && readCertificate(config.certificate);
  const token = config.metricsToken && readSecret(config.metricsToken, METRICS_TOKEN);
  const secret = config.hookSecret && readSecret(config.hookSecret, HOOK_SECRET);
  const password = config.password && readSecret(config.password, PASSWORD);
  const operatorKey = config.operatorKey && readSecret(config.operatorKey, OPERATOR_KEY);
  checkAddress(config);
  const journal = openJournal(config);
  const authenticator = openAuthenticator(config, { password, operatorKey, log });
  openNoMoreFiles(config);
  const webhooks = new Map<string, Webhook>();
  const onDelivered = (room: string) => webhooks.forEach((webhook) => webhook.notify(room));
  const { keep, allowOrigins, hosts, base, limits } = config;
  const hub = new Hub({ journal, keep, textBytes: limits.textBytes, log, onDelivered });
  const running = hub.run().catch((error) => {
    // Without its loop the rooms are dead, and only look alive.
    log("error", "hub failed", { error: error.stack });
    Deno.exit(1);
  });
  for (const { room, url } of config.hooks) {
    webhooks.set(`${room} ${url}`, new Webhook({ room, url, secret: secret!, source: hub, log }));
  }
  // Before anybody can say something, or that might be left out.
  await Promise.all(webhooks.values().map((webhook) => webhook.start()));
  const metrics = new Metrics({ hub, version: deno.version });
  const proxies = new Proxies(config.trustProxy);
  const handler = makeHandler({
    hub,
    log,
    allowOrigins,
    hostOptions: { hosts, base },
    authenticator,
    limits,
    metrics: { metrics, token },
    proxies,
  });
  const acquire = makeSocketLimit(limits, proxies);
  const listener = await listen(config, { listenOn, handler, acquire, certificate, log });
  if (config.certificate) renewOnHangUp(config.certificate, listener, log);
  stopOnSignal(log, async () => {
    await Promise.all(webhooks.values().map((webhook) => webhook.stop())); // the hub still notes how far they came
    hub.close("restarting");
    metrics[Symbol.dispose]();
    await listener.stop(GRACE_MS);
    await running;
    journal[Symbol.dispose]();
    authenticator?.[Symbol.dispose]();
  });
  console.log(describe(config, listener.port));
  // Known by now. The network stays: out of descriptors for a while, the server must listen again.
  for (const name of ["env", "sys"] as const) Deno.permissions.revokeSync({ name });
}

/** On standard error, which no command uses for anything else. */
function openLog({ logFormat: format, logLevel }: ServeConfig): Log {
  const isText = format === "text" || format === "auto" && Deno.stderr.isTerminal();
  return (isText ? makeTextLog : makeJsonLog)((line) => {
    try {
      console.error(line);
    } catch { /* the disk behind a redirected log is full: there is nowhere left to say so */ }
  }, logLevel);
}

function openJournal(config: ServeConfig): Journal {
  return config.journal === "memory" ? new MemoryJournal() : openSqliteJournal(config.data);
}

/** What knows who may come in, in the journal's folder; undefined where everybody may, and nobody is an operator. */
function openAuthenticator(
  config: ServeConfig,
  options: Omit<AuthenticatorOptions, "store">,
): Authenticator | undefined {
  if (options.password === undefined && options.operatorKey === undefined) return undefined;
  const store = openSessionStore(config.journal === "memory" ? undefined : config.data);
  return new Authenticator({ ...options, store });
}

/**
 * Everything is open: from here on the program may neither read nor write any other file. With a certificate, which is read
 * again, it may read: Deno cannot keep the two files when it gives up all others.
 */
function openNoMoreFiles(config: ServeConfig): void {
  Deno.permissions.revokeSync({ name: "write" });
  if (!config.certificate) Deno.permissions.revokeSync({ name: "read" });
}

/** What no code caught is logged, and does not end the process. */
function keepAlive(log: Log): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log("error", "unhandled rejection", { error: event.reason?.stack ?? event.reason });
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    log("error", "uncaught exception", { error: event.error?.stack ?? event.error });
  });
}

function describe(config: ServeConfig, port: number): string {
  return greet({
    ...config,
    hasPassword: config.password !== undefined,
    version: deno.version,
    startupMs: performance.now(),
    localUrl: urlAt({ ...config, port }),
    networkUrls: isEverywhere(config.hostname) && config.hosts.length === 0
      ? lanAddresses().map((hostname) => urlAt({ ...config, hostname, port }))
      : [],
    isTerminal: Deno.stdout.isTerminal(),
    hasColor: !Deno.noColor,
  });
}

function exitWith(error: unknown, args: readonly string[]): never {
  // Whoever reads what we write has read enough: `confab tail URL | head`.
  if (error instanceof Deno.errors.BrokenPipe) Deno.exit(0);
  const isDebug = args.some((arg) => /^--?debug$/.test(arg));
  const row: ErrorRow = ERRORS[error instanceof ChatError ? error.code : "internal"];
  console.error(isDebug ? error : `confab: ${(error as Error).message}`);
  if (error instanceof ChatError && error.code === "bad_usage") {
    const command = args[0] && Object.hasOwn(COMMANDS, args[0]) ? `${args[0]} ` : "";
    console.error(`Run confab ${command}--help for the options.`);
  }
  Deno.exit(row.exitCode ?? 1);
}

main(Deno.args);
