// The rate is an open loop that sends so many lines a second, independently of their delivery. It measures latency and
// costs while a server is not at its limit.
import { delay } from "@std/async/delay";
import type { Target } from "./client.ts";
import { Crowd } from "./crowd.ts";
import { type Delivery, type Measured, settle, startMeasuring } from "./delivery.ts";
import { Latencies } from "./latency.ts";
import type { LineSender } from "./line_sender.ts";

export interface RateOptions {
  readonly target: Target;
  readonly clients: number;
  /** Number of clients that send, in rotation. */
  readonly senders: number;
  /** Lines sent a second, all senders together. */
  readonly perSecond: number;
  readonly seconds: number;
  /** Time before the measurement. Lines sent in it are checked like all others. */
  readonly warmUpSeconds?: number;
  /** Process id of the server, to measure its costs as well. Linux only. */
  readonly serverPid?: number | undefined;
}

export interface RateReport extends Delivery, Measured {
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly maxMs: number;
}

/** Runs the load and resolves with the results. */
export async function runRate(options: RateOptions): Promise<RateReport> {
  const { target, clients, senders, perSecond, seconds, warmUpSeconds = 0, serverPid } = options;
  const latencies = new Latencies(senders);
  await using crowd = await Crowd.open({
    count: clients,
    target: () => target,
    senders,
    latencies,
  });
  await crowd.callRoll();
  const lineSenders = crowd.makeSenders();
  await sayAtRate(lineSenders, { perSecond, seconds: warmUpSeconds });
  const endMeasuring = startMeasuring(crowd, { latencies, serverPid });
  await sayAtRate(lineSenders, { perSecond, seconds });
  const measured = endMeasuring();
  const delivery = await settle(crowd, lineSenders);
  const { histogram } = latencies;
  return {
    ...delivery,
    ...measured,
    p50Ms: histogram.percentileMs(0.5),
    p99Ms: histogram.percentileMs(0.99),
    maxMs: histogram.longestMs,
  };
}

export interface Pace {
  readonly perSecond: number;
  readonly seconds: number;
  /** Ends the load early. */
  readonly signal?: AbortSignal;
}

/** Makes the senders send lines in rotation, evenly spaced. A late line is sent at once. */
export async function sayAtRate(lineSenders: readonly LineSender[], pace: Pace): Promise<void> {
  const { perSecond, seconds, signal } = pace;
  const startedMs = performance.now();
  const count = Math.round(perSecond * seconds);
  const msUntil = (line: number) => startedMs + line * 1000 / perSecond - performance.now();
  for (let line = 0; line < count && !signal?.aborted; line++) {
    // A timer rounds down; a line that is not quite due waits for the next one.
    while (msUntil(line) > 0) await delay(Math.max(1, msUntil(line)));
    lineSenders[line % lineSenders.length]!.say(1);
  }
  while (msUntil(count) > 0 && !signal?.aborted) await delay(Math.max(1, msUntil(count)));
}
