// Formats all results of a run for the terminal and in Markdown: the servers, the other parts and the targets. Pure
// functions.
import { describeServer, tabulateServers } from "./report.ts";
import type { BenchResult, Growth, History, Rooms, ShortLong, Storm } from "./result.ts";
import { escapeMarkdown, MISSING, renderMarkdown, renderText, type Table } from "./table.ts";
import { evaluateTargets } from "./targets.ts";

interface Section {
  readonly title: string;
  readonly table: Table;
}

const VERDICTS = new Map<boolean | undefined, string>([
  [true, "yes"],
  [false, "no"],
  [undefined, "not measured"],
]);

/** Formats them for the terminal. */
export function makeText(result: BenchResult): string {
  return listSections(result).map(({ title, table }) => `${title}\n\n${renderText(table)}`)
    .join("\n");
}

/** Formats them for a page on GitHub. */
export function makeMarkdown(result: BenchResult): string {
  return listSections(result)
    .map(({ title, table }) => `## ${escapeMarkdown(title)}\n\n${renderMarkdown(table)}`)
    .join("\n");
}

function listSections(result: BenchResult): Section[] {
  const { rows, storms = [], growth = [], rooms, history } = result;
  return [
    ...rows.length > 0 ? [{ title: "Servers", table: tabulateServers(result) }] : [],
    ...storms.length > 0 ? [{ title: "Everybody comes back", table: tabulateStorms(storms) }] : [],
    ...growth.length > 0 ? [{ title: "More clients", table: tabulateGrowth(growth) }] : [],
    ...rooms ? [{ title: "Many rooms", table: tabulateRooms(rooms) }] : [],
    ...history ? [{ title: "A long room", table: tabulateHistory(history) }] : [],
    { title: "Targets", table: tabulateTargets(result) },
  ];
}

function tabulateStorms(storms: readonly Storm[]): Table {
  const { clients, missed, times } = storms[0]!;
  return {
    head: [
      ["", "", "half of them", "all of them", "p99 of the", "and during"],
      ["server", "back", "within, ms", "within, ms", "others before, ms", "that, ms"],
    ],
    rows: storms.map((storm) => [
      describeServer(storm.server),
      count(storm.caughtUp),
      fixed(storm.p50Ms, 0),
      fixed(storm.maxMs, 0),
      fixed(storm.othersP99BeforeMs, 1),
      fixed(storm.othersP99Ms, 1),
    ]),
    textColumns: [0],
    notes: [
      `${count(clients)} clients come back at one moment and resume, each behind ${
        count(missed)
      } ` +
      `entries that it has missed, while others chat in the same room; ${
        times > 1 ? `medians of ${times}` : "once"
      }.`,
    ],
  };
}

function tabulateGrowth(growth: readonly Growth[]): Table {
  return {
    head: [
      ["", "", "in flight", "M lines delivered", "M lines", ""],
      ["clients", "senders", "each", "a second", "a CPU second", "p99, ms"],
    ],
    rows: growth.map((size) => [
      count(size.clients),
      count(size.senders),
      count(size.inFlight),
      fixed(size.deliveredPerSecond / 1e6, 2),
      fixed(size.deliveredPerCpuSecond && size.deliveredPerCpuSecond / 1e6, 2),
      fixed(size.p99Ms, 1),
    ]),
    textColumns: [],
    notes: ["Confab, lines, transport ws, on disk. The p99 is that of the flood: nobody waits."],
  };
}

function tabulateRooms({ rooms, kiBPerRoom }: Rooms): Table {
  return {
    head: [["rooms of one", "KiB each, connection included"]],
    rows: [[count(rooms), fixed(kiBPerRoom, 1)]],
    textColumns: [],
    notes: ["Confab, lines, transport ws, on disk."],
  };
}

function tabulateHistory({ entries, pageEntries, missed, ...times }: History): Table {
  const row = (what: string, { short, long }: ShortLong) => [
    what,
    fixed(short, 2),
    fixed(long, 2),
    `${fixed(long / short, 2)} ×`,
  ];
  return {
    head: [["ms", `of ${count(entries.short)} entries`, `of ${count(entries.long)}`, "longer"]],
    rows: [
      row(`join, with the newest ${pageEntries} entries`, times.joinMs),
      row(`a page of ${pageEntries} from within`, times.pageMs),
      row(`resume, ${missed} behind`, times.resumeMs),
    ],
    textColumns: [0],
    notes: ["Both rooms in one server, on disk. Medians, the client's own time included."],
  };
}

function tabulateTargets(result: BenchResult): Table {
  const { scope, failures = [], seconds } = result;
  return {
    head: [["target", "measured", "holds"]],
    rows: evaluateTargets(result).map(({ name, measured, holds }) => [
      name,
      measured || MISSING,
      VERDICTS.get(holds)!,
    ]),
    textColumns: [0, 1, 2],
    notes: [
      ...scope === "quick" ? ["A quick run: too short to judge by."] : [],
      ...failures.map((failure) => `Not measured, or wrong: ${failure}`),
      ...seconds === undefined ? [] : [`All of it took ${fixed(seconds, 0)} s.`],
    ],
  };
}

function fixed(value: number | undefined, digits: number): string {
  return value === undefined ? MISSING : value.toFixed(digits);
}

function count(value: number): string {
  return value.toLocaleString("en");
}
