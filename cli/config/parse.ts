// Parses the command line and the environment into a configuration. Pure: reads neither, prints nothing.
import { parseRoomName } from "../../protocol/names.ts";
import { type CommandName, COMMANDS, OTHER_NAMES } from "./command_table.ts";
import type { Bearer, Config } from "./config.ts";
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
import { parseRoomUrl } from "./room_url.ts";
import { parseServe, sourceOf } from "./serve.ts";
import { OPERATOR_KEY_ENV, PASSWORD_ENV } from "./serve_flags.ts";
import { parseChoice, parseCount } from "./values.ts";

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
function findCommand(args: readonly string[]): CommandName {
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
