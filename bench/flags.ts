// The command line of `deno task bench`, parsed. Pure.
import { parseArgs } from "node:util";

/** What the benchmark was asked to do. */
export interface Flags {
  readonly isHelp: boolean;
  /** An executable of Confab; from source where none is given. */
  readonly confab: string | undefined;
  /** `NAME=URL` each. */
  readonly peers: readonly string[];
  /** How often each server is measured. */
  readonly rounds: number;
  /** What is measured; everything where nothing is named. */
  readonly only: readonly string[];
  /** As short as can be, to see that all works. */
  readonly isQuick: boolean;
  /** Where the results are written; undefined where nobody said. */
  readonly out: string | undefined;
}

const ROUNDS = 3;
const MAX_ROUNDS = 20;

/** @throws {TypeError} that says what is wrong */
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

/** The text of `--help`. The ids are those that `--only` takes. */
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
