// Parses arguments by a table of flags: the tables are in serve_flags.ts and command_table.ts. Pure: it reads no environment
// by itself, and prints nothing.
import leven from "leven";
import { parseArgs } from "node:util";
import { ChatError } from "../../protocol/errors.ts";

/** A flag. Its name is its key in {@linkcode CommandSpec.flags}. */
export interface Flag {
  /** Placeholder of the value in the help. Shells complete DIR and FILE. A flag without it is a switch. */
  readonly value?: string;
  /** All possible values, if they are few. */
  readonly choices?: readonly string[];
  readonly default?: string;
  /** Environment variable that sets the value if the flag does not. */
  readonly env?: string;
  readonly short?: string;
  /** Names of the same flag in other programs. They are not accepted: the error suggests this flag. */
  readonly aka?: readonly string[];
  readonly help: string;
}

/** A command: its arguments, its flags and its help. */
export interface CommandSpec {
  /** Arguments in order. Brackets mark an optional one. */
  readonly args: readonly string[];
  /** All possible values of the first argument, if they are few. */
  readonly choices?: readonly string[];
  readonly summary: string;
  /** Further text of the help. */
  readonly details?: string;
  /** Command lines, each with its effect. */
  readonly examples: readonly (readonly [line: string, effect: string])[];
  readonly flags: Readonly<Record<string, Flag>>;
}

/** A value from the command line, the environment or a default. */
export interface ConfigValue {
  readonly value: string;
  /** Flag or variable that set the value, for errors. */
  readonly source: string;
}

/** Parsed arguments of a command. Values are looked up by the name of their flag. */
export interface ParsedArgs<Name extends string> {
  readonly args: readonly string[];
  /** Reports whether the command line contains the flag. */
  has(name: Name): boolean;
  /** Returns the value of the last such flag, or else of its variable, or else its default. */
  get(name: Name): ConfigValue | undefined;
  /** Returns the value of every such flag, or else of its variable. */
  all(name: Name): ConfigValue[];
}

/** Environment variables. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Maximum edit distance between a misspelled word and the suggestion. */
const MAX_TYPO_EDITS = 2;

/**
 * Parses the arguments that follow the name of a command.
 * @throws {ChatError} `bad_usage`, with a sentence for the user.
 */
export function parseCommand<C extends CommandSpec>(
  command: C,
  args: readonly string[],
  env: Env,
): ParsedArgs<keyof C["flags"] & string> {
  const flags = new Map(Object.entries(command.flags));
  const valuesByFlag = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokenize(command, args)) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    if (!flags.has(token.name)) throw unknownFlag(command, token.rawName);
    const mistake = findMistake(flags.get(token.name)!, token.value);
    if (mistake) throw badUsage(`Cannot parse flag "${token.rawName}": ${mistake}`);
    valuesByFlag.set(token.name, [...valuesByFlag.get(token.name) ?? [], token.value ?? ""]);
  }
  const all = (name: string): ConfigValue[] => {
    const { env: variable } = flags.get(name) ?? {};
    const values = valuesByFlag.get(name)?.map((value) => ({ value, source: `--${name}` }));
    const value = variable && env[variable];
    return values ?? (value ? [{ value, source: variable }] : []);
  };
  return {
    args: positionals,
    has: (name) => valuesByFlag.has(name),
    get: (name) => {
      const { default: value, env: variable } = flags.get(name) ?? {};
      return all(name).at(-1) ??
        (value === undefined ? undefined : { value, source: variable ?? `--${name}` });
    },
    all,
  };
}

/**
 * Checks the number of arguments. An argument may be the text of a message, so the error shows it only if the command
 * takes no arguments.
 * @throws {ChatError} `bad_usage`
 */
export function checkArgs({ args, choices }: CommandSpec, received: readonly string[]): void {
  const min = args.filter((arg) => !arg.startsWith("[")).length;
  if (received.length >= min && received.length <= args.length) return;
  if (args.length === 0) {
    throw badUsage(`Cannot parse arguments: expected flags only, received "${received[0]}"`);
  }
  const quote = received.length > args.length && takesText(args) ? ". Put the text in quotes" : "";
  throw badUsage(
    `Cannot parse arguments: expected ${choices ? listChoices(choices) : args.join(" ")}, ` +
      `received ${received.length || "none"}${quote}`,
  );
}

/** Returns the label of the most similar word; undefined if none is similar enough. */
export function suggest(typed: string, words: Iterable<readonly [word: string, label: string]>) {
  const maxEdits = Math.min(MAX_TYPO_EDITS, Math.floor(typed.length / 2));
  const [best] = [...words]
    .map(([word, label]) => ({ label, edits: leven(typed, word) }))
    .filter(({ edits }) => edits <= maxEdits)
    .sort((a, b) => a.edits - b.edits);
  return best?.label;
}

/** Joins words for an error: `a, b or c`. */
export function listChoices(choices: readonly string[]): string {
  return choices.join(", ").replace(/, (?=[^,]*$)/, " or ");
}

/** Makes a `bad_usage` error: the command line or a variable is wrong. */
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
 * Adds the second dash to flags with one dash: users of the seed write `-addr`. Does not change the values of flags, and
 * arguments after `--`. A short flag has one letter, and no value.
 * @throws {ChatError} `bad_usage` for any other word after one dash.
 */
function withTwoDashes(command: CommandSpec, args: readonly string[]): string[] {
  let isFlag = true; // false for the value of the flag before
  let isEnd = false; // true after `--`
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

/**
 * Makes the error for an unknown flag. A word that resembles no flag may be the text of a message: the error does not show
 * it if the command takes a text.
 */
function unknownFlag({ flags, args }: CommandSpec, rawName: string): ChatError {
  const suggestion = suggest(rawName.replace(/^--?/, ""), wordsFor(flags));
  if (suggestion) {
    return badUsage(`Cannot parse flag "${rawName}": unknown. Did you mean "${suggestion}"?`);
  }
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

/** Returns the mistake in the value of a flag; undefined if there is none. */
function findMistake(flag: Flag, value: string | undefined): string | undefined {
  if (flag.value && !value) return `expected ${flag.value}, received none`;
  if (!flag.value && value !== undefined) return `expected no value, received "${value}"`;
  return undefined;
}

/** Returns the words to compare with. Real names are first: of two equally similar words, the real one wins. */
function wordsFor(flags: CommandSpec["flags"]): [string, string][] {
  return [
    ...Object.keys(flags).map((name): [string, string] => [name, `--${name}`]),
    ...Object.entries(flags).flatMap(([name, { aka = [], value }]) =>
      aka.map((word): [string, string] => [word, `--${name}${value ? ` ${value}` : ""}`])
    ),
  ];
}
