// The storm: all clients of a room have lost their connections and reconnect at the same moment to resume, while others
// continue to chat. `confab.v1` only: other protocols cannot resume.
import process from "node:process";
import { LoadClient, type Target } from "./client.ts";
import { Crowd, waitFor } from "./crowd.ts";
import { settle } from "./delivery.ts";
import { type Histogram, Latencies } from "./latency.ts";
import { sayAtRate } from "./rate.ts";
import { type Place, Resumer } from "./resumer.ts";
import type { LineSender } from "./line_sender.ts";

export interface StormOptions {
  readonly target: Target;
  /** Clients that reconnect. */
  readonly clients: number;
  /** Entries that each of them has missed. */
  readonly missed: number;
  /** Clients that stay connected and chat: the watchers. */
  readonly watchers: number;
  /** Lines that the watchers send a second, all together. */
  readonly perSecond: number;
  /** Time that they chat before the storm, for comparison. */
  readonly secondsBefore?: number;
}

export interface StormReport {
  /** Clients that reconnected and received all missed entries. */
  readonly caughtUp: number;
  /** Entries that they received until then, all together. */
  readonly entries: number;
  /** Clients that had to start over. */
  readonly afresh: number;
  /** Entries that arrived out of order, or behind a hole; all clients together. */
  readonly holes: number;
  /** Time from the moment of the storm until a client has received all missed entries. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly maxMs: number | undefined;
  /** Costs of the load itself during the storm. */
  readonly cpuSeconds: number;
  /** Latency of a watcher's line to the other ones. */
  readonly before: WatchedMs;
  readonly during: WatchedMs;
  /** Lines that a watcher did not receive, or not in order. */
  readonly lost: number;
  readonly disordered: number;
  readonly evicted: number;
}

interface WatchedMs {
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly maxMs: number;
}

/** Maximum lines in flight while the room is filled, all watchers together. */
const FILL_IN_FLIGHT = 100;
const FILL_MS = 30_000;

/** Maximum time of a storm. A client that has not caught up by then has failed. */
const STORM_SECONDS = 30;

/** Runs the storm and resolves with the results. */
export async function runStorm(options: StormOptions): Promise<StormReport> {
  const { target, watchers, missed, perSecond, secondsBefore = 2 } = options;
  const latencies = new Latencies(watchers);
  await using crowd = await Crowd.open({
    count: watchers,
    target: () => target,
    senders: watchers,
    latencies,
  });
  await crowd.callRoll();
  const lineSenders = crowd.makeSenders();
  await sayAtRate(lineSenders, { perSecond, seconds: secondsBefore });
  const before = summarize(latencies.histogram);
  const place = await findPlace(target);
  await fill(crowd, lineSenders, missed);
  latencies.histogram.clear();
  const end = new AbortController();
  const talk = sayAtRate(lineSenders, { perSecond, seconds: STORM_SECONDS, signal: end.signal });
  const storm = await comeBack(options, place);
  const during = summarize(latencies.histogram);
  end.abort();
  await talk;
  const { lost, disordered, evicted } = await settle(crowd, lineSenders);
  return { ...storm, before, during, lost, disordered, evicted };
}

/** Reads the newest seq of the room and its epoch, the state of a client that leaves now. */
async function findPlace(target: Target): Promise<Place> {
  const welcome = Promise.withResolvers<string>();
  await using _client = await LoadClient.open({
    target,
    name: "leaver",
    lines: { line: () => {} },
    onReady: welcome.resolve,
  });
  const { head, epoch } = JSON.parse(await welcome.promise);
  return { after: head, epoch };
}

/** Sends so many lines, with a bounded number of them in flight. */
async function fill(
  crowd: Crowd,
  lineSenders: readonly LineSender[],
  lines: number,
): Promise<void> {
  const said = () => lineSenders.reduce((sum, lineSender) => sum + lineSender.said, 0);
  const end = said() + lines;
  const isDelivered = () => crowd.members.every(({ check }) => check.count >= said());
  while (said() < end && crowd.evicted === 0) {
    const count = Math.min(FILL_IN_FLIGHT, end - said());
    for (let line = 0; line < count; line++) lineSenders[line % lineSenders.length]!.say(1);
    await waitFor(isDelivered, FILL_MS);
  }
}

/** Reconnects all clients at one moment. */
async function comeBack({ target, clients }: StormOptions, place: Place) {
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  const name = (index: number) => `r${String(index).padStart(4, "0")}`;
  const resumers = Array.from(
    { length: clients },
    (_, index) => new Resumer({ target, name: name(index), place }),
  );
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), STORM_SECONDS * 1000);
  const moments = await Promise.all(
    resumers.map(({ caughtUpMs }) => Promise.race([caughtUpMs, late.promise])),
  );
  clearTimeout(timer);
  const { user, system } = process.cpuUsage(cpu);
  await Promise.all(resumers.map((resumer) => resumer[Symbol.asyncDispose]()));
  const durationsMs = moments.filter((ms) => ms !== undefined).map((ms) => ms - startedMs)
    .toSorted((a, b) => a - b);
  const percentile = (share: number) => durationsMs[Math.ceil(durationsMs.length * share) - 1];
  return {
    caughtUp: durationsMs.length,
    entries: resumers.reduce((sum, { entries }) => sum + entries, 0),
    afresh: resumers.filter(({ isResumed }) => !isResumed).length,
    holes: resumers.reduce((sum, { holes }) => sum + holes, 0),
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    maxMs: durationsMs.at(-1),
    cpuSeconds: (user + system) / 1e6,
  };
}

function summarize(histogram: Histogram): WatchedMs {
  const [p50Ms, p99Ms] = [histogram.percentileMs(0.5), histogram.percentileMs(0.99)];
  return { p50Ms, p99Ms, maxMs: histogram.longestMs };
}
