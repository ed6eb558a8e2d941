// Rows about messages that are larger than any limit, and about messages that are none.
import { Attack, type Orders } from "./attack.ts";
import { type Figure, part, type Row, type Setting } from "./row.ts";
import { examine, residentMiB, startVictim } from "./victim.ts";
import { describeWatched, watch, watchCalm } from "./watch.ts";

const MIB = 1024 * 1024;

/** How long others may wait meanwhile. */
const LIMITS = { mostSayMs: 20, mostHealthMs: 50 };

/** What the server may take before it closes, and what lies in the buffers of the system. */
const MOST_TAKEN_MIB = 12;

/** What it may take meanwhile: it reads on to say why it closes. */
const MOST_MORE_MIB = 64;

export const FRAME_ROWS: readonly Row[] = [
  {
    id: "huge-frame",
    fault: "a frame of 70 MiB",
    run: (setting) => runFrames("hugeFrame", setting, { bytes: part(70 * MIB, setting) }),
  },
  {
    id: "fragments",
    fault: "a message of 540 MiB in fragments",
    run: (setting) => runFrames("fragments", setting, { bytes: part(540 * MIB, setting) }),
  },
  {
    id: "empty-fragments",
    fault: "a message of a million empty fragments",
    run: (setting) => runFrames("emptyFragments", setting, { count: part(1e6, setting) }),
  },
  { id: "garbage", fault: "a million random frames and mutated lines of JSON", run: runGarbage },
];

async function runFrames(
  name: string,
  setting: Setting,
  orders: Omit<Orders, "port">,
): Promise<Figure[]> {
  await using victim = await startVictim(setting);
  const { port } = victim;
  const calm = await watchCalm(port, setting);
  const before = residentMiB(victim);
  let peak = before;
  const sampler = setInterval(() => peak = Math.max(peak, residentMiB(victim)), 20);
  const { result, ...watched } = await watch(port, () => Attack.run(name, { port, ...orders }));
  clearInterval(sampler);
  const { ended, sentBytes, codes } = result;
  console.log(`  close codes ${JSON.stringify(codes)}`);
  return [
    { what: "closed", value: Math.max(ended, ...Object.values(codes)), least: 1, onlyOn: "ws" },
    {
      what: "sent until then",
      value: sentBytes / MIB,
      unit: "MiB",
      most: MOST_TAKEN_MIB,
      onlyOn: "ws",
    },
    {
      what: "memory at most, more than before",
      value: peak - before,
      unit: "MiB",
      most: MOST_MORE_MIB,
      onlyOn: "ws",
    },
    ...calm,
    ...describeWatched(watched, LIMITS),
    ...await examine(victim),
  ];
}

async function runGarbage(setting: Setting): Promise<Figure[]> {
  await using victim = await startVictim(setting);
  const { port } = victim;
  const calm = await watchCalm(port, setting);
  const count = part(1e6, setting);
  const orders = { port, count, seed: setting.seed };
  const { result, ...watched } = await watch(port, () => Attack.run("garbage", orders));
  const { opened, sent, codes } = result;
  console.log(`  seed ${setting.seed}, close codes ${JSON.stringify(codes)}`);
  return [
    { what: "frames sent", value: sent, least: count * 0.95 },
    { what: "connections that it took", value: opened },
    ...calm,
    ...describeWatched(watched),
    ...await examine(victim),
  ];
}
