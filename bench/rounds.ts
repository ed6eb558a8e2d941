// Measures the servers side by side: in every round each is started anew, loaded at a fixed rate, then flooded. Each
// round begins with another server, so that other load on the machine affects all of them alike.
import type { Bench } from "./bench.ts";
import type { FloodReport } from "./load/flood.ts";
import type { RateReport } from "./load/rate.ts";
import { aim, type LoadFlags, pidOf, runLoad } from "./load_process.ts";
import { rotate } from "./plan.ts";
import { describeServer } from "./report.ts";
import { type Figure, median } from "./result.ts";
import type { RunningServer } from "./servers.ts";
import { serve } from "./serving.ts";
import type { Sheet } from "./sheet.ts";

const AT_RATE: readonly Figure[] = ["p50Ms", "p99Ms", "cpuAtRate"];
const FLOODED: readonly Figure[] = ["deliveredPerSecond", "deliveredPerCpuSecond", "evicted"];
const CPU: readonly Figure[] = ["cpuAtRate", "deliveredPerCpuSecond"];

/** A running server and its results. */
interface RoomRequest {
  readonly sheet: Sheet;
  readonly running: RunningServer;
}

/** Fills the sheets, except for the memory of idle connections. */
export async function measureRounds(bench: Bench, sheets: readonly Sheet[]): Promise<void> {
  for (const sheet of sheets) await measureStart(bench, sheet);
  const { rounds } = bench.plan;
  for (let round = 0; round < rounds; round++) {
    for (const sheet of rotate(sheets, { round, rounds })) {
      if (sheet.skipped === undefined) await measureRound(bench, { sheet, round });
    }
  }
}

async function measureStart(bench: Bench, sheet: Sheet): Promise<void> {
  const { server } = sheet;
  const outcome = await bench.measure({
    name: describeServer(server),
    isConfab: server.isConfab,
    run: () => timeStarts(bench, sheet),
    describe: (samples) => {
      const ms = median(samples);
      return ms === undefined ? "runs already" : `starts within ${ms.toFixed(0)} ms`;
    },
  });
  if ("reason" in outcome) return void (sheet.skipped = outcome.reason);
  for (const sample of outcome.result) sheet.add("startUpMs", sample);
  sheet.lack(["startUpMs"], "not started by the benchmark");
}

/** Times the starts. The first one does not count: it reads files that the others find in memory. */
async function timeStarts({ plan, signal }: Bench, sheet: Sheet): Promise<number[]> {
  const samples: number[] = [];
  for (let start = 0; start <= plan.starts; start++) {
    signal.throwIfAborted();
    await using running = await sheet.start();
    if (running.startUpMs === undefined) return [];
    samples.push(running.startUpMs);
  }
  return samples.slice(1);
}

async function measureRound(
  bench: Bench,
  { sheet, round }: { sheet: Sheet; round: number },
): Promise<void> {
  const { server } = sheet;
  const name = `${describeServer(server)}, round ${round + 1}`;
  const outcome = await bench.measure({
    name,
    isConfab: server.isConfab,
    run: () =>
      serve(() => sheet.start(), async (running) => {
        // In memory a line goes the same way, but for the disk: once is enough to see what it takes.
        if (server.name !== "Confab in memory" || round === 0) {
          bench.say(name, describeRate(await measureRate(bench, { sheet, running })));
        }
        return await measureFlood(bench, { sheet, running });
      }),
    describe: describeFlood,
  });
  if ("reason" in outcome) sheet.lack([...AT_RATE, ...FLOODED], outcome.reason);
}

async function measureRate(bench: Bench, { sheet, running }: RoomRequest): Promise<RateReport> {
  const { perSecond, warmUp, window } = bench.plan.rate;
  const flags = { ...aimMeasured(bench, { sheet, running }), "per-second": perSecond };
  const report = await runLoad<RateReport>(bench, {
    scenario: "rate",
    flags: { ...flags, "warm-up": warmUp, seconds: window },
  });
  const { p50Ms, p99Ms, seconds, serverCpuSeconds: cpu } = report;
  sheet.add("p50Ms", p50Ms);
  sheet.add("p99Ms", p99Ms);
  sheet.add("cpuAtRate", cpu === undefined ? undefined : cpu / seconds);
  noteDelivery(bench, { sheet, report });
  return report;
}

async function measureFlood(bench: Bench, { sheet, running }: RoomRequest): Promise<FloodReport> {
  const { inFlight, warmUp, window } = bench.plan.flood;
  const flags = { ...aimMeasured(bench, { sheet, running }), "in-flight": inFlight };
  const report = await runLoad<FloodReport>(bench, {
    scenario: "flood",
    flags: { ...flags, "warm-up": warmUp, seconds: window },
  });
  sheet.add("deliveredPerSecond", report.deliveredPerSecond);
  sheet.add("deliveredPerCpuSecond", perCpuSecond(report));
  noteDelivery(bench, { sheet, report });
  return report;
}

function aimMeasured(
  { plan: { clients, senders } }: Bench,
  { sheet, running }: RoomRequest,
): LoadFlags {
  const pid = pidOf(running);
  if (pid === undefined) {
    const reason = running.pid === undefined ? "not started by the benchmark" : "needs Linux";
    sheet.lack(CPU, reason);
  }
  return { ...aim(sheet.server, running), clients, senders, pid };
}

function noteDelivery(
  bench: Bench,
  { sheet, report }: { sheet: Sheet; report: RateReport | FloodReport },
): void {
  sheet.count(report);
  if (sheet.server.isConfab) bench.blame(describeServer(sheet.server), findFault(report));
}

/** Describes faults in delivering lines, or lost clients; undefined if there are none. */
export function findFault(
  { lost, disordered, evicted }: { lost: number; disordered: number; evicted: number },
): string | undefined {
  if (lost + disordered + evicted === 0) return undefined;
  return `lost ${lost} lines, ${disordered} came out of order or twice, ${evicted} clients thrown out`;
}

/** Returns the delivered lines for each second of processor time that the server used. */
export function perCpuSecond(report: FloodReport): number | undefined {
  const { deliveredPerSecond, seconds, serverCpuSeconds } = report;
  return serverCpuSeconds ? deliveredPerSecond * seconds / serverCpuSeconds : undefined;
}

function describeRate({ p50Ms = NaN, p99Ms = NaN, seconds, serverCpuSeconds }: RateReport): string {
  const cpu = serverCpuSeconds === undefined
    ? ""
    : `, ${(serverCpuSeconds / seconds * 100).toFixed(1)} % of a core`;
  return `at the fixed rate p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms${cpu}`;
}

function describeFlood(report: FloodReport): string {
  const perCpu = perCpuSecond(report);
  return `${(report.deliveredPerSecond / 1e6).toFixed(2)} M lines a second` +
    (perCpu === undefined ? "" : `, ${(perCpu / 1e6).toFixed(2)} M a CPU second`);
}
