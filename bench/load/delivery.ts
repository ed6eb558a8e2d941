// What a load measures: a window of time with what was delivered in it and what the load itself cost, and in the end,
// when everything has had time to arrive, what never did.
import process from "node:process";
import { cpuSeconds } from "../../tests/support/processes.ts";
import { countOtherOrders, type OrderCheck } from "./check.ts";
import { type Crowd, waitFor } from "./crowd.ts";
import type { Latencies } from "./latency.ts";
import type { ClientHandle } from "./speaker.ts";

/** What the clients were delivered, in the whole of a load. */
export interface Delivery {
  readonly sent: number;
  /** All clients together. */
  readonly delivered: number;
  /** Lines that a client was not delivered, or not in their turn; all clients together. */
  readonly lost: number;
  /** Lines that came twice or late, and clients that were delivered another order than the others. */
  readonly disordered: number;
  /** Clients whose connection ended before the load did. */
  readonly evicted: number;
}

/** What was measured between two moments. */
export interface Measured {
  readonly seconds: number;
  readonly deliveredPerSecond: number;
  /** Of the process that the load runs in. */
  readonly cpuSeconds: number;
  /** Of the server; undefined where nobody said which process that is. */
  readonly serverCpuSeconds?: number | undefined;
}

export interface MeasureOptions {
  readonly latencies: Latencies;
  /** The server's process, to measure what it costs as well. */
  readonly serverPid?: number | undefined;
}

/** Begins to measure; what it returns ends that. */
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

/** How long after the last line everybody may take to be delivered it. */
const SETTLE_MS = 20_000;

/** Waits until everybody has been delivered everything, or has had long enough, and counts. */
export async function settle(crowd: Crowd, speakers: readonly ClientHandle[]): Promise<Delivery> {
  const said = speakers.map((speaker) => speaker.said);
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
