// Runs all parts of the benchmark, one after the other, and lists the ids by which `--only` selects them.
import type { Bench } from "./bench.ts";
import { measureGrowth } from "./growth.ts";
import { measureHistory } from "./history.ts";
import { measureIdle, measureRooms } from "./idle.ts";
import type { BlastReport } from "./load/blast.ts";
import { runLoad } from "./load_process.ts";
import { describeCommit, describeMachine } from "./machine.ts";
import type { BenchResult, LoadInfo, Row } from "./result.ts";
import { measureRounds } from "./rounds.ts";
import type { Server } from "./servers.ts";
import { Sheet } from "./sheet.ts";
import { measureStorms } from "./storm.ts";

/** Parts besides the comparison of servers. */
const PARTS = ["alone", "idle", "storm", "growth", "rooms", "history"] as const;

/** Variant of Confab that is measured outside the comparison. */
const PLAIN = "confab-ws-sqlite-lines";
const STORMED = ["confab-ws-sqlite-confab.v1", "confab-deno-sqlite-confab.v1"];

export interface Choice {
  readonly servers: readonly Server[];
  /** Ids of the parts and servers; empty for all. */
  readonly only: readonly string[];
}

/** Lists the ids that `--only` accepts. */
export function listIds(servers: readonly Server[]): string[] {
  return [...servers.map(({ id }) => id), ...PARTS];
}

/** Measures the selected parts. */
export async function measureAll(
  bench: Bench,
  { servers, only }: Choice,
): Promise<BenchResult> {
  const isChosen = (id: string) => only.length === 0 || only.includes(id);
  const part = <T>(id: typeof PARTS[number], measure: () => Promise<T>) =>
    isChosen(id) ? measure() : undefined;
  const plain = servers.find(({ id }) => id === PLAIN)!;
  const sheets = servers.map((server) => new Sheet(server));
  const clientAlonePerSecond = await part("alone", () => measureAlone(bench));
  await measureRounds(bench, sheets.filter(({ server }) => isChosen(server.id)));
  await part("idle", () => measureIdle(bench, sheets));
  const stormed = servers.filter(({ id }) => STORMED.includes(id));
  const storms = await part("storm", () => measureStorms(bench, stormed));
  const growth = await part("growth", () => measureGrowth(bench, plain));
  const rooms = await part("rooms", () => measureRooms(bench, plain));
  const history = await part("history", () => measureHistory(bench, plain));
  const rows = sheets.map((sheet) => sheet.toRow()).filter(hasAnything);
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: await describeCommit(),
    machine: describeMachine(),
    versions: listVersions(rows),
    load: { ...describeLoad(bench), ...!isChosen("idle") && { idleConnections: 0 } },
    ...{ clientAlonePerSecond, rows, storms, growth, rooms, history },
    seconds: bench.seconds,
    scope: bench.plan.isQuick ? "quick" : only.length > 0 ? "part" : "whole",
    failures: bench.failures,
  };
}

/** Measures how many lines a second the load client can receive when nothing else limits it. */
async function measureAlone(bench: Bench): Promise<number | undefined> {
  const { clients, senders, blastWindow } = bench.plan;
  const flags = { clients, senders, seconds: blastWindow };
  const outcome = await bench.measure({
    name: "The load client alone",
    isConfab: false,
    run: () => runLoad<BlastReport>(bench, { scenario: "blast", flags }),
    describe: ({ deliveredPerSecond }) =>
      `${(deliveredPerSecond / 1e6).toFixed(2)} M lines a second`,
  });
  return "reason" in outcome ? undefined : outcome.result.deliveredPerSecond;
}

function describeLoad({ plan }: Bench): LoadInfo {
  const { clients, senders, rounds, flood, rate, idle } = plan;
  return {
    ...{ clients, senders, rounds },
    inFlight: flood.inFlight,
    seconds: flood.window,
    perSecond: rate.perSecond,
    idleConnections: idle.connections,
  };
}

function hasAnything({ samples, skipped }: Row): boolean {
  return Object.keys(samples).length > 0 || skipped !== undefined;
}

/** Lists the versions of all programs that took part: a server is called "ws 8.23.0 on Node 20.1.0", for example. */
function listVersions(rows: readonly Row[]): Record<string, string> {
  const programs = rows.flatMap(({ version = "" }) => version.split(" on "));
  const versions = programs.map((program) => program.split(" ")).filter(({ length }) =>
    length === 2
  );
  return { ...Object.fromEntries(versions), Deno: Deno.version.deno };
}
