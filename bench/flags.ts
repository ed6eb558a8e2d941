// Parses the command line of `deno task bench`. Pure functions.
import { parseArgs } from "node:util";

/** Parsed command line of the benchmark. */
export interface Flags {
  readonly isHelp: boolean;
  /** Path of an executable of Confab; undefined to run it from source. */
  readonly confab: string | undefined;
  /** Further servers, each as `NAME=URL`. */
  readonly peers: readonly string[];
  /** Number of rounds in which each server is measured. */
  readonly rounds: number;
  /** Ids of the parts to measure; empty for all. */
  readonly only: readonly string[];
  /** Whether to run as briefly as possible, to see that everything works. */
  readonly isQuick: boolean;
  /** Folder for the results; undefined if none was named. */
  readonly out: string | undefined;
}

const ROUNDS = 3;
const MAX_ROUNDS = 20;

/** Parses the arguments. @throws {TypeError} with the reason */
export function parseFlags(args: readonly string[]): Flags {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", short: "h", default: false },
      confab: { type: "string" },
      peer: { type: "string", multiple: true, default: [] },
      rounds: { type: "string" },
      only: { type: "string", multiple: true, default: [] },
      quick: { type: "boolean", default: false },
      out: { type: "string" },
    },
  });
  const { help, confab, peer, rounds, only, quick, out } = values;
  return {
    isHelp: help,
    confab,
    peers: peer,
    rounds: rounds === undefined ? quick ? 1 : ROUNDS : parseRounds(rounds),
    only: only.flatMap((list) => list.split(",")).map((id) => id.trim()).filter(Boolean),
    isQuick: quick,
    out,
  };
}

/** Returns the text of `--help`. The ids are those that `--only` accepts. */
export function helpText(ids: readonly string[]): string {
  return `Measures Confab beside other chat servers, each started in turn on this machine.

  deno task bench [--confab PATH] [--peer NAME=URL]... [--rounds N] [--only ID,ID] [--quick] [--out DIR]

  --confab PATH    an executable of Confab (without it, from source)
  --peer NAME=URL  one more server, which runs already and speaks lines: mine=ws://127.0.0.1:1234/ws
  --rounds N       how often each server is measured (default ${ROUNDS}, 1 with --quick)
  --only ID,ID     these servers and parts only
  --quick          short loads, to see that all works; the figures are too rough to judge by
  --out DIR        write results.json, results.md and chart.svg there. Without it a whole run
                   writes them to docs/bench, any other nothing

Servers and parts: ${ids.join(", ")}`;
}

function parseRounds(text: string): number {
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds >= 1 && rounds <= MAX_ROUNDS) return rounds;
  throw new TypeError(
    `Cannot parse flag "--rounds": expected a number from 1 to ${MAX_ROUNDS}, received "${text}"`,
  );
}
