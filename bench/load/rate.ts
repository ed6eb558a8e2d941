// The rate: an open loop, in which so many lines a second are said whatever becomes of them. It finds out how long a
// line takes, and what it costs, where a server is not driven to its limit.
import { delay } from "@std/async/delay";
import type { Target } from "./client.ts";
import { Crowd } from "./crowd.ts";
import { type Delivery, type Measured, settle, startMeasuring } from "./delivery.ts";
import { Latencies } from "./latency.ts";
import type { ClientHandle } from "./speaker.ts";

export interface RateOptions {
  readonly target: Target;
  readonly clients: number;
  /** How many of the clients send, in turn. */
  readonly senders: number;
  /** Lines said a second, all senders together. */
  readonly perSecond: number;
  readonly seconds: number;
  /** Before what is measured. What is said then is checked like all that follows. */
  readonly warmUpSeconds?: number;
  /** The server's process, to measure what it costs as well. Linux only. */
  readonly serverPid?: number | undefined;
}

export interface RateReport extends Delivery, Measured {
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly maxMs: number;
}

/** Runs the load and resolves with what was seen. */
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
  const speakers = crowd.makeSpeakers();
  await sayAtRate(speakers, { perSecond, seconds: warmUpSeconds });
  const endMeasuring = startMeasuring(crowd, { latencies, serverPid });
  await sayAtRate(speakers, { perSecond, seconds });
  const measured = endMeasuring();
  const delivery = await settle(crowd, speakers);
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
  /** Ends it before its time. */
  readonly signal?: AbortSignal;
}

/** The speakers say lines in turn, evenly spaced. What is late is said at once. */
export async function sayAtRate(speakers: readonly ClientHandle[], pace: Pace): Promise<void> {
  const { perSecond, seconds, signal } = pace;
  const startedMs = performance.now();
  const count = Math.round(perSecond * seconds);
  const msUntil = (line: number) => startedMs + line * 1000 / perSecond - performance.now();
  for (let line = 0; line < count && !signal?.aborted; line++) {
    // A timer rounds down; a line that is not quite due waits for the next.
    while (msUntil(line) > 0) await delay(Math.max(1, msUntil(line)));
    speakers[line % speakers.length]!.say(1);
  }
  while (msUntil(count) > 0 && !signal?.aborted) await delay(Math.max(1, msUntil(count)));
}
