// Measures the storm: all clients reconnect at once. It measures the time until they have caught up, and the latency for
// clients that stayed.
import type { Bench } from "./bench.ts";
import type { StormReport } from "./load/storm.ts";
import { aim, runLoad } from "./load_process.ts";
import { describeServer } from "./report.ts";
import { median, type Storm } from "./result.ts";
import { findFault } from "./rounds.ts";
import type { Server } from "./servers.ts";
import { serve } from "./serving.ts";

const OTHERS = { watchers: 20, "per-second": 100 };

/** Runs the storms on each of the servers. */
export async function measureStorms(bench: Bench, servers: readonly Server[]): Promise<Storm[]> {
  const storms: Storm[] = [];
  for (const server of servers) {
    const reports: StormReport[] = [];
    for (let time = 0; time < bench.plan.storm.times; time++) {
      const outcome = await bench.measure({
        name: `${describeServer(server)}, ${bench.plan.storm.clients} come back`,
        isConfab: server.isConfab,
        run: () => measureStorm(bench, server),
        describe: describeStorm,
      });
      if ("result" in outcome) reports.push(outcome.result);
    }
    if (reports.length > 0) storms.push(summarize(bench, { server, reports }));
  }
  return storms;
}

async function measureStorm(bench: Bench, server: Server): Promise<StormReport> {
  const { clients, missed } = bench.plan.storm;
  const report = await serve(() => server.start(), (running) =>
    runLoad<StormReport>(bench, {
      scenario: "storm",
      flags: { ...aim(server, running), ...OTHERS, clients, missed },
    }));
  bench.blame(describeServer(server), findFault(report) ?? findHole(report));
  return report;
}

function summarize(
  { plan: { storm: { clients, missed } } }: Bench,
  { server, reports }: { server: Server; reports: readonly StormReport[] },
): Storm {
  const { id, name, detail, isConfab, dialect, stores } = server;
  const middle = (of: (report: StormReport) => number | undefined) =>
    median(reports.map(of).filter((ms) => ms !== undefined));
  return {
    server: { id, name, detail, isConfab, dialect, stores },
    ...{ clients, missed, times: reports.length },
    caughtUp: Math.min(...reports.map(({ caughtUp }) => caughtUp)),
    p50Ms: middle(({ p50Ms }) => p50Ms),
    maxMs: middle(({ maxMs }) => maxMs),
    othersP99Ms: middle(({ during }) => during.p99Ms),
    othersP99BeforeMs: middle(({ before }) => before.p99Ms),
  };
}

function findHole({ holes, afresh }: StormReport): string | undefined {
  if (holes + afresh === 0) return undefined;
  return `${holes} entries behind a hole, ${afresh} clients had to start afresh`;
}

function describeStorm({ caughtUp, maxMs = NaN, during }: StormReport): string {
  return `${caughtUp} within ${(maxMs / 1000).toFixed(2)} s, p99 of the others ` +
    `${during.p99Ms?.toFixed(0)} ms`;
}
