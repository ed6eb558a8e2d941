// The command line and the environment, parsed. Pure: reads neither, prints nothing.
import leven from "leven";
import { parseArgs } from "node:util";
import { ChatError } from "./errors.ts";

/** What the program was asked to do. */
export interface Config {
  readonly command: "serve" | "help" | "version";
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
}

interface Flag {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** Variable that sets it where the flag does not. */
  readonly env?: string;
  readonly value?: string;
  readonly default?: string;
  readonly help: string;
}

/** Flags with a value, each with a variable and a default. */
const SETTINGS = {
  addr: {
    type: "string",
    env: "CONFAB_ADDR",
    value: "HOST:PORT",
    default: ":8080",
    help:
      "address to listen on: without HOST every IPv4\naddress of this machine, with [::] IPv6 as well;\nport 0 is any free port",
  },
  data: {
    type: "string",
    env: "CONFAB_DATA",
    value: "DIR",
    default: "./confab-data",
    help: "folder of the journal; made when it is missing",
  },
  keep: {
    type: "string",
    env: "CONFAB_KEEP",
    value: "N",
    default: "10000",
    help: "messages kept in each room, 0 for all",
  },
  journal: {
    type: "string",
    env: "CONFAB_JOURNAL",
    value: "KIND",
    default: "sqlite",
    help: "sqlite, on disk, or memory, which a restart\nforgets",
  },
  transport: {
    type: "string",
    env: "CONFAB_TRANSPORT",
    value: "KIND",
    default: "deno",
    help: "deno, or ws, which is faster and bounds what\nhostile clients can do",
  },
} as const satisfies Record<string, Flag>;

const FLAGS = {
  ...SETTINGS,
  debug: { type: "boolean", help: "show the stack of a start-up error" },
  help: { type: "boolean", short: "h", help: "show this help" },
  version: { type: "boolean", short: "v", help: "show the version" },
} as const satisfies Record<string, Flag>;

/** The environment variables that {@linkcode parseConfig} looks at. */
export const ENV_NAMES: readonly string[] = Object.values<Flag>(FLAGS)
  .flatMap((flag) => flag.env ?? []);

/** Where the second column of the help begins. */
const HELP_COLUMN = 26;

/** Most edits between a misspelled flag and the one that is offered instead. */
const MAX_TYPO_EDITS = 2;

/**
 * Parses arguments and environment. A flag beats its variable, which beats its default.
 * @throws {ChatError} `bad_usage`, with a message that says what was wrong.
 */
export function parseConfig(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Config {
  const given = parseFlags(args);
  const setting = (name: keyof typeof SETTINGS): Setting => {
    const flag = SETTINGS[name];
    const value = given.get(name) ?? (env[flag.env] || flag.default);
    return { value, source: given.has(name) ? `--${name}` : flag.env };
  };
  return {
    command: given.has("help") ? "help" : given.has("version") ? "version" : "serve",
    ...parseAddr(setting("addr")),
    journal: parseKind(setting("journal"), ["sqlite", "memory"]),
    transport: parseKind(setting("transport"), ["deno", "ws"]),
    data: setting("data").value,
    keep: parseKeep(setting("keep")),
  };
}

/** The text of `--help`. */
export function helpText(version: string): string {
  const options = Object.entries<Flag>(FLAGS).map(([name, flag]) => {
    const names = `${flag.short ? `-${flag.short}, ` : "    "}--${name} ${flag.value ?? ""}`;
    const notes = [
      flag.default && `default ${flag.default}`,
      flag.env && `environment ${flag.env}`,
    ].filter(Boolean);
    const lines = [
      ...flag.help.split("\n"),
      ...(notes.length > 0 ? [`(${notes.join(", ")})`] : []),
    ];
    return `  ${names.padEnd(HELP_COLUMN)}${lines.join(`\n  ${"".padEnd(HELP_COLUMN)}`)}`;
  });
  return `confab ${version}: a chat server in one file

Examples
  confab                     serve on port 8080
  confab --addr :9000        another port
  confab --addr 127.0.0.1:0  this machine only, any free port
  confab --data /srv/chat    keep the messages there
  confab --keep 0            and all of them

Options
${options.join("\n")}

Then open the Local address that it prints, and give others the Network one.`;
}

/** The flags that were given, by name; a flag without a value has an empty one. */
function parseFlags(args: readonly string[]): Map<string, string> {
  const { tokens } = parseArgs({
    args: args.map(withTwoDashes),
    options: FLAGS,
    strict: false,
    tokens: true,
  });
  const given = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      throw badUsage(`Cannot parse arguments: expected flags only, received "${token.value}"`);
    }
    const wrong = findMistake(token.name, token.value);
    if (wrong) throw badUsage(`Cannot parse flag "${token.rawName}": ${wrong}`);
    given.set(token.name, token.value ?? "");
  }
  return given;
}

/** What is wrong with a flag as it was given; undefined when nothing is. */
function findMistake(name: string, value: string | undefined): string | undefined {
  const flag = new Map<string, Flag>(Object.entries(FLAGS)).get(name);
  if (!flag) return `unknown${suggest(name)}`;
  if (flag.value && !value) return `expected ${flag.value}, received none`;
  if (!flag.value && value !== undefined) return `expected no value, received "${value}"`;
  return undefined;
}

/** Users of the seed write `-addr`. A short flag has one letter. */
function withTwoDashes(arg: string): string {
  return /^-[a-z]{2}/.test(arg) ? `-${arg}` : arg;
}

function suggest(name: string): string {
  const [best] = Object.keys(FLAGS)
    .map((flag) => ({ flag, edits: leven(name, flag) }))
    .filter(({ edits }) => edits <= MAX_TYPO_EDITS)
    .sort((a, b) => a.edits - b.edits);
  return best ? `. Did you mean "--${best.flag}"?` : "";
}

/** A value and what gave it, for an error to name. */
interface Setting {
  readonly value: string;
  readonly source: string;
}

/** `HOST:PORT`, `:PORT` or `[IPV6]:PORT`. */
function parseAddr({ value: addr, source }: Setting): Pick<Config, "hostname" | "port"> {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(addr);
  const port = Number(match?.[3]);
  if (!match || port > 65535) {
    throw badUsage(`Cannot parse ${source}: expected HOST:PORT, received "${addr}"`);
  }
  return { hostname: match[1] ?? match[2] ?? "", port };
}

function parseKind<T extends string>({ value, source }: Setting, kinds: readonly T[]): T {
  const kind = kinds.find((kind) => kind === value);
  if (kind) return kind;
  throw badUsage(`Cannot parse ${source}: expected ${kinds.join(" or ")}, received "${value}"`);
}

function parseKeep({ value, source }: Setting): number {
  const keep = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
  if (keep >= 0) return keep;
  throw badUsage(`Cannot parse ${source}: expected a number from 0 up, received "${value}"`);
}

function badUsage(message: string): ChatError {
  return new ChatError("bad_usage", { message });
}
