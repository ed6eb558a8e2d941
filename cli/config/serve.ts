// Parses the flags and variables of the server. Pure. parse.ts calls it for `confab serve`.
import type { SecretSource, ServeConfig, ServerAddress } from "./config.ts";
import type { Limits } from "../../base/limits.ts";
import { badUsage, type ConfigValue, type Env, type ParsedArgs } from "./flags.ts";
import {
  GITHUB_SECRET_ENV,
  HOOK_SECRET_ENV,
  METRICS_TOKEN_ENV,
  OPERATOR_KEY_ENV,
  PASSWORD_ENV,
  SERVE_FLAGS,
} from "./serve_flags.ts";
import {
  parseAddr,
  parseBase,
  parseChoice,
  parseCount,
  parseDataBytes,
  parseHooks,
  parseHosts,
  parseLimit,
  parseNetworks,
  parseOrigins,
} from "./values.ts";

type ServeArgs = ParsedArgs<keyof typeof SERVE_FLAGS>;

/** @throws {ChatError} `bad_usage` */
export function parseServe(parsed: ServeArgs, env: Env): ServeConfig {
  const { get, all, has } = parsed;
  const format = get("log-format");
  const transport = get("transport");
  const address = parseServerAddress(parsed);
  const hooks = all("hook").flatMap(parseHooks);
  const hookSecret = sourceOf(get("hook-secret-file"), env[HOOK_SECRET_ENV]);
  if (hooks.length > 0 && !hookSecret) {
    throw badUsage(
      "Cannot use --hook: it requires a secret to sign requests. " +
        `Add --hook-secret-file FILE or set ${HOOK_SECRET_ENV}`,
    );
  }
  return {
    command: "serve",
    ...address,
    journal: parseChoice(get("journal")!, SERVE_FLAGS.journal.choices),
    transport: transport
      ? parseChoice(transport, SERVE_FLAGS.transport.choices)
      : address.certificate
      ? "ws"
      : "deno",
    data: get("data")!.value,
    keep: parseCount(get("keep")!),
    limits: parseLimits(parsed),
    trustProxy: all("trust-proxy").flatMap(parseNetworks),
    logFormat: format ? parseChoice(format, SERVE_FLAGS["log-format"].choices) : "auto",
    logLevel: parseChoice(get("log-level")!, SERVE_FLAGS["log-level"].choices),
    hasQr: has("qr"),
    allowOrigins: all("allow-origin").flatMap(parseOrigins),
    hooks,
    hookSecret,
    githubSecret: sourceOf(get("github-secret-file"), env[GITHUB_SECRET_ENV]),
    metricsToken: sourceOf(get("metrics-token-file"), env[METRICS_TOKEN_ENV]),
    password: sourceOf(get("password-file"), env[PASSWORD_ENV]),
    operatorKey: sourceOf(get("operator-file"), env[OPERATOR_KEY_ENV]),
  };
}

/** @throws {ChatError} `bad_usage` */
export function parseServerAddress({ get, all }: ServeArgs): ServerAddress {
  const base = get("base");
  const [cert, key] = [get("cert"), get("key")];
  if (!cert !== !key) {
    const [present, missing] = cert ? ["--cert", "--key"] : ["--key", "--cert"];
    throw badUsage(`Cannot use ${present}: it requires ${missing}`);
  }
  return {
    ...parseAddr(get("addr")!),
    hosts: all("host").flatMap(parseHosts),
    base: base ? parseBase(base) : "",
    certificate: cert && key && { cert: cert.value, key: key.value },
  };
}

function parseLimits({ get }: ServeArgs): Limits {
  const stall = get("stall");
  return {
    textBytes: parseLimit(get("max-message")!),
    queuedBatches: parseLimit(get("queue")!),
    stallMs: stall && parseLimit(stall) * 1000,
    pingPeriodMs: parseLimit(get("ping")!) * 1000,
    messagesPerS: parseLimit(get("rate")!),
    connections: parseLimit(get("max-connections")!),
    connectionsPerAddress: parseLimit(get("per-address")!),
    rooms: parseLimit(get("max-rooms")!),
    dataBytes: parseDataBytes(get("max-data")!),
  };
}

/** Returns the source of a secret: its file, or else its value. */
export function sourceOf(
  file: ConfigValue | undefined,
  value: string | undefined,
): SecretSource | undefined {
  return file ? { file: file.value } : value ? { value } : undefined;
}
