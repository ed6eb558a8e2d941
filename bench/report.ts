// Formats the table of the servers, and all results as JSON. Pure functions.
import { type BenchResult, type Figure, median, type Row } from "./result.ts";
import type { ServerInfo } from "./servers.ts";
import { MISSING, renderMarkdown, renderText, type Table } from "./table.ts";

interface Column {
  /** Two lines of the head. `@` stands for the rate. */
  readonly head: readonly [string, string];
  readonly format: (samples: readonly number[]) => string;
}

const millions = (value: number) => (value / 1e6).toFixed(2);
const tenths = (value: number) => value.toFixed(1);

const COLUMNS: Readonly<Record<Figure, Column>> = {
  deliveredPerSecond: {
    head: ["M lines delivered", "a second (min–max)"],
    format: (samples) => {
      const range = `${millions(Math.min(...samples))}–${millions(Math.max(...samples))}`;
      return millions(median(samples)!) + (samples.length > 1 ? ` (${range})` : "");
    },
  },
  deliveredPerCpuSecond: {
    head: ["M lines", "a CPU second"],
    format: (samples) => millions(median(samples)!),
  },
  p50Ms: { head: ["p50, ms", "at @/s"], format: (samples) => median(samples)!.toFixed(2) },
  p99Ms: { head: ["p99, ms", "at @/s"], format: (samples) => tenths(median(samples)!) },
  cpuAtRate: {
    head: ["% of a core", "at @/s"],
    format: (samples) => tenths(median(samples)! * 100),
  },
  evicted: {
    head: ["", "evicted"],
    format: (samples) => String(samples.reduce((sum, count) => sum + count, 0)),
  },
  idleKiB: { head: ["KiB an idle", "connection"], format: (samples) => tenths(median(samples)!) },
  startUpMs: { head: ["start-up,", "ms"], format: (samples) => median(samples)!.toFixed(0) },
};

/** Returns name, dialect and variant, which identify a row. */
export function describeServer({ name, dialect, detail }: ServerInfo): string {
  return [name, ...dialect === "socket.io" ? [] : [dialect], detail].filter(Boolean).join(", ");
}

/** Describes the faults of a server in delivering lines; undefined if there are none. */
export function describeFaults({ faults }: Row): string | undefined {
  if (!faults || faults.lost + faults.disordered === 0) return undefined;
  return `lost ${faults.lost} lines, and ${faults.disordered} came out of order or twice`;
}

/** Describes the load, and how much of it the client alone can take: a line each. */
export function describeLoad({ load, clientAlonePerSecond: alone }: BenchResult): string[] {
  return [
    `${load.clients} clients in one room, ${load.senders} of them saying lines of 64 bytes, ` +
    `${load.inFlight} each in flight; median of ${load.rounds} × ${load.seconds} s.`,
    ...alone === undefined ? [] : [
      `Client and server share the machine; the client alone takes ${
        millions(alone)
      } M lines a second.`,
    ],
  ];
}

/** Describes the machine and the versions. */
export function describeOrigin({ machine, versions, commit, date }: BenchResult): string {
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.os}; ` +
    `${programs.join(", ")}; commit ${commit}, ${date}.`;
}

/** Formats the servers for the terminal. */
export function makeTextTable(result: BenchResult): string {
  return renderText(tabulateServers(result));
}

/** Formats the servers for a page on GitHub. */
export function makeMarkdownTable(result: BenchResult): string {
  return renderMarkdown(tabulateServers(result));
}

/** Formats all results, each round by itself, for other programs. */
export function makeJson(result: object): string {
  return JSON.stringify(result, null, 2) + "\n";
}

function describeAll(result: BenchResult): string[] {
  const { perSecond, idleConnections: idle } = result.load;
  return [
    ...describeLoad(result),
    `Latency and CPU at ${perSecond} lines a second` +
    (idle > 0 ? `; memory over ${idle.toLocaleString("en")} idle connections.` : "."),
    describeOrigin(result),
  ];
}

/** Creates a row for each server, with the reasons for missing figures. */
export function tabulateServers(result: BenchResult): Table {
  const footnotes: string[] = [];
  const mark = (note: string | undefined): string => {
    if (!note) return "";
    if (!footnotes.includes(note)) footnotes.push(note);
    return superscript(footnotes.indexOf(note) + 1);
  };
  const columns = Object.entries<Column>(COLUMNS) as [Figure, Column][];
  const heads = [0, 1].map((line) =>
    columns.map(([, { head }]) => head[line]!.replace("@", String(result.load.perSecond)))
  );
  const rows = result.rows.map((row) => {
    const name = describeServer(row) + mark(row.skipped && `not measured: ${row.skipped}`);
    const cells = columns.map(([figure, { format }]) => {
      const samples = row.samples[figure] ?? [];
      if (samples.length === 0) return MISSING + mark(row.missing?.[figure]);
      return format(samples) + (figure === "deliveredPerSecond" ? mark(describeFaults(row)) : "");
    });
    return [name, ...cells, row.stores];
  });
  const notes = footnotes.map((note, at) => `${superscript(at + 1)} ${note}`);
  return {
    head: [["", ...heads[0]!, ""], ["server", ...heads[1]!, "stored"]],
    rows,
    textColumns: [0, columns.length + 1],
    notes: [...notes, ...describeAll(result)],
  };
}

function superscript(number: number): string {
  return [...String(number)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("");
}
