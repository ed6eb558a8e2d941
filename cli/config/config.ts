// The command line and the environment, parsed: which command it is, and all that it needs to know. Pure: reads neither,
// prints nothing.
import { type CommandName, COMMANDS, OTHER_NAMES } from "./command_table.ts";
import {
  badUsage,
  checkArgs,
  type Env,
  parseCommand,
  type Setting,
  type Settings,
  suggest,
} from "./flags.ts";
import { guestUrl, healthUrl } from "./local_server.ts";
import { parseServe, sourceOf } from "./serve.ts";
import { parseRoomUrl } from "./room_url.ts";
import { OPERATOR_KEY_ENV, PASSWORD_ENV } from "./serve_flags.ts";
import { parseChoice, parseCount, type ServerAddress, type WebhookConfig } from "./values.ts";
import type { Limits } from "../../base/limits.ts";
import type { LogLevel } from "../../base/log.ts";
import { parseRoomName } from "../../protocol/names.ts";

/** What the program was asked to do. */
export type Config =
  | { readonly command: "help"; readonly about: CommandName | undefined }
  | { readonly command: "version" }
  | ServeConfig
  | SendConfig
  | TailConfig
  | ChatConfig
  | ExportConfig
  | BackupConfig
  | { readonly command: "health"; readonly url: string }
  | InviteConfig
  | { readonly command: "completions"; readonly shell: Shell };

/** An empty host name means every IPv4 address of the machine, port 0 any free one. */
export interface ServeConfig extends ServerAddress {
  readonly command: "serve";
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
  readonly logLevel: LogLevel;
  /** Whether to show the address as a QR code. */
  readonly hasQr: boolean;
  /** Sites whose pages may use this server. */
  readonly allowOrigins: readonly string[];
  /** Where to post what is said. */
  readonly hooks: readonly WebhookConfig[];
  /** There is one where there are hooks. */
  readonly hookSecret: SecretSource | undefined;
  /** Who has it may see the metrics from elsewhere. */
  readonly metricsToken: SecretSource | undefined;
  /** Of everybody. */
  readonly password: SecretSource | undefined;
  readonly operatorKey: SecretSource | undefined;
}

/** Where a secret is: nothing in it is a secret but the value. */
export type SecretSource = { readonly file: string } | { readonly value: string };

/** What a command shows to be let in. */
export interface Bearer {
  readonly kind: "password" | "operator";
  readonly from: SecretSource;
}

export interface ChatConfig {
  readonly command: "chat";
  readonly url: string;
  readonly name: string | undefined;
  readonly bearer: Bearer | undefined;
}

export interface InviteConfig {
  readonly command: "invite";
  /** Of the server; ends in a slash. */
  readonly base: string;
  readonly bearer: Bearer | undefined;
  readonly wish:
    | { readonly type: "make"; readonly room: string | undefined; readonly hours: number }
    | { readonly type: "list" }
    | { readonly type: "revoke"; readonly id: number };
}

export interface SendConfig {
  readonly command: "send";
  readonly url: string;
  /** Undefined: what standard input holds. */
  readonly text: string | undefined;
  readonly name: string | undefined;
  readonly id: string | undefined;
  /** Whether each line of standard input is a message. */
  readonly hasLines: boolean;
  readonly bearer: Bearer | undefined;
}

export interface TailConfig {
  readonly command: "tail";
  readonly url: string;
  /** The `seq` to begin behind. */
  readonly since: number | undefined;
  readonly name: string | undefined;
  readonly isJson: boolean;
  readonly bearer: Bearer | undefined;
}

export interface ExportConfig {
  readonly command: "export";
  /** A room in the data folder, or the URL of one. */
  readonly from: { readonly room: string } | { readonly url: string };
  readonly format: "ndjson" | "text" | "json";
  /** The journal's folder. */
  readonly data: string;
  readonly bearer: Bearer | undefined;
}

export interface BackupConfig {
  readonly command: "backup" | "restore";
  readonly file: string;
  /** The journal's folder. */
  readonly data: string;
}

export type Shell = typeof COMMANDS.completions.choices[number];

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
  serve: (given, env) => given.has("version") ? { command: "version" } : parseServe(given, env),
  send: (given, env) => {
    const { args: [url, text], get, has } = given;
    const hasLines = has("lines");
    if (hasLines && text !== undefined && text !== "-") {
      throw badUsage("Cannot use --lines with TEXT: --lines reads standard input");
    }
    if (hasLines && has("id")) {
      throw badUsage("Cannot use --id with --lines: an id is for one message");
    }
    return {
      command: "send",
      ...parseVisit(url!, get("name")),
      text: text === "-" ? undefined : text,
      id: get("id")?.value,
      hasLines,
      bearer: findBearer(given, env),
    };
  },
  tail: (given, env) => ({
    command: "tail",
    ...parseVisit(given.args[0]!, given.get("name")),
    since: given.get("since") && parseCount(given.get("since")!),
    isJson: given.has("json"),
    bearer: findBearer(given, env),
  }),
  chat: (given, env) => ({
    command: "chat",
    ...parseVisit(given.args[0]!, given.get("name")),
    bearer: findBearer(given, env),
  }),
  export: (given, env) => {
    const { args: [from], get } = given;
    const room = parseRoomName(from!);
    return {
      command: "export",
      from: room === undefined ? { url: parseRoomUrl(from!).url } : { room },
      format: parseChoice(get("format")!, COMMANDS.export.flags.format.choices),
      data: get("data")!.value,
      bearer: findBearer(given, env),
    };
  },
  backup: ({ args: [file], get }) => ({
    command: "backup",
    file: file!,
    data: get("data")!.value,
  }),
  restore: ({ args: [file], get }) => ({
    command: "restore",
    file: file!,
    data: get("data")!.value,
  }),
  invite: parseInvite,
  health: ({ args: [url] }, env) => ({
    command: "health",
    url: url === undefined ? healthUrl(env) : `${parseRoomUrl(url).base}healthz`,
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

function parseInvite(given: Given<"invite">, env: Env): Config {
  const { args: [url], get, has } = given;
  if (has("list") && has("revoke")) throw badUsage("Cannot use --list with --revoke");
  const room = get("room");
  if (room && parseRoomName(room.value) === undefined) {
    throw badUsage(`Cannot parse --room: expected a room name, received "${room.value}"`);
  }
  const hours = parseCount(get("hours")!);
  if (hours === 0) {
    throw badUsage('Cannot parse --hours: expected a whole number, 1 or more, received "0"');
  }
  const revoke = get("revoke");
  return {
    command: "invite",
    base: url === undefined ? guestUrl(env) : parseRoomUrl(url).base,
    bearer: findBearer(given, env),
    wish: revoke
      ? { type: "revoke", id: parseCount(revoke) }
      : has("list")
      ? { type: "list" }
      : { type: "make", room: room?.value, hours },
  };
}

/** What to show to be let in: what the command line names, or else the operator key, which is worth more. */
function findBearer(
  { get, has }: Settings<"password-file" | "operator-file">,
  env: Env,
): Bearer | undefined {
  const password = sourceOf(get("password-file"), env[PASSWORD_ENV]);
  const operator = sourceOf(get("operator-file"), env[OPERATOR_KEY_ENV]);
  const isPassword = has("password-file") && !has("operator-file");
  if (operator && !isPassword) return { kind: "operator", from: operator };
  return password && { kind: "password", from: password };
}
