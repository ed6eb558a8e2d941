// A command line, read by a table of what may stand in it. Knows no command. Pure: reads no environment, prints nothing.
import leven from "leven";
import { parseArgs } from "node:util";
import { ChatError } from "../../protocol/errors.ts";

/** One flag, under its name in {@linkcode CommandSpec.flags}. */
export interface Flag {
  /** What stands for its value in the help: DIR and FILE are completed as such. A flag without it is on or off. */
  readonly value?: string;
  /** Every value, where they are few. */
  readonly choices?: readonly string[];
  readonly default?: string;
  /** Variable that sets it where the flag does not. */
  readonly env?: string;
  readonly short?: string;
  /** What people type who know other programs: it is suggested to them. */
  readonly aka?: readonly string[];
  readonly help: string;
}

/** One command, and all that may follow it. */
export interface CommandSpec {
  /** Its arguments in order; those in brackets may be left out. */
  readonly args: readonly string[];
  /** Every value of the first argument, where they are few. */
  readonly choices?: readonly string[];
  readonly summary: string;
  /** What the help says besides. */
  readonly details?: string;
  /** CommandSpec lines, with what each does. */
  readonly examples: readonly (readonly [line: string, effect: string])[];
  readonly flags: Readonly<Record<string, Flag>>;
}

/** A value and what gave it, for an error to name. */
export interface Setting {
  readonly value: string;
  readonly source: string;
}

/** What was given, looked up by a flag's name. */
export interface Settings<Name extends string> {
  readonly args: readonly string[];
  /** Whether the flag stands in the command line. */
  has(name: Name): boolean;
  /** By the last such flag, its variable or its default, in that order. */
  get(name: Name): Setting | undefined;
  /** By every such flag, or else its variable. */
  all(name: Name): Setting[];
}

/** Environment variables. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Most edits between a misspelled word and the one that is suggested. */
const MAX_TYPO_EDITS = 2;

/**
 * Reads the arguments of a command, without its name.
 * @throws {ChatError} `bad_usage`, with a message that says what was wrong.
 */
export function parseCommand<C extends CommandSpec>(
  command: C,
  args: readonly string[],
  env: Env,
): Settings<keyof C["flags"] & string> {
  const flags = new Map(Object.entries(command.flags));
  const given = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokenize(command, args)) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    if (!flags.has(token.name)) throw unknownFlag(command, token.rawName);
    const wrong = findMistake(flags.get(token.name)!, token.value);
    if (wrong) throw badUsage(`Cannot parse flag "${token.rawName}": ${wrong}`);
    given.set(token.name, [...given.get(token.name) ?? [], token.value ?? ""]);
  }
  const all = (name: string): Setting[] => {
    const { env: variable } = flags.get(name) ?? {};
    const values = given.get(name)?.map((value) => ({ value, source: `--${name}` }));
    const value = variable && env[variable];
    return values ?? (value ? [{ value, source: variable }] : []);
  };
  return {
    args: positionals,
    has: (name) => given.has(name),
    get: (name) => {
      const { default: value, env: variable } = flags.get(name) ?? {};
      return all(name).at(-1) ??
        (value === undefined ? undefined : { value, source: variable ?? `--${name}` });
    },
    all,
  };
}

/** @throws {ChatError} `bad_usage` when the command does not take that many arguments. An argument may be a message: none is shown. */
export function checkArgs({ args, choices }: CommandSpec, given: readonly string[]): void {
  const least = args.filter((arg) => !arg.startsWith("[")).length;
  if (given.length >= least && given.length <= args.length) return;
  if (args.length === 0) {
    throw badUsage(`Cannot parse arguments: expected flags only, received "${given[0]}"`);
  }
  const quote = given.length > args.length && takesText(args) ? ". Put the text in quotes" : "";
  throw badUsage(
    `Cannot parse arguments: expected ${choices ? listChoices(choices) : args.join(" ")}, ` +
      `received ${given.length || "none"}${quote}`,
  );
}

/** The word that was probably meant, as it is shown; undefined when none is close. */
export function suggest(typed: string, words: Iterable<readonly [word: string, shown: string]>) {
  const most = Math.min(MAX_TYPO_EDITS, Math.floor(typed.length / 2));
  const [best] = [...words]
    .map(([word, shown]) => ({ shown, edits: leven(typed, word) }))
    .filter(({ edits }) => edits <= most)
    .sort((a, b) => a.edits - b.edits);
  return best?.shown;
}

/** Words as an error lists them. */
export function listChoices(choices: readonly string[]): string {
  return choices.join(", ").replace(/, (?=[^,]*$)/, " or ");
}

export function badUsage(message: string): ChatError {
  return new ChatError("bad_usage", { message });
}

function tokenize(command: CommandSpec, args: readonly string[]) {
  const options = Object.entries(command.flags).map(([name, { value, short }]) => {
    const type = value ? "string" as const : "boolean" as const;
    return [name, short ? { type, short } : { type }] as const;
  });
  return parseArgs({
    args: withTwoDashes(command, args),
    options: Object.fromEntries(options),
    strict: false,
    tokens: true,
  }).tokens;
}

/**
 * Users of the seed write `-addr`. What is the value of a flag, or stands behind `--`, is left as it is. A short flag has
 * one letter, and no value.
 * @throws {ChatError} `bad_usage` for any other word behind one dash.
 */
function withTwoDashes(command: CommandSpec, args: readonly string[]): string[] {
  let isFlag = true; // unless it is a value, or behind the end of all flags
  let isEnd = false;
  return args.map((arg) => {
    const [, dashes, name = ""] = /^(--?)([^-=][^=]*)/.exec(arg) ?? [];
    const mayBeFlag = isFlag && !isEnd;
    isEnd ||= mayBeFlag && arg === "--";
    isFlag = true;
    if (!mayBeFlag || dashes === undefined) return arg;
    const isKnown = Object.hasOwn(command.flags, name);
    if (dashes === "-" && !isKnown && name.length > 1) throw unknownFlag(command, `-${name}`);
    isFlag = !isKnown || !command.flags[name]?.value || arg.includes("=");
    return dashes === "-" && isKnown ? `-${arg}` : arg;
  });
}

/** One that is like no flag may be a message, which no error shows. */
function unknownFlag({ flags, args }: CommandSpec, rawName: string): ChatError {
  const meant = suggest(rawName.replace(/^--?/, ""), wordsFor(flags));
  if (meant) return badUsage(`Cannot parse flag "${rawName}": unknown. Did you mean "${meant}"?`);
  if (!takesText(args)) return badUsage(`Cannot parse flag "${rawName}": unknown`);
  const names = Object.keys(flags).map((name) => `--${name}`);
  return badUsage(
    `Cannot parse flag: expected ${
      listChoices(names)
    }. Put -- before a TEXT that begins with a dash`,
  );
}

function takesText(args: readonly string[]): boolean {
  return args.some((arg) => arg.includes("TEXT"));
}

/** What is wrong with a flag as it was given; undefined when nothing is. */
function findMistake(flag: Flag, value: string | undefined): string | undefined {
  if (flag.value && !value) return `expected ${flag.value}, received none`;
  if (!flag.value && value !== undefined) return `expected no value, received "${value}"`;
  return undefined;
}

/** Names first, so that of two that are as close the real one wins. */
function wordsFor(flags: CommandSpec["flags"]): [string, string][] {
  return [
    ...Object.keys(flags).map((name): [string, string] => [name, `--${name}`]),
    ...Object.entries(flags).flatMap(([name, { aka = [], value }]) =>
      aka.map((word): [string, string] => [word, `--${name}${value ? ` ${value}` : ""}`])
    ),
  ];
}
