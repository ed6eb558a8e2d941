// The power cut: a recording of everything that the server does to its disk under writers, cut at many moments. After each
// cut the disk has everything that was synced and a random part of the rest, and is compared with what was acknowledged.
//
//   deno task test:power [--states 10000] [--seed N]
//
// The seed repeats texts, moments and disks, but not the order in which the server works. Needs strace.
import { parseArgs } from "node:util";
import { openSqliteReader } from "../journal/sqlite/sqlite_journal.ts";
import { checkFolder, type Promised } from "./power/check.ts";
import { Disk, type Files } from "./power/disk.ts";
import {
  DATA,
  findObstacle,
  isOnDisk,
  type LifePlan,
  record,
  type Recording,
} from "./power/recording.ts";
import type { Step } from "./power/trace.ts";
import { chooseSeed, Random } from "./support/random.ts";

export interface PowerOptions {
  /** Disks to check. */
  readonly states: number;
  readonly seed: number;
  readonly lives?: readonly LifePlan[];
  /** Arguments of `deno run` before the program. */
  readonly denoFlags?: readonly string[];
  /** Whether to keep the first disk with a fault. */
  readonly keepsBad?: boolean;
}

export interface PowerReport {
  readonly states: number;
  /** Steps of the recording: changes of the disk, syncs and acknowledgements. */
  readonly steps: number;
  readonly acked: number;
  /** Times that SQLite began its log anew without emptying it: old transactions stood behind new ones. */
  readonly wraps: number;
  /** Acknowledged entries that were looked for, all states together, and those that were lost. */
  readonly compared: number;
  readonly lost: number;
  /** States with a fault. */
  readonly bad: number;
  /** The first faults; at most `MAX_FAULTS`. */
  readonly faults: readonly string[];
}

/**
 * Killed twice with a transaction that is written and not synced, and as it comes; stopped after checkpoints by size alone; killed
 * again.
 */
const LIVES: readonly LifePlan[] = [
  { mayDelete: true, end: { sync: 60 } },
  { mayDelete: false, end: { sync: 60 } },
  { mayDelete: true, end: { acks: 300, signal: "SIGKILL" } },
  { mayDelete: false, end: { acks: 1_200, signal: "SIGTERM" } },
  { mayDelete: true, end: { acks: 300, signal: "SIGKILL" } },
];

const MAX_FAULTS = 20;

/** Folder in memory: a disk would sync every state that is opened. */
const MEMORY = "/dev/shm";

/** Records a server and checks the disks that power cuts leave. */
export async function runPower(options: PowerOptions): Promise<PowerReport> {
  const { states, seed, lives = LIVES, denoFlags = [], keepsBad = false } = options;
  const root = await Deno.makeTempDir({ prefix: "confab-power-" });
  try {
    const recording = await record({ root, lives, seed, denoFlags });
    using journal = openSqliteReader(`${root}/${DATA}`);
    const { epoch } = journal;
    return checkCuts({ ...recording, epoch }, { states, random: new Random(seed), keepsBad });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function checkCuts(
  { steps, starts, sent, epoch }: Recording & { readonly epoch: string },
  { states, random, keepsBad }: { states: number; random: Random; keepsBad: boolean },
): PowerReport {
  const disk = new Disk();
  const acked = new Map<string, number>();
  const allAcked = new Set(steps.flatMap((step) => step.kind === "ack" ? [step.id] : []));
  const report = { compared: 0, lost: 0, bad: 0 };
  const faults: string[] = [];
  let done = 0;
  for (const moment of chooseMoments({ steps, starts }, { states, random })) {
    for (const step of steps.slice(done, moment)) {
      if (step.kind === "ack") acked.set(step.id, step.seq);
      else if (isOnDisk(step)) disk.replay(step);
    }
    done = moment;
    const files = disk.cut(random);
    const promised = { sent, acked, epoch: acked.size > 0 ? epoch : undefined };
    const finding = checkFiles(files, promised);
    report.compared += acked.size;
    report.lost += finding.lost;
    if (finding.lost + finding.faults.length === 0) continue;
    if (report.bad++ === 0 && keepsBad) keep(files);
    const lost = finding.lost > 0 ? [`${finding.lost} of ${acked.size} are lost`] : [];
    for (const fault of [...lost, ...finding.faults]) {
      if (faults.length < MAX_FAULTS) faults.push(`cut after step ${moment}: ${fault}`);
    }
  }
  const counts = { states, steps: steps.length, acked: allAcked.size, wraps: countWraps(steps) };
  return { ...counts, ...report, faults };
}

function countWraps(steps: readonly Step[]): number {
  let isEmpty = true;
  let wraps = 0;
  for (const step of steps) {
    if (!("path" in step) || !step.path.endsWith("-wal") || step.kind === "sync") continue;
    if (step.kind === "write" && step.at === 0 && !isEmpty) wraps++;
    if (step.kind !== "create") isEmpty = step.kind !== "write";
  }
  return wraps;
}

/** Steps after the start of a server: it may acknowledge what the one before had written and not synced. */
const START_STEPS = 40;

/**
 * Chooses the numbers of steps after which to cut, in their order: anywhere, after an acknowledgement, about changes of names
 * and sizes, and after a start.
 */
function chooseMoments(
  { steps, starts }: Pick<Recording, "steps" | "starts">,
  { states, random }: { states: number; random: Random },
): number[] {
  const after = (isWanted: (step: Step, n: number) => boolean) =>
    steps.flatMap((step, n) => isWanted(step, n) ? [n + 1] : []);
  const kinds = [
    after(() => true),
    after(({ kind }) => kind === "ack"),
    after(({ kind }) => !["ack", "write", "sync"].includes(kind))
      .flatMap((n) => [n - 1, n, n + 1, n + 2]),
    after((_, n) => starts.some((start) => n >= start && n < start + START_STEPS)),
  ];
  return Array.from({ length: states }, () => {
    const moments = kinds[random.integer(0, kinds.length - 1)]!;
    return Math.min(moments[random.integer(0, moments.length - 1)]!, steps.length);
  }).toSorted((a, b) => a - b);
}

function checkFiles(files: Files, promised: Promised) {
  const root = Deno.makeTempDirSync({ prefix: "confab-cut-", dir: MEMORY });
  try {
    writeFiles(files, root);
    return checkFolder(`${root}/${DATA}`, promised);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

function keep(files: Files): void {
  const root = Deno.makeTempDirSync({ prefix: "confab-cut-" });
  writeFiles(files, root);
  console.log(`The first bad disk is in ${root}`);
}

/** Writes the files into a folder. */
export function writeFiles(files: Files, root: string): void {
  for (const [path, bytes] of [...files].toSorted(([a], [b]) => a < b ? -1 : 1)) {
    if (path.endsWith("/")) Deno.mkdirSync(`${root}/${path}`);
    else Deno.writeFileSync(`${root}/${path}`, bytes);
  }
}

function isClean({ lost, bad }: PowerReport): boolean {
  return lost + bad === 0;
}

async function main(args: string[]): Promise<number> {
  const obstacle = await findObstacle();
  if (obstacle) {
    console.log(`Cannot record the server: ${obstacle}`);
    return 2;
  }
  const { values } = parseArgs({
    args,
    options: { states: { type: "string", default: "10000" }, seed: { type: "string" } },
  });
  const seed = Number(values.seed ?? chooseSeed());
  console.log(`seed ${seed}`);
  const report = await runPower({ states: Number(values.states), seed, keepsBad: true });
  for (const fault of report.faults) console.log(fault);
  console.log(describe(report));
  return isClean(report) ? 0 : 1;
}

export function describe(
  { states, steps, acked, wraps, compared, lost, bad }: PowerReport,
): string {
  return `${steps} steps, ${acked} acknowledged, ${wraps} wraps of the log; ` +
    `${states} states: ${bad} bad, ${lost} lost of ${compared} compared`;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
