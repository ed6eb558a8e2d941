// Evaluates Confab's targets by the figures of one run. Pure functions. A missed target is not a failure of the
// benchmark: machines differ.
import { type BenchResult, type Figure, median, type Row } from "./result.ts";
import type { ServerInfo } from "./servers.ts";

export interface Target {
  readonly name: string;
  /** Figures as text; empty if they are missing. */
  readonly measured: string;
  /** Whether the target is met; undefined if it was not measured. */
  readonly holds: boolean | undefined;
}

/** A figure and its limit. */
interface Check {
  readonly value: number | undefined;
  readonly limit: { readonly least: number } | { readonly maxReplay: number };
  readonly describe: (value: number) => string;
}

const LEAST_LINES_WS = 1.3;
const LEAST_LINES_DENO = 1.0;
const MOST_P50 = 1.3;
const MOST_CPU = 1.5;
const LEAST_CONFAB_V1 = 0.6;
const MOST_IDLE_KIB = { ws: 8, deno: 20 };
const MOST_STORM_MS = 5000;
const MOST_OTHERS_P99_MS = 250;
const MOST_HISTORY = 2;
const MOST_SECONDS = 8 * 60;

const BUN = "bun";
const WS = "confab-ws-sqlite-lines";
const DENO = "confab-deno-sqlite-lines";

/** All targets, in order. */
export function evaluateTargets(result: BenchResult): Target[] {
  return [
    judge(`Confab on ws, on disk: at least ${LEAST_LINES_WS} × the lines of Bun, 0 evicted`, [
      compare(result, { ids: [WS, BUN], figure: "deliveredPerSecond", least: LEAST_LINES_WS }),
      evicted(result, WS),
    ]),
    judge(`Confab on deno, on disk: at least ${LEAST_LINES_DENO} × the lines of Bun`, [
      compare(result, { ids: [DENO, BUN], figure: "deliveredPerSecond", least: LEAST_LINES_DENO }),
    ]),
    judgeRate(result),
    judge(`confab.v1: at least ${LEAST_CONFAB_V1} of the lines on the same transport`, [
      compareDialects(result, "ws"),
      compareDialects(result, "deno"),
    ]),
    judge(
      `An idle connection: at most ${MOST_IDLE_KIB.ws} KiB on ws, ${MOST_IDLE_KIB.deno} KiB on deno`,
      [
        idle(result, "ws"),
        idle(result, "deno"),
      ],
    ),
    judgeStorm(result),
    judgeHistory(result),
    judge(`The whole run: at most ${MOST_SECONDS / 60} minutes`, [{
      value: result.scope === "whole" ? result.seconds : undefined,
      limit: { maxReplay: MOST_SECONDS },
      describe: (value) => `${(value / 60).toFixed(1)} minutes`,
    }]),
  ];
}

/**
 * Evaluates a target. It is met if all checks pass. It is unknown if a check has no figure, unless another check
 * fails.
 */
function judge(name: string, checks: readonly Check[]): Target {
  const verdicts = checks.map(({ value, limit }) => {
    if (value === undefined) return undefined;
    return "least" in limit ? value >= limit.least : value <= limit.maxReplay;
  });
  const measured = checks.flatMap(({ value, describe }) =>
    value === undefined ? [] : [describe(value)]
  );
  const isKnown = !verdicts.includes(undefined);
  const holds = verdicts.includes(false) ? false : isKnown && checks.length > 0 ? true : undefined;
  return { name, measured: measured.join("; "), holds };
}

function judgeRate(result: BenchResult): Target {
  const { perSecond } = result.load;
  const name = `Confab on ws, at ${perSecond} a second: p50 at most ${MOST_P50} ×, CPU at most ` +
    `${MOST_CPU} × that of Bun`;
  const checks = (id: string) => [
    compare(result, { ids: [id, BUN], figure: "p50Ms", maxReplay: MOST_P50 }),
    compare(result, { ids: [id, BUN], figure: "cpuAtRate", maxReplay: MOST_CPU }),
  ];
  const target = judge(name, checks(WS));
  // Shown for comparison; it is not a target.
  const { measured } = judge(name, checks(DENO));
  return { ...target, measured: [target.measured, measured && `(${measured})`].join(" ").trim() };
}

function judgeStorm({ storms = [] }: BenchResult): Target {
  const name = `Everybody comes back: all within ${MOST_STORM_MS / 1000} s, p99 of the others at ` +
    `most ${MOST_OTHERS_P99_MS} ms`;
  const checks = storms.flatMap(({ server, clients, caughtUp, ...storm }): Check[] => [
    {
      value: caughtUp,
      limit: { least: clients },
      describe: (value) => `${transportOf(server)}: ${value} of ${clients}`,
    },
    {
      value: storm.maxMs,
      limit: { maxReplay: MOST_STORM_MS },
      describe: (value) => `all within ${(value / 1000).toFixed(2)} s`,
    },
    {
      value: storm.othersP99Ms,
      limit: { maxReplay: MOST_OTHERS_P99_MS },
      describe: (value) => `others ${value.toFixed(0)} ms`,
    },
  ]);
  return judge(name, checks);
}

function judgeHistory({ history }: BenchResult): Target {
  const name = `A long room: join and page within ${MOST_HISTORY} × of a short one`;
  if (!history) return judge(name, []);
  const check = (what: string, { short, long }: { short: number; long: number }): Check => ({
    value: long / short,
    limit: { maxReplay: MOST_HISTORY },
    describe: (value) => `${what} ${value.toFixed(2)} ×`,
  });
  return judge(name, [check("join", history.joinMs), check("page", history.pageMs)]);
}

type Compared =
  & { readonly ids: readonly [string, string]; readonly figure: Figure }
  & Check["limit"];

/** Returns a figure of one server as a multiple of another server's. */
function compare(result: BenchResult, { ids, figure, ...limit }: Compared): Check {
  const [one, other] = ids.map((id) => median(findRow(result, id)?.samples[figure]));
  const row = findRow(result, ids[0]);
  const name = row && `${transportOf(row)}: `;
  const what: Partial<Record<Figure, string>> = { p50Ms: "p50 ", cpuAtRate: "CPU " };
  return {
    value: one === undefined || !other ? undefined : one / other,
    limit,
    describe: (value) => `${name}${what[figure] ?? ""}${value.toFixed(2)} ×`,
  };
}

function compareDialects(result: BenchResult, transport: "ws" | "deno"): Check {
  const id = `confab-${transport}-sqlite`;
  const ids = [`${id}-confab.v1`, `${id}-lines`] as const;
  return compare(result, { ids, figure: "deliveredPerSecond", least: LEAST_CONFAB_V1 });
}

function evicted(result: BenchResult, id: string): Check {
  const samples = findRow(result, id)?.samples.evicted;
  return {
    value: samples?.reduce((sum, count) => sum + count, 0),
    limit: { maxReplay: 0 },
    describe: (value) => `${value} evicted`,
  };
}

function idle(result: BenchResult, transport: "ws" | "deno"): Check {
  return {
    value: median(findRow(result, `confab-${transport}-sqlite-lines`)?.samples.idleKiB),
    limit: { maxReplay: MOST_IDLE_KIB[transport] },
    describe: (value) => `${transport}: ${value.toFixed(1)} KiB`,
  };
}

function transportOf({ detail }: ServerInfo): string {
  return detail.replace("transport ", "");
}

function findRow({ rows }: BenchResult, id: string): Row | undefined {
  return rows.find((row) => row.id === id);
}
