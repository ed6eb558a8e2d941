// Measures deliveries: a window of time with the lines received in it and the costs of the load, and in the end, when
// everything has had time to arrive, the lines that never did.
import process from "node:process";
import { cpuSeconds } from "../../tests/support/processes.ts";
import { countOtherOrders, type OrderCheck } from "./check.ts";
import { type Crowd, waitFor } from "./crowd.ts";
import type { Latencies } from "./latency.ts";
import type { LineSender } from "./line_sender.ts";

/** Deliveries during a whole load. */
export interface Delivery {
  readonly sent: number;
  /** Lines received, all clients together. */
  readonly delivered: number;
  /** Lines that a client did not receive, or not in order; all clients together. */
  readonly lost: number;
  /** Lines that arrived twice or late, and clients whose order differed from that of the others. */
  readonly disordered: number;
  /** Clients whose connection ended before the load did. */
  readonly evicted: number;
}

/** Measurements between two moments. */
export interface Measured {
  readonly seconds: number;
  readonly deliveredPerSecond: number;
  /** Costs of the process that runs the load. */
  readonly cpuSeconds: number;
  /** Costs of the server; undefined if its process is unknown. */
  readonly serverCpuSeconds?: number | undefined;
}

export interface MeasureOptions {
  readonly latencies: Latencies;
  /** Process id of the server, to measure its costs as well. */
  readonly serverPid?: number | undefined;
}

/** Begins to measure. Returns a function that ends the measurement. */
export function startMeasuring(crowd: Crowd, options: MeasureOptions): () => Measured {
  const { latencies, serverPid } = options;
  latencies.histogram.clear();
  const serverCpu = serverPid === undefined ? 0 : cpuSeconds(serverPid);
  const startedMs = performance.now();
  const cpu = process.cpuUsage();
  const before = crowd.delivered;
  return () => {
    const seconds = (performance.now() - startedMs) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const deliveredPerSecond = Math.round((crowd.delivered - before) / seconds);
    return {
      seconds,
      deliveredPerSecond,
      cpuSeconds: (user + system) / 1e6,
      ...serverPid !== undefined && { serverCpuSeconds: cpuSeconds(serverPid) - serverCpu },
    };
  };
}

/** Time after the last line for all clients to receive it. */
const SETTLE_MS = 20_000;

/** Waits until all clients have received everything, or until that time is over, and counts. */
export async function settle(crowd: Crowd, lineSenders: readonly LineSender[]): Promise<Delivery> {
  const said = lineSenders.map((lineSender) => lineSender.said);
  const sent = said.reduce((sum, count) => sum + count, 0);
  const { members } = crowd;
  const isSettled = () =>
    members.every(({ check, client }) => client.isEnded || check.count >= sent);
  await waitFor(isSettled, SETTLE_MS);
  const checks = members.map(({ check }) => check);
  const sum = (count: (check: OrderCheck) => number) =>
    checks.reduce((total, check) => total + count(check), 0);
  return {
    sent,
    delivered: crowd.delivered,
    lost: sum((check) => check.countLost(said)),
    disordered: sum((check) => check.stray) + countOtherOrders(checks),
    evicted: crowd.evicted,
  };
}
