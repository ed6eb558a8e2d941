// The whole program, run as its users run it: as a process of its own. Loopback only.
import { PERMISSIONS, V8_FLAGS } from "../../tasks/permissions.ts";

/** A running command of Confab. Disposing it ends the process and waits for that. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  /** What it has written to standard output so far. */
  readonly output: () => string;
  /** What it has written to standard error so far. */
  readonly log: () => string;
  readonly status: Promise<Deno.CommandStatus>;
  kill(signal: Deno.Signal): void;
}

/** A running server. */
export interface Program extends Running {
  readonly port: number;
}

export interface ProgramOptions {
  /** Replaces `deno run main.ts`, before the arguments. */
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  /** Folder of the journal; a new one, removed at the end, where none is given. */
  readonly data?: string;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly clearEnv?: boolean;
}

/** The program from source, with the permissions and flags that it is compiled with. */
export const FROM_SOURCE: readonly string[] = [
  Deno.execPath(),
  "run",
  V8_FLAGS,
  ...PERMISSIONS,
  "main.ts",
];

/**
 * What Deno has downloaded, for programs from source with a home of their own: it would be downloaded anew, which shows on
 * standard error.
 */
export const DENO_DIR: string = JSON.parse(
  new TextDecoder().decode(
    new Deno.Command(Deno.execPath(), { args: ["info", "--json"], stderr: "null" }).outputSync()
      .stdout,
  ),
).denoDir;

const ROOT = new URL("../../", import.meta.url);
const START_TIMEOUT_MS = 60_000;

/** Tests say more than people do, from one address. */
const UNLIMITED = { CONFAB_RATE: "0", CONFAB_PER_ADDRESS: "0" };

/** Starts the program on a free port of the loopback address and waits until it listens. */
export async function startProgram(options: ProgramOptions = {}): Promise<Program> {
  const data = options.data ?? await Deno.makeTempDir({ prefix: "confab-data-" });
  const running = spawn(options.command ?? FROM_SOURCE, {
    args: [...options.args ?? ["--addr", "127.0.0.1:0"]],
    cwd: options.cwd ?? ROOT,
    // Off a terminal the log is JSON: what tests expect of it is easier to read as text.
    env: { CONFAB_DATA: data, CONFAB_LOG_FORMAT: "text", ...UNLIMITED, ...options.env },
    clearEnv: options.clearEnv ?? false,
  });
  const end = async () => {
    await running[Symbol.asyncDispose]();
    if (!options.data) await Deno.remove(data, { recursive: true });
  };
  let isEnded = false;
  running.status.then(() => isEnded = true);
  const url = /https?:\/\/\S+?:(\d+)\//;
  const until = Date.now() + START_TIMEOUT_MS;
  while (!url.test(running.output()) && !isEnded && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const match = url.exec(running.output());
  if (!match) {
    await end();
    throw new Error(
      `Cannot start ${options.command}: it printed\n${running.output()}${running.log()}`,
    );
  }
  return { ...running, port: Number(match[1]), [Symbol.asyncDispose]: end };
}

/** Starts one of the other commands, from source. */
export function startCommand(args: readonly string[]): Running {
  return spawn(FROM_SOURCE, { args: [...args], cwd: ROOT, env: { NO_COLOR: "1" } });
}

/** Runs the program to its end, for what needs no port. `input` is its standard input. */
export async function runProgram(
  args: readonly string[],
  { input = "", env = {} }: { input?: string; env?: Record<string, string> } = {},
) {
  const [command, ...before] = FROM_SOURCE;
  const child = new Deno.Command(command!, {
    args: [...before, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  // It need not read any of it.
  const written = writer.write(new TextEncoder().encode(input)).then(() => writer.close());
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), written.catch(() => {})]);
  return {
    code,
    stdout: new TextDecoder().decode(stdout),
    stderr: withoutDownloads(new TextDecoder().decode(stderr)),
  };
}

function spawn([command, ...before]: readonly string[], options: Deno.CommandOptions): Running {
  const child = new Deno.Command(command!, {
    ...options,
    args: [...before, ...options.args ?? []],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = gather(child.stdout);
  const log = gather(child.stderr);
  let isEnded = false;
  child.status.then(() => isEnded = true);
  return {
    pid: child.pid,
    output: () => output.text,
    log: () => withoutDownloads(log.text),
    status: child.status,
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      if (!isEnded) child.kill("SIGKILL");
      await Promise.all([child.status, output.ended, log.ended]);
    },
  };
}

/** What a program says itself. On a fresh machine Deno says before that what it downloads for it. */
function withoutDownloads(text: string): string {
  return text.replaceAll(/^Download \S+\n/gm, "");
}

function gather(stream: ReadableStream<Uint8Array>): { text: string; ended: Promise<void> } {
  const gathered = { text: "", ended: Promise.resolve() };
  gathered.ended = (async () => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) gathered.text += part;
  })();
  return gathered;
}
