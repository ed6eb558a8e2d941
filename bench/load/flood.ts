// The flood is a closed loop in which each sender keeps a number of its own lines in flight. It measures how many lines a
// server delivers when it always has work.
import { delay } from "@std/async/delay";
import { LoadClient, type Target } from "./client.ts";
import { Crowd } from "./crowd.ts";
import { type Delivery, type Measured, settle, startMeasuring } from "./delivery.ts";
import { Latencies } from "./latency.ts";

export interface FloodOptions {
  readonly target: Target;
  readonly clients: number;
  /** Number of clients that send. */
  readonly senders: number;
  /** Lines that a sender has sent and not yet received itself. */
  readonly inFlight: number;
  readonly seconds: number;
  /** Time before the measurement. Lines sent in it are checked like all others. */
  readonly warmUpSeconds?: number;
  /** Process id of the server, to measure its costs as well. Linux only. */
  readonly serverPid?: number | undefined;
  /** Further clients, which join and never read. */
  readonly stuck?: number;
}

export interface FloodReport extends Delivery, Measured {
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** Runs the load and resolves with the results. */
export async function runFlood(options: FloodOptions): Promise<FloodReport> {
  const { target, clients, senders, inFlight, seconds, warmUpSeconds = 0, serverPid } = options;
  const latencies = new Latencies(senders);
  let refill: ((index: number) => void) | undefined;
  await using crowd = await Crowd.open({
    count: clients,
    target: () => target,
    senders,
    latencies,
    afterChunk: (index) => refill?.(index),
  });
  await crowd.callRoll();
  await using _stuck = await openStuck(options);
  const lineSenders = crowd.makeSenders();
  refill = (index) => {
    const lineSender = lineSenders[index];
    if (!lineSender) return;
    const delivered = crowd.members[index]!.check.next(index);
    if (lineSender.said - delivered < inFlight) {
      lineSender.say(inFlight - lineSender.said + delivered);
    }
  };
  for (const index of lineSenders.keys()) refill(index);
  await delay(warmUpSeconds * 1000);
  const endMeasuring = startMeasuring(crowd, { latencies, serverPid });
  await delay(seconds * 1000);
  const measured = endMeasuring();
  refill = undefined;
  const delivery = await settle(crowd, lineSenders);
  const { histogram } = latencies;
  const [p50Ms, p99Ms] = [histogram.percentileMs(0.5), histogram.percentileMs(0.99)];
  return { ...delivery, ...measured, p50Ms, p99Ms };
}

async function openStuck({ target, stuck = 0 }: FloodOptions): Promise<AsyncDisposable> {
  const lines = { line: () => {} };
  const clients = await Promise.all(
    Array.from(
      { length: stuck },
      (_, index) => LoadClient.open({ target, name: `stuck ${index}`, lines, isStuck: true }),
    ),
  );
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    },
  };
}
