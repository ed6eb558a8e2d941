// The recorder runs the real server under strace while writers write, kills it and starts it again. The result is
// everything that the server did to its disk, and when it acknowledged what.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { delay } from "@std/async/delay";
import { within } from "../support/deadline.ts";
import { FROM_SOURCE, startProgram } from "../support/program.ts";
import { Random } from "../support/random.ts";
import { Disk, type Files } from "./disk.ts";
import { type DiskStep, makeTracer, readTrace, type Step } from "./trace.ts";
import { PowerWriter, type Sent } from "./writers.ts";

/** The server from one start to its end, which comes while everybody is writing. */
export interface LifePlan {
  readonly mayDelete: boolean;
  /** After so many acknowledgements the server gets a signal. Or it is killed as it begins the sync of this number. */
  readonly end:
    | { readonly acks: number; readonly signal: "SIGKILL" | "SIGTERM" }
    | { readonly sync: number };
}

export interface Recording {
  readonly steps: readonly Step[];
  /** Numbers of the steps with which the lives begin. */
  readonly starts: readonly number[];
  /** Everything that was sent, by id. */
  readonly sent: ReadonlyMap<string, Sent>;
}

export interface RecordOptions {
  /** An empty folder. The data folder is made in it. */
  readonly root: string;
  readonly lives: readonly LifePlan[];
  readonly seed: number;
  /** Arguments of `deno run` before the program. */
  readonly denoFlags?: readonly string[];
}

/** Path of the data folder below the root. Neither of the two folders exists at first. */
export const DATA = "state/confab";

const ROOMS = ["lobby", "tea", "ops"];
const WRITERS_PER_ROOM = 2;

/** Anything that takes longer hangs. */
const LIFE_TIMEOUT_MS = 120_000;

/** Returns why this machine cannot record; empty if it can. */
export async function findObstacle(): Promise<string> {
  if (Deno.build.os !== "linux") return "strace is a program of Linux";
  try {
    const [command, ...args] = [...makeTracer("/dev/null"), "true"];
    const { success } = await new Deno.Command(command!, { args, stderr: "null" }).output();
    return success ? "" : "strace may not trace a process";
  } catch {
    return "no strace here";
  }
}

/** Records all lives, one after the other in the same folder. @throws if the recording is incomplete. */
export async function record(options: RecordOptions): Promise<Recording> {
  const { root, lives, seed } = options;
  const writers = ROOMS.flatMap((room, n) =>
    Array.from({ length: WRITERS_PER_ROOM }, (_, m) => {
      const random = new Random(seed + n * WRITERS_PER_ROOM + m + 1);
      return new PowerWriter({ name: `w${n}${m}`, room, random });
    })
  );
  const steps: Step[] = [];
  const starts: number[] = [];
  for (const plan of lives) {
    starts.push(steps.length);
    steps.push(...await recordLife(plan, writers, options));
  }
  checkAcks(steps, writers);
  checkFiles(steps, root);
  return { steps, starts, sent: new Map(writers.flatMap(({ sent }) => [...sent])) };
}

async function recordLife(
  { mayDelete, end }: LifePlan,
  writers: readonly PowerWriter[],
  { root, denoFlags = [] }: RecordOptions,
): Promise<Step[]> {
  const trace = await Deno.makeTempFile({ prefix: "confab-trace-" });
  try {
    const [deno, run, ...rest] = FROM_SOURCE;
    const tracer = makeTracer(trace, "sync" in end ? end.sync : 0);
    // Code that Deno compiles is cached in files, and would be most of the trace.
    const traced = [deno!, run!, "--no-code-cache", ...denoFlags, ...rest];
    const program = await startProgram({
      command: [...tracer, ...traced],
      args: ["--addr", "127.0.0.1:0", "--keep", "0"],
      data: `${root}/${DATA}`,
    });
    {
      await using server = program;
      // In turn: a server that has been started again meets ids that it knows, and nothing new to store.
      for (const writer of writers) await writer.join(server.port);
      const written = Promise.all(writers.map((each) => each.write({ mayDelete })));
      if ("acks" in end) {
        await within(LIFE_TIMEOUT_MS, `${end.acks} acks`, untilAcked(end.acks, writers, written));
        server.kill(end.signal);
      }
      await within(LIFE_TIMEOUT_MS, "the end of the writers", written);
      await within(LIFE_TIMEOUT_MS, "the end of the server", server.status);
      if (/ error /.test(server.log())) throw new Error(`The server logged\n${server.log()}`);
    } // strace has written all: it has the standard error of the server
    const readFile = (path: string) => Deno.readFileSync(`${root}/${path}`);
    return await readTrace(readLines(trace), { root, readFile });
  } finally {
    await Deno.remove(trace);
  }
}

/** Waits for so many more acknowledgements, or for the end of the writers. */
async function untilAcked(
  acks: number,
  writers: readonly PowerWriter[],
  written: Promise<unknown>,
): Promise<void> {
  const count = () => writers.reduce((sum, { acked }) => sum + acked.size, 0);
  const enough = count() + acks;
  let isOver = false;
  written.finally(() => isOver = true).catch(() => {}); // awaited by the caller
  while (!isOver && count() < enough) await delay(5);
}

/** Records a command from its start to its end, and when it prints a text. @throws if it fails. */
export async function recordCommand(
  args: readonly string[],
  { root, output }: { root: string; output: string },
): Promise<Step[]> {
  const trace = await Deno.makeTempFile({ prefix: "confab-trace-" });
  try {
    const [strace, ...flags] = makeTracer(trace);
    const [deno, run, ...rest] = FROM_SOURCE;
    const command = [...flags, deno!, run!, "--no-code-cache", ...rest, ...args];
    const { success, stderr } = await new Deno.Command(strace!, { args: command }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const readFile = (path: string) => Deno.readFileSync(`${root}/${path}`);
    return await readTrace(readLines(trace), { root, readFile, output });
  } finally {
    await Deno.remove(trace);
  }
}

function readLines(path: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(path), crlfDelay: Infinity });
}

/** Checks that the trace shows all acknowledgements that arrived. */
function checkAcks(steps: readonly Step[], writers: readonly PowerWriter[]): void {
  const traced = new Map(steps.flatMap((step) => step.kind === "ack" ? [[step.id, step.seq]] : []));
  for (const { acked } of writers) {
    for (const [id, seq] of acked) {
      if (traced.get(id) === seq) continue;
      throw new Error(`The trace lacks the acknowledgement of ${id} as ${seq}`);
    }
  }
}

/** Checks that all steps together give the files that there are. */
function checkFiles(steps: readonly Step[], root: string): void {
  const disk = new Disk();
  for (const step of steps) if (isOnDisk(step)) disk.replay(step);
  const replayed = describe(disk.read());
  const found = describe(
    new Map(
      [...Deno.readDirSync(`${root}/${DATA}`)]
        .filter(({ name }) => !name.endsWith("-shm"))
        .map(({ name }) => [`${DATA}/${name}`, Deno.readFileSync(`${root}/${DATA}/${name}`)]),
    ),
  );
  if (replayed !== found) throw new Error(`The trace gives ${replayed}; there is ${found}`);
}

function describe(files: Files): string {
  return [...files]
    .filter(([path]) => !path.endsWith("/"))
    .map(([path, bytes]) => `${path} (${bytes.length} bytes, ${hash(bytes)})`)
    .toSorted()
    .join(", ");
}

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 8);
}

export function isOnDisk(step: Step): step is DiskStep {
  return step.kind !== "ack" && step.kind !== "output";
}
