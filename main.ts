// Wires the server: configuration -> journal -> hub -> handler -> listener. Only this file chooses the journal and the
// transport to serve from, and reads the arguments. The other commands are in cli/.
import { Authenticator } from "./auth/authenticator.ts";
import { openSessionStore } from "./auth/session_store.ts";
import { LimitLog } from "./base/address_budget.ts";
import { type Log, logUncaughtErrors, type OpenLog, openLog } from "./base/log.ts";
import { WaitingBytes } from "./base/waiting_bytes.ts";
import { ENV_NAMES } from "./cli/config/command_table.ts";
import type { ServeConfig } from "./cli/config/config.ts";
import { parseConfig } from "./cli/config/parse.ts";
import { reportError, run } from "./cli/run.ts";
import {
  GITHUB_SECRET,
  HOOK_SECRET,
  makeFileWarning,
  METRICS_TOKEN,
  OPERATOR_KEY,
  PASSWORD,
  readSecret,
  secretFilesOf,
} from "./cli/secret.ts";
import { readCertificate } from "./cli/serve/certificate.ts";
import { describeServer } from "./cli/serve/greeting.ts";
import { GRACE_MS, reloadOnHangUp, stopOnSignal, surviveSignals } from "./cli/serve/signals.ts";
import { writeQuietly } from "./cli/stdio.ts";
import deno from "./deno.json" with { type: "json" };
import { Proxies } from "./http/client_address.ts";
import { checkAddress, listen } from "./http/listen.ts";
import { Metrics } from "./http/prometheus.ts";
import { makeHandler } from "./http/router.ts";
import { Hub, type HubOptions } from "./hub.ts";
import { Webhook, type WebhookOptions } from "./integrations/webhook/webhook.ts";
import type { Journal } from "./journal/journal.ts";
import { MemoryJournal } from "./journal/memory.ts";
import { accessBytes } from "./journal/sqlite/quota.ts";
import { openSqliteJournal } from "./journal/sqlite/sqlite_journal.ts";
import type { Listen } from "./transport/transport.ts";

/** Transports by name. Only the one in use is loaded. */
const TRANSPORTS: Record<ServeConfig["transport"], () => Promise<Listen>> = {
  deno: async () => (await import("./transport/deno.ts")).listenDeno,
  ws: async () => (await import("./transport/ws.ts")).listenWs,
};

async function main(args: string[]): Promise<void> {
  try {
    const env = Object.fromEntries(ENV_NAMES.map((name) => [name, Deno.env.get(name)]));
    const config = parseConfig(args, env);
    if (config.command === "serve") await serve(config);
    else Deno.exit(await run(config));
  } catch (error) {
    Deno.exit(reportError(error, args));
  }
}

/** Starts the server. A signal stops it, and ends the process. */
async function serve(config: ServeConfig): Promise<void> {
  const openedLog = openLog(config);
  logUncaughtErrors(openedLog.log);
  surviveSignals();
  try {
    await start(config, openedLog);
  } catch (error) {
    await openedLog.flush();
    throw error;
  }
}

async function start(config: ServeConfig, { log, flush }: OpenLog): Promise<void> {
  const listenOn = await TRANSPORTS[config.transport]();
  const certificate = config.certificate && readCertificate(config.certificate);
  const secrets = readSecrets(config);
  const checkFile = makeFileWarning(log);
  secretFilesOf(config).forEach(checkFile);
  checkAddress(config);
  const { journal, authenticator } = openStores(config, { secrets, log });
  const webhooks: Webhook[] = [];
  const onDelivered = (room: string) => webhooks.forEach((webhook) => webhook.notify(room));
  const hub = makeHub(config, { journal, log, onDelivered });
  const running = runHub(hub, { log, flush });
  webhooks.push(...await startWebhooks(config, { secret: secrets.hook, source: hub, log }));
  const metrics = new Metrics({ hub, version: deno.version });
  const proxies = new Proxies(config.trustProxy);
  const limitLog = new LimitLog(log);
  const waiting = new WaitingBytes(config.limits, limitLog);
  const handler = makeHandler({
    hub,
    log,
    authenticator,
    proxies,
    waiting,
    limitLog,
    metrics: { metrics, token: secrets.metrics },
    githubSecret: secrets.github,
    hostOptions: config,
    allowOrigins: config.allowOrigins,
    limits: config.limits,
  });
  const listener = await listen(config, {
    listenOn,
    handler,
    proxies,
    waiting,
    limitLog,
    certificate,
    log,
  });
  if (config.certificate) reloadOnHangUp(config.certificate, { listener, log, checkFile });
  stopOnSignal({ log, flush }, async () => {
    // Webhooks first: the hub still stores their cursors.
    await Promise.all(webhooks.map((webhook) => webhook.stop()));
    hub.close("restarting");
    metrics[Symbol.dispose]();
    await listener.stop(GRACE_MS);
    await running;
    journal[Symbol.dispose]();
    authenticator?.[Symbol.dispose]();
  });
  writeQuietly(`${describeServer(config, listener.port)}\n`);
  revokeSystemAccess();
}

/** The secrets of a server, read from their files or variables. */
interface Secrets {
  readonly metrics: string | undefined;
  readonly hook: string | undefined;
  readonly github: string | undefined;
  readonly password: string | undefined;
  readonly operatorKey: string | undefined;
}

function readSecrets(config: ServeConfig): Secrets {
  const { metricsToken, hookSecret, githubSecret, password, operatorKey } = config;
  return {
    metrics: metricsToken && readSecret(metricsToken, METRICS_TOKEN),
    hook: hookSecret && readSecret(hookSecret, HOOK_SECRET),
    github: githubSecret && readSecret(githubSecret, GITHUB_SECRET),
    password: password && readSecret(password, PASSWORD),
    operatorKey: operatorKey && readSecret(operatorKey, OPERATOR_KEY),
  };
}

/** Opens all files of the data folder, then revokes the permission to open others. */
function openStores(config: ServeConfig, options: { secrets: Secrets; log: Log }) {
  const journal = openJournal(config);
  const authenticator = openAuthenticator(config, options);
  revokeFileAccess(config);
  return { journal, authenticator };
}

function openJournal(config: ServeConfig): Journal {
  const { journal, data, limits: { dataBytes: maxBytes } } = config;
  return journal === "memory" ? new MemoryJournal() : openSqliteJournal(data, { maxBytes });
}

/** Opens the sessions. Returns undefined if the server has neither a password nor operators. */
function openAuthenticator(
  config: ServeConfig,
  { secrets: { password, operatorKey }, log }: { secrets: Secrets; log: Log },
): Authenticator | undefined {
  if (password === undefined && operatorKey === undefined) return undefined;
  const folder = config.journal === "memory" ? undefined : config.data;
  const store = openSessionStore(folder, { maxBytes: accessBytes(config.limits.dataBytes) });
  return new Authenticator({ password, operatorKey, store, log });
}

/**
 * Revokes the permission to open files. A server with a certificate keeps the permission to read, because it reloads the
 * certificate: Deno cannot keep the permission for two files and revoke it for all others.
 */
function revokeFileAccess(config: ServeConfig): void {
  Deno.permissions.revokeSync({ name: "write" });
  if (!config.certificate) Deno.permissions.revokeSync({ name: "read" });
}

function makeHub(
  { keep, limits: { textBytes, rooms } }: ServeConfig,
  options: Pick<HubOptions, "journal" | "log" | "onDelivered">,
): Hub {
  return new Hub({ ...options, keep, textBytes, maxRooms: rooms });
}

/** Runs the loop of the hub. If the loop fails, the process ends: rooms without it only look alive. */
function runHub(hub: Hub, { log, flush }: OpenLog): Promise<void> {
  return hub.run().catch(async (error) => {
    log("error", "hub failed", { error: error.stack });
    await flush();
    Deno.exit(1);
  });
}

/**
 * Starts a webhook for each room and URL; a repeated one counts once. Called before the server listens: a webhook posts
 * only messages that are sent after its start.
 */
async function startWebhooks(
  { hooks }: ServeConfig,
  { secret, ...rest }: Pick<WebhookOptions, "source" | "log"> & { secret: string | undefined },
): Promise<Webhook[]> {
  const distinct = new Map(hooks.map((hook) => [`${hook.room ?? ""} ${hook.url}`, hook]));
  // The parser requires a secret for hooks.
  const webhooks = [...distinct.values()]
    .map(({ room, url }) => new Webhook({ room, url, secret: secret!, ...rest }));
  await Promise.all(webhooks.map((webhook) => webhook.start()));
  return webhooks;
}

/**
 * Revokes the permissions to read the environment and the network interfaces, which are not needed any more. The network
 * stays: after the process ran out of file descriptors, the server must be able to listen again.
 */
function revokeSystemAccess(): void {
  for (const name of ["env", "sys"] as const) Deno.permissions.revokeSync({ name });
}

main(Deno.args);
