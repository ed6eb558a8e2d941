// What a process uses at a moment, and whether it used ever more.
import { residentKiB } from "../support/processes.ts";
import { listDescriptors } from "../hostile/victim.ts";

export interface Sample {
  /** Since the beginning. */
  readonly atMs: number;
  readonly residentMiB: number;
  readonly descriptors: number;
  readonly sockets: number;
  readonly threads: number;
}

/** The first part is left out: caches fill, and rooms. */
const WARM_UP_SHARE = 0.25;

/** By how much memory may grow over the rest, of its mean. */
const MOST_GROWTH = 0.05;

export function takeSample(pid: number): Sample {
  const descriptors = listDescriptors(pid);
  return {
    atMs: 0,
    residentMiB: residentKiB(pid) / 1024,
    descriptors: descriptors.length,
    sockets: descriptors.filter((target) => target === "socket").length,
    threads: [...Deno.readDirSync(`/proc/${pid}/task`)].length,
  };
}

/** What is wrong with them. */
export function judgeSamples(
  samples: readonly Sample[],
  { atStart, atEnd }: { readonly atStart: Sample; readonly atEnd: Sample },
): string[] {
  const warm = samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
  const growth = measureGrowth(warm);
  const mean = meanOf(warm.map(({ residentMiB }) => residentMiB));
  const percent = `${(growth * 100).toFixed(1)} %`;
  console.log(`memory: ${mean.toFixed(0)} MiB in the mean, growing by ${percent} of it`);
  const leaked = atEnd.descriptors - atStart.descriptors;
  return [
    ...growth > MOST_GROWTH ? [`Memory grew by ${percent} of its mean`] : [],
    ...leaked > 0
      ? [`${leaked} descriptors are still open, ${atEnd.sockets} of all are sockets`]
      : [],
  ];
}

/** Growth of the memory from the first sample to the last, by least squares, as a share of the mean. */
export function measureGrowth(samples: readonly Sample[]): number {
  const meanMs = meanOf(samples.map(({ atMs }) => atMs));
  const meanMiB = meanOf(samples.map(({ residentMiB }) => residentMiB));
  let product = 0;
  let square = 0;
  for (const { atMs, residentMiB } of samples) {
    product += (atMs - meanMs) * (residentMiB - meanMiB);
    square += (atMs - meanMs) ** 2;
  }
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || square === 0) return 0;
  return product / square * (last.atMs - first.atMs) / meanMiB;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
