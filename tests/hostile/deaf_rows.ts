// Rows about members who never read.
import { Attack } from "./attack.ts";
import { type Figure, part, percentile, type Row, type Setting } from "./row.ts";
import { countSockets, examine, residentMiB, startVictim, waitUntil } from "./victim.ts";
import { describeWatched, type Watched, watchFor } from "./watch.ts";

/** People who talk, all together 3 Mbit/s: after seconds every buffer of who does not read is full. */
const TALK = { count: 10, bytes: 8 * 1024, perSecond: 50 };

/** How long each stage is watched. The last is longer than any deadline. */
const STAGE_MS = 8_000;
const DEAF_MS = 45_000;

/**
 * Beyond what was there before, when all are gone. Deno's own server copies each message for each connection, and the
 * allocator keeps what that took for the next time.
 */
const MOST_MORE_MIB = 64;

/** Time to give back the memory. */
const RELEASE_WAIT_MS = 15_000;

export const DEAF_ROWS: readonly Row[] = [{
  id: "deaf",
  fault: "500 clients that never read while others talk",
  run: runDeaf,
}];

async function runDeaf(setting: Setting): Promise<Figure[]> {
  const count = part(500, setting);
  await using victim = await startVictim(setting);
  const { port } = victim;
  await using talk = await Attack.begin("talk", { port, ...TALK });
  const alone = await watchFor(port, part(STAGE_MS, setting));
  const socketsBefore = countSockets(victim);
  // What they cost who reads as well: the room sends to so many in any case.
  const beside = await watchBeside("attentive", { port, count }, part(STAGE_MS, setting));
  await waitUntil(() => countSockets(victim) <= socketsBefore, RELEASE_WAIT_MS);
  const before = residentMiB(victim);
  await using deaf = await Attack.begin("deaf", { port, count });
  let peak = 0;
  const sampler = setInterval(() => peak = Math.max(peak, residentMiB(victim)), 100);
  const during = await watchFor(port, part(DEAF_MS, setting));
  clearInterval(sampler);
  const held = countSockets(victim) - socketsBefore;
  await deaf.stop();
  await waitUntil(() => residentMiB(victim) < before + MOST_MORE_MIB, RELEASE_WAIT_MS);
  const after = residentMiB(victim);
  await talk.stop();
  return [
    { what: "memory before", value: before, unit: "MiB" },
    { what: "memory at most", value: peak, unit: "MiB" },
    {
      what: "memory when they are gone, more than before",
      value: after - before,
      unit: "MiB",
      most: MOST_MORE_MIB,
      onlyOn: "ws",
    },
    { what: "of them still connected at the end", value: held },
    { what: "say to own entry, p99, alone", value: p99(alone), unit: "ms" },
    { what: "say to own entry, p99, beside as many who read", value: p99(beside), unit: "ms" },
    {
      what: "the same beside the deaf, times as long",
      value: p99(during) / p99(beside),
      most: 2,
      isTimed: true,
    },
    ...describeWatched(during),
    ...await examine(victim),
  ];
}

async function watchBeside(
  name: string,
  orders: { port: number; count: number },
  ms: number,
): Promise<Watched> {
  await using others = await Attack.begin(name, orders);
  const watched = await watchFor(orders.port, ms);
  await others.stop();
  return watched;
}

function p99({ sayMs }: Watched): number {
  return percentile(sayMs, 0.99);
}
