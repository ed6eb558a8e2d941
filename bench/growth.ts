// Measures the flood with different numbers of clients.
import type { Bench } from "./bench.ts";
import type { FloodReport } from "./load/flood.ts";
import { aim, pidOf, runLoad } from "./load_process.ts";
import type { Plan } from "./plan.ts";
import { describeServer } from "./report.ts";
import type { Growth } from "./result.ts";
import { findFault, perCpuSecond } from "./rounds.ts";
import type { Server } from "./servers.ts";
import { serve } from "./serving.ts";

type Size = Plan["growth"][number];

/** Runs one flood for each number of clients. */
export async function measureGrowth(bench: Bench, server: Server): Promise<Growth[]> {
  const sizes: Growth[] = [];
  for (const size of bench.plan.growth) {
    const outcome = await bench.measure({
      name: `${describeServer(server)}, ${size.clients} clients`,
      isConfab: server.isConfab,
      run: () => measureSize(bench, { server, size }),
      describe: ({ deliveredPerSecond, p99Ms = NaN }) =>
        `${(deliveredPerSecond / 1e6).toFixed(2)} M lines a second, p99 ${p99Ms.toFixed(1)} ms`,
    });
    if ("result" in outcome) sizes.push(outcome.result);
  }
  return sizes;
}

async function measureSize(
  bench: Bench,
  { server, size }: { server: Server; size: Size },
): Promise<Growth> {
  const { warmUp, window } = bench.plan.flood;
  const { clients, senders, inFlight } = size;
  const flags = { clients, senders, "in-flight": inFlight, "warm-up": warmUp, seconds: window };
  const report = await serve(() => server.start(), (running) =>
    runLoad<FloodReport>(bench, {
      scenario: "flood",
      flags: { ...aim(server, running), ...flags, pid: pidOf(running) },
    }));
  bench.blame(describeServer(server), findFault(report));
  return {
    ...size,
    deliveredPerSecond: report.deliveredPerSecond,
    deliveredPerCpuSecond: perCpuSecond(report),
    p99Ms: report.p99Ms,
  };
}
