// Parses the command line and the environment into a configuration. Pure: it reads neither by itself, and prints nothing.
import { parseRoomName } from "../../protocol/names.ts";
import { type CommandName, COMMANDS, OTHER_NAMES } from "./command_table.ts";
import type { Bearer, Config } from "./config.ts";
import {
  badUsage,
  checkArgs,
  type ConfigValue,
  type Env,
  parseCommand,
  type ParsedArgs,
  suggest,
} from "./flags.ts";
import { guestUrl, healthUrl } from "./local_server.ts";
import { parseRoomUrl } from "./room_url.ts";
import { parseServe, sourceOf } from "./serve.ts";
import { OPERATOR_KEY_ENV, PASSWORD_ENV } from "./serve_flags.ts";
import { parseChoice, parseCount } from "./values.ts";

/** Arguments of a command, by the names of its flags. */
type ArgsOf<Name extends CommandName> = ParsedArgs<keyof typeof COMMANDS[Name]["flags"] & string>;

/**
 * Parses arguments and environment. A flag takes precedence over its variable, and a variable over the default.
 * @throws {ChatError} `bad_usage`, with a sentence for the user.
 */
export function parseConfig(args: readonly string[], env: Env): Config {
  const command = findCommand(args);
  const isNamed = args[0] === command;
  const parsed = parseCommand(COMMANDS[command], isNamed ? args.slice(1) : args, env);
  if (parsed.has("help")) return { command: "help", about: isNamed ? command : undefined };
  checkArgs(COMMANDS[command], parsed.args);
  return PARSERS[command](parsed, env);
}

/**
 * Finds the command that the arguments start with. Without one, the command is `serve`.
 * @throws {ChatError} `bad_usage`
 */
function findCommand(args: readonly string[]): CommandName {
  const [first = "-"] = args;
  const names = Object.keys(COMMANDS) as CommandName[];
  const found = first.startsWith("-") ? "serve" : names.find((name) => name === first);
  if (found) return found;
  const port = /^:?(\d+)$/.exec(first)?.[1];
  const words = [...names.map((name) => [name, name] as const), ...OTHER_NAMES];
  const suggestion = port ? `--addr :${port}` : suggest(first, words);
  throw badUsage(
    `Cannot parse arguments: expected a command or flags, received "${first}"` +
      (suggestion ? `. Did you mean "${suggestion}"?` : ""),
  );
}

const PARSERS: {
  readonly [Name in CommandName]: (parsed: ArgsOf<Name>, env: Env) => Config;
} = {
  serve: (parsed, env) => parsed.has("version") ? { command: "version" } : parseServe(parsed, env),
  send: (parsed, env) => {
    const { args: [url, text], get, has } = parsed;
    const hasLines = has("lines");
    if (hasLines && text !== undefined && text !== "-") {
      throw badUsage("Cannot use --lines with TEXT: --lines reads standard input");
    }
    if (hasLines && has("id")) {
      throw badUsage("Cannot use --id with --lines: an id is for one message");
    }
    return {
      command: "send",
      ...parseRoomAndName(url!, get("name")),
      text: text === "-" ? undefined : text,
      id: get("id")?.value,
      hasLines,
      bearer: findBearer(parsed, env),
    };
  },
  tail: (parsed, env) => ({
    command: "tail",
    ...parseRoomAndName(parsed.args[0]!, parsed.get("name")),
    since: parsed.get("since") && parseCount(parsed.get("since")!),
    isJson: parsed.has("json"),
    bearer: findBearer(parsed, env),
  }),
  chat: (parsed, env) => ({
    command: "chat",
    ...parseRoomAndName(parsed.args[0]!, parsed.get("name")),
    bearer: findBearer(parsed, env),
  }),
  export: (parsed, env) => {
    const { args: [from], get } = parsed;
    const room = parseRoomName(from!);
    return {
      command: "export",
      from: room === undefined ? { url: parseRoomUrl(from!).url } : { room },
      format: parseChoice(get("format")!, COMMANDS.export.flags.format.choices),
      data: get("data")!.value,
      bearer: findBearer(parsed, env),
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

/** Parses the URL of a room, and the name to use there: the flag's, or else the URL's. */
function parseRoomAndName(
  text: string,
  flag: ConfigValue | undefined,
): { url: string; name: string | undefined } {
  const { url, name } = parseRoomUrl(text, { hasName: true });
  return { url, name: flag?.value ?? name };
}

function parseInvite(parsed: ArgsOf<"invite">, env: Env): Config {
  const { args: [url], get, has } = parsed;
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
    bearer: findBearer(parsed, env),
    action: revoke
      ? { type: "revoke", id: parseCount(revoke) }
      : has("list")
      ? { type: "list" }
      : { type: "create", room: room?.value, hours },
  };
}

/**
 * Chooses the secret to authenticate with. Flags take precedence over variables, and the operator key over the password,
 * because it permits more.
 */
function findBearer(
  { get, has }: ParsedArgs<"password-file" | "operator-file">,
  env: Env,
): Bearer | undefined {
  const password = sourceOf(get("password-file"), env[PASSWORD_ENV]);
  const operator = sourceOf(get("operator-file"), env[OPERATOR_KEY_ENV]);
  const isPassword = has("password-file") && !has("operator-file");
  if (operator && !isPassword) return { kind: "operator", from: operator };
  return password && { kind: "password", from: password };
}
