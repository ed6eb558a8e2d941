// The storm: a room full of people lost its connections and all of them come back at the same moment, to resume where
// they were, while others go on chatting. `confab.v1` only: other wires cannot resume.
import process from "node:process";
import { LoadClient, type Target } from "./client.ts";
import { Crowd, waitFor } from "./crowd.ts";
import { settle } from "./delivery.ts";
import { type Histogram, Latencies } from "./latency.ts";
import { sayAtRate } from "./rate.ts";
import { type Place, Resumer } from "./resumer.ts";
import type { ClientHandle } from "./speaker.ts";

export interface StormOptions {
  readonly target: Target;
  /** Clients that come back. */
  readonly clients: number;
  /** Entries that each of them has missed. */
  readonly missed: number;
  /** Clients that were not away and chat. */
  readonly watchers: number;
  /** Lines that the watchers say a second, all together. */
  readonly perSecond: number;
  /** How long they chat before the storm, for comparison. */
  readonly secondsBefore?: number;
}

export interface StormReport {
  /** Clients that came back and have all that they had missed. */
  readonly caughtUp: number;
  /** Entries that they were sent until then, all together. */
  readonly entries: number;
  /** Clients that had to start afresh. */
  readonly afresh: number;
  /** Entries that came out of order, or behind a hole; all clients together. */
  readonly holes: number;
  /** From the moment of the storm until a client has all that it had missed. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly maxMs: number | undefined;
  /** Of the load itself, during the storm. */
  readonly cpuSeconds: number;
  /** How long a line of a watcher took to the other ones. */
  readonly before: WatchedMs;
  readonly during: WatchedMs;
  /** Lines that a watcher was not delivered, or not in order. */
  readonly lost: number;
  readonly disordered: number;
  readonly evicted: number;
}

interface WatchedMs {
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly maxMs: number;
}

/** Lines that are said ahead of their delivery while the room is filled, all watchers together. */
const FILL_IN_FLIGHT = 100;
const FILL_MS = 30_000;

/** A storm that takes longer is over: who has not caught up by then did not. */
const STORM_SECONDS = 30;

/** Runs the storm and resolves with what was seen. */
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
  const speakers = crowd.makeSpeakers();
  await sayAtRate(speakers, { perSecond, seconds: secondsBefore });
  const before = summarize(latencies.histogram);
  const place = await findPlace(target);
  await fill(crowd, speakers, missed);
  latencies.histogram.clear();
  const end = new AbortController();
  const talk = sayAtRate(speakers, { perSecond, seconds: STORM_SECONDS, signal: end.signal });
  const storm = await comeBack(options, place);
  const during = summarize(latencies.histogram);
  end.abort();
  await talk;
  const { lost, disordered, evicted } = await settle(crowd, speakers);
  return { ...storm, before, during, lost, disordered, evicted };
}

/** The newest seq of the room, and its epoch, as a client that leaves now knows them. */
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

/** Says so many lines, a bounded number of them in flight. */
async function fill(crowd: Crowd, speakers: readonly ClientHandle[], lines: number): Promise<void> {
  const said = () => speakers.reduce((sum, speaker) => sum + speaker.said, 0);
  const end = said() + lines;
  const isDelivered = () => crowd.members.every(({ check }) => check.count >= said());
  while (said() < end && crowd.evicted === 0) {
    const count = Math.min(FILL_IN_FLIGHT, end - said());
    for (let line = 0; line < count; line++) speakers[line % speakers.length]!.say(1);
    await waitFor(isDelivered, FILL_MS);
  }
}

/** All clients come back at one moment. */
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
