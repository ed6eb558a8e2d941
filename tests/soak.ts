// The soak: hours of an ordinary day in minutes. People on every wire come, talk, stall, are cut off and leave, in rooms
// that stay and in rooms that are used once; all that they are sent is checked. The server is one process throughout, and
// what it uses is sampled: nothing may grow. Bounded by its minutes; loopback only; Linux.
//
//   deno task test:soak --minutes 20 [--clients 300] [--transport ws|deno] [--seed N]
import { parseArgs } from "node:util";
import { startVictim, waitUntil } from "./hostile/victim.ts";
import { chooseSeed } from "./support/random.ts";
import { Population } from "./soak/population.ts";
import { judgeSamples, type Sample, takeSample } from "./soak/samples.ts";

const SAMPLE_PERIOD_MS = 2_000;
const MINUTE_MS = 60_000;

/** Time for the server to notice that all have gone. */
const LEAVE_WAIT_MS = 60_000;

interface SoakOptions {
  readonly minutes: number;
  readonly clients: number;
  readonly transport: "deno" | "ws";
  readonly seed: number;
}

/** Runs it, prints as it goes, and resolves with what is wrong. */
export async function soak({ minutes, ...options }: SoakOptions): Promise<string[]> {
  await using victim = await startVictim(options);
  const atStart = takeSample(victim.pid);
  const population = new Population({ ...options, port: victim.port });
  const startedMs = performance.now();
  const samples: Sample[] = [];
  let shown = 0;
  const isDue = () => performance.now() - startedMs >= minutes * MINUTE_MS;
  let hasEnded = false;
  victim.status.then(() => hasEnded = true);
  while (!isDue() && !hasEnded) {
    await waitUntil(() => hasEnded || isDue(), SAMPLE_PERIOD_MS);
    if (hasEnded) break;
    samples.push({ ...takeSample(victim.pid), atMs: performance.now() - startedMs });
    const minute = Math.floor(samples.at(-1)!.atMs / MINUTE_MS);
    if (minute === shown) continue;
    shown = minute;
    console.log(`minute ${minute}: ${describe(samples.at(-1)!)}, ${population.describe()}`);
  }
  await population.leave();
  if (hasEnded) return [...population.faults, "the server has ended"];
  const isEmpty = () => takeSample(victim.pid).descriptors <= atStart.descriptors;
  await waitUntil(isEmpty, LEAVE_WAIT_MS);
  const atEnd = takeSample(victim.pid);
  console.log(`start: ${describe(atStart)}\nend:   ${describe(atEnd)}`);
  return [
    ...population.faults,
    ...judgeSamples(samples, { atStart, atEnd }),
    ...victim.log().split("\n").filter((line) => line.includes('"level":"error"')),
  ];
}

function describe({ residentMiB, descriptors, sockets, threads }: Sample): string {
  return `${
    residentMiB.toFixed(0)
  } MiB, ${descriptors} descriptors, ${sockets} of them sockets, ${threads} threads`;
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: "string", default: "20" },
      clients: { type: "string", default: "300" },
      transport: { type: "string", default: "deno" },
      seed: { type: "string" },
    },
  });
  const { transport } = values;
  if (transport !== "deno" && transport !== "ws") {
    throw new RangeError(`Cannot soak: expected --transport deno or ws, received "${transport}"`);
  }
  const seed = Number(values.seed ?? chooseSeed());
  console.log(`seed ${seed}, --transport ${transport}`);
  const [minutes, clients] = [Number(values.minutes), Number(values.clients)];
  const faults = await soak({ minutes, clients, transport, seed });
  for (const fault of faults.slice(0, 20)) console.log(fault);
  console.log(faults.length === 0 ? "held" : `broken: ${faults.length} faults`);
  return faults.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
