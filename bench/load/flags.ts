// Parses the flags of the load client: each scenario has its own, with defaults.
import { parseArgs } from "node:util";
import type { Target } from "./client.ts";
import { parseDialect } from "./dialects.ts";

/** Numeric flags with their defaults; undefined for a flag without a default. */
export type Defaults = Readonly<Record<string, number | undefined>>;

/** Parsed command line. */
export interface Flags {
  readonly target: Target;
  readonly deadlineSeconds: number;
  readonly pathTemplate: string | undefined;
  /** Returns a number that has a default. */
  number(name: string): number;
  /** Returns a number that may be absent. */
  optional(name: string): number | undefined;
}

const DEADLINE_SECONDS = 60;

const LARGEST_PORT = 65_535;

/** Parses the flags of a scenario. A server on another machine is loaded only if its host is named. @throws */
export function parseFlags(args: string[], defaults: Defaults): Flags {
  const numbers = { port: undefined, deadline: DEADLINE_SECONDS, ...defaults };
  const names = [...Object.keys(numbers), "host", "path", "dialect", "path-template"];
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" } as const]));
  const { values } = parseArgs({ args, options });
  const optional = (name: string) => {
    const value = values[name];
    return value === undefined ? numbers[name as keyof typeof numbers] : parseNumber(name, value);
  };
  const number = (name: string) => {
    const value = optional(name);
    if (value === undefined) {
      throw new Error(`Cannot parse flags: expected --${name}, received none`);
    }
    return value;
  };
  const { host, path, dialect = "lines", "path-template": pathTemplate } = values;
  const target: Target = {
    port: number("port"),
    dialect: parseDialect(dialect),
    ...host !== undefined && { host },
    ...path !== undefined && { path },
  };
  return { target, deadlineSeconds: number("deadline"), pathTemplate, number, optional };
}

function parseNumber(name: string, value: string): number {
  const number = Number(value);
  const isFine = value !== "" && number >= 0 && Number.isFinite(number) &&
    (name !== "port" || number <= LARGEST_PORT);
  if (isFine) return number;
  throw new Error(`Cannot parse flag "--${name}": expected a number, received "${value}"`);
}
