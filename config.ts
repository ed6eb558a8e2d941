// The command line and the environment, parsed: which command it is, and all that it needs to know. Pure: reads neither,
// prints nothing.
import { type CommandName, COMMANDS, HOOK_SECRET_ENV, OTHER_NAMES } from "./cli/commands.ts";
import {
  badUsage,
  checkArgs,
  parseCommand,
  type Setting,
  type Settings,
  suggest,
} from "./cli/flags.ts";
import { parseRoomUrl } from "./cli/room_url.ts";
import {
  type HookConfig,
  parseAddr,
  parseChoice,
  parseCount,
  parseHooks,
  parseLimit,
  parseNetworks,
  parseOrigins,
  urlAt,
} from "./cli/values.ts";
import type { Limits } from "./limits.ts";
import { parseRoomName } from "./names.ts";

/** What the program was asked to do. */
export type Config =
  | { readonly command: "help"; readonly about: CommandName | undefined }
  | { readonly command: "version" }
  | ServeConfig
  | SendConfig
  | TailConfig
  | { readonly command: "chat"; readonly url: string; readonly name: string | undefined }
  | ExportConfig
  | { readonly command: "health"; readonly url: string }
  | { readonly command: "completions"; readonly shell: Shell };

export interface ServeConfig {
  readonly command: "serve";
  /** Where to listen. An empty host name means every IPv4 address of the machine. */
  readonly hostname: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Where the journal is. */
  readonly journal: "sqlite" | "memory";
  /** What accepts connections. */
  readonly transport: "deno" | "ws";
  /** The journal's folder. */
  readonly data: string;
  /** Entries kept in each room; 0 for all. */
  readonly keep: number;
  readonly limits: Limits;
  /** Addresses and networks of proxies that are believed. */
  readonly trustProxy: readonly string[];
  /** `auto` is text on a terminal, JSON elsewhere. */
  readonly logFormat: "auto" | "text" | "json";
  /** Whether to show the address as a QR code. */
  readonly hasQr: boolean;
  /** Sites whose pages may use this server. */
  readonly allowOrigins: readonly string[];
  /** Where to post what is said. */
  readonly hooks: readonly HookConfig[];
  /** There is one where there are hooks. */
  readonly hookSecret: HookSecret | undefined;
}

export type HookSecret = { readonly file: string } | { readonly value: string };

export interface SendConfig {
  readonly command: "send";
  readonly url: string;
  /** Undefined: what standard input holds. */
  readonly text: string | undefined;
  readonly name: string | undefined;
  readonly id: string | undefined;
  /** Whether each line of standard input is a message. */
  readonly hasLines: boolean;
}

export interface TailConfig {
  readonly command: "tail";
  readonly url: string;
  /** The `seq` to begin behind. */
  readonly since: number | undefined;
  readonly name: string | undefined;
  readonly isJson: boolean;
}

export interface ExportConfig {
  readonly command: "export";
  /** A room in the data folder, or the URL of one. */
  readonly from: { readonly room: string } | { readonly url: string };
  readonly format: "ndjson" | "text" | "json";
  /** The journal's folder. */
  readonly data: string;
}

export type Shell = typeof COMMANDS.completions.choices[number];

type Env = Readonly<Record<string, string | undefined>>;

type Given<Name extends CommandName> = Settings<keyof typeof COMMANDS[Name]["flags"] & string>;

/**
 * Parses arguments and environment. A flag beats its variable, which beats its default.
 * @throws {ChatError} `bad_usage`, with a message that says what was wrong.
 */
export function parseConfig(args: readonly string[], env: Env): Config {
  const command = findCommand(args);
  const isNamed = args[0] === command;
  const given = parseCommand(COMMANDS[command], isNamed ? args.slice(1) : args, env);
  if (given.has("help")) return { command: "help", about: isNamed ? command : undefined };
  checkArgs(COMMANDS[command], given.args);
  return PARSERS[command](given, env);
}

/**
 * The command that the arguments begin with; without one it is the server.
 * @throws {ChatError} `bad_usage`
 */
export function findCommand(args: readonly string[]): CommandName {
  const [first = "-"] = args;
  const names = Object.keys(COMMANDS) as CommandName[];
  const found = first.startsWith("-") ? "serve" : names.find((name) => name === first);
  if (found) return found;
  const port = /^:?(\d+)$/.exec(first)?.[1];
  const words = [...names.map((name) => [name, name] as const), ...OTHER_NAMES];
  const meant = port ? `--addr :${port}` : suggest(first, words);
  throw badUsage(
    `Cannot parse arguments: expected a command or flags, received "${first}"` +
      (meant ? `. Did you mean "${meant}"?` : ""),
  );
}

const PARSERS: {
  readonly [Name in CommandName]: (given: Given<Name>, env: Env) => Config;
} = {
  serve: parseServe,
  send: ({ args: [url, text], get, has }) => {
    const hasLines = has("lines");
    if (hasLines && text !== undefined && text !== "-") {
      throw badUsage("Cannot use --lines: it reads standard input, and there is a TEXT as well");
    }
    if (hasLines && has("id")) {
      throw badUsage("Cannot use --id: with --lines there are many messages");
    }
    return {
      command: "send",
      ...parseVisit(url!, get("name")),
      text: text === "-" ? undefined : text,
      id: get("id")?.value,
      hasLines,
    };
  },
  tail: ({ args: [url], get, has }) => ({
    command: "tail",
    ...parseVisit(url!, get("name")),
    since: get("since") && parseCount(get("since")!),
    isJson: has("json"),
  }),
  chat: ({ args: [url], get }) => ({ command: "chat", ...parseVisit(url!, get("name")) }),
  export: ({ args: [from], get }) => {
    const room = parseRoomName(from!);
    return {
      command: "export",
      from: room === undefined ? { url: parseRoomUrl(from!).url } : { room },
      format: parseChoice(get("format")!, COMMANDS.export.flags.format.choices),
      data: get("data")!.value,
    };
  },
  health: ({ args: [url] }, env) => ({
    command: "health",
    url: `${url === undefined ? localUrl(env) : parseRoomUrl(url).base}healthz`,
  }),
  completions: ({ args: [shell] }) => ({
    command: "completions",
    shell: parseChoice({ value: shell!, source: "SHELL" }, COMMANDS.completions.choices),
  }),
};

/** A room, and by which name to be there: the flag's, or else the address's. */
function parseVisit(
  text: string,
  flag: Setting | undefined,
): { url: string; name: string | undefined } {
  const { url, name } = parseRoomUrl(text, { hasName: true });
  return { url, name: flag?.value ?? name };
}

function parseServe(given: Given<"serve">, env: Env): Config {
  const { get, all, has } = given;
  if (has("version")) return { command: "version" };
  const { flags } = COMMANDS.serve;
  const format = get("log-format");
  const hooks = all("hook").flatMap(parseHooks);
  const file = get("hook-secret-file")?.value;
  const value = env[HOOK_SECRET_ENV];
  if (hooks.length > 0 && !file && !value) {
    throw badUsage(
      "Cannot use --hook: there is no secret to sign with. " +
        `Give one by --hook-secret-file FILE or in ${HOOK_SECRET_ENV}`,
    );
  }
  return {
    command: "serve",
    ...parseAddr(get("addr")!),
    journal: parseChoice(get("journal")!, flags.journal.choices),
    transport: parseChoice(get("transport")!, flags.transport.choices),
    data: get("data")!.value,
    keep: parseCount(get("keep")!),
    limits: parseLimits(given),
    trustProxy: all("trust-proxy").flatMap(parseNetworks),
    logFormat: format ? parseChoice(format, flags["log-format"].choices) : "auto",
    hasQr: has("qr"),
    allowOrigins: all("allow-origin").flatMap(parseOrigins),
    hooks,
    hookSecret: file ? { file } : value ? { value } : undefined,
  };
}

function parseLimits({ get }: Given<"serve">): Limits {
  const stall = get("stall");
  return {
    textBytes: parseLimit(get("max-message")!),
    queuedBatches: parseLimit(get("queue")!),
    stallMs: stall && parseLimit(stall) * 1000,
    pingPeriodMs: parseLimit(get("ping")!) * 1000,
    messagesPerS: parseLimit(get("rate")!),
    connections: parseLimit(get("max-connections")!),
    connectionsPerAddress: parseLimit(get("per-address")!),
  };
}

/** The server of this machine. */
function localUrl(env: Env): string {
  const { addr } = COMMANDS.serve.flags;
  const { hostname, port } = parseAddr({ value: env[addr.env] || addr.default, source: addr.env });
  return urlAt(hostname, port);
}
