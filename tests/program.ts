// The whole program, run as its users run it: as a process of its own. Loopback only.

/** A running Confab. Disposing it ends the process and waits for that. */
export interface Program extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** What it has written to standard error so far. */
  readonly log: () => string;
  readonly status: Promise<Deno.CommandStatus>;
  kill(signal: Deno.Signal): void;
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
  "--v8-flags=--max-semi-space-size=4,--heap-growing-percent=20",
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env=CONFAB_ADDR,CONFAB_DATA,CONFAB_KEEP,CONFAB_JOURNAL,CONFAB_TRANSPORT,WS_NO_BUFFER_UTIL,WS_NO_UTF_8_VALIDATE",
  "--allow-sys=networkInterfaces",
  "main.ts",
];

const ROOT = new URL("../", import.meta.url);
const START_TIMEOUT_MS = 60_000;

/** Starts the program on a free port of the loopback address and waits until it listens. */
export async function startProgram(options: ProgramOptions = {}): Promise<Program> {
  const [command, ...before] = options.command ?? FROM_SOURCE;
  const data = options.data ?? await Deno.makeTempDir({ prefix: "confab-data-" });
  const child = new Deno.Command(command!, {
    args: [...before, ...options.args ?? ["--addr", "127.0.0.1:0"]],
    cwd: options.cwd ?? ROOT,
    env: { CONFAB_DATA: data, ...options.env },
    clearEnv: options.clearEnv ?? false,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = gather(child.stdout);
  const log = gather(child.stderr);
  let isEnded = false;
  child.status.then(() => isEnded = true);
  const url = /http:\/\/\S+?:(\d+)\//;
  const until = Date.now() + START_TIMEOUT_MS;
  while (!url.test(output.text) && !isEnded && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const match = url.exec(output.text);
  const end = async () => {
    if (!isEnded) child.kill("SIGKILL");
    await Promise.all([child.status, output.ended, log.ended]);
    if (!options.data) await Deno.remove(data, { recursive: true });
  };
  if (!match) {
    await end();
    throw new Error(`Cannot start ${command}: it printed\n${output.text}${log.text}`);
  }
  return {
    port: Number(match[1]),
    pid: child.pid,
    log: () => log.text,
    status: child.status,
    kill: (signal) => child.kill(signal),
    [Symbol.asyncDispose]: end,
  };
}

/** Runs the program to its end, for what needs no port. */
export async function runProgram(args: readonly string[], env: Record<string, string> = {}) {
  const [command, ...before] = FROM_SOURCE;
  const { code, stdout, stderr } = await new Deno.Command(command!, {
    args: [...before, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
  }).output();
  return {
    code,
    stdout: new TextDecoder().decode(stdout),
    stderr: new TextDecoder().decode(stderr),
  };
}

function gather(stream: ReadableStream<Uint8Array>): { text: string; ended: Promise<void> } {
  const gathered = { text: "", ended: Promise.resolve() };
  gathered.ended = (async () => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) gathered.text += part;
  })();
  return gathered;
}
