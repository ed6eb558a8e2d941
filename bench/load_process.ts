// Runs the load client as a process of its own beside the server, and reads its report.
import { within } from "../tests/support/deadline.ts";
import type { Bench } from "./bench.ts";
import type { RunningServer, ServerInfo } from "./servers.ts";

export type LoadFlags = Readonly<Record<string, number | string | undefined>>;

const CLIENT = new URL("load/main.ts", import.meta.url).href;

/** Time after which the load client ends itself. It is killed a little later. */
const DEADLINE_SECONDS = 60;
const GRACE_SECONDS = 5;

const OUTPUTS = { stdout: "piped", stderr: "piped" } as const;

/** Returns the flags that identify a server. */
export function aim({ dialect }: ServerInfo, { hostname, port, path }: RunningServer): LoadFlags {
  return {
    port,
    dialect,
    host: hostname === "127.0.0.1" ? undefined : hostname,
    path: dialect === "lines" ? path : undefined,
  };
}

/** Runs a scenario to its end. @throws with the load client's error message */
export async function runLoad<Report>(
  { signal }: Bench,
  { scenario, flags }: { scenario: string; flags: LoadFlags },
): Promise<Report> {
  const args = makeArgs(scenario, flags);
  const options = { args, ...OUTPUTS, stdin: "null", signal: stopping(signal) } as const;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), options).output();
  const decoder = new TextDecoder();
  if (!success) throw failed(scenario, decoder.decode(stderr));
  return JSON.parse(decoder.decode(stdout));
}

/**
 * Opens idle connections and keeps them until `whileOpen` is done. Resolves with the number of those that ended
 * early.
 */
export async function holdIdle(
  { signal }: Bench,
  { flags, whileOpen }: { flags: LoadFlags; whileOpen: () => Promise<void> },
): Promise<{ evicted: number }> {
  const args = makeArgs("idle", flags);
  const options = { args, ...OUTPUTS, stdin: "piped", signal: stopping(signal) } as const;
  const child = new Deno.Command(Deno.execPath(), options).spawn();
  const errors = new Response(child.stderr).text();
  const reports = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    // Each report is one line, and written at once.
    const { done } = await reports.read();
    if (done) throw failed("idle", await errors);
    await whileOpen();
    await child.stdin.close();
    const { value } = await reports.read();
    if (value === undefined) throw failed("idle", await errors);
    return JSON.parse(value);
  } finally {
    await child.stdin.close().catch(() => {}); // already closed after a success
    await end(child);
    await reports.cancel();
    await errors;
  }
}

function makeArgs(scenario: string, flags: LoadFlags): string[] {
  const given = Object.entries({ deadline: DEADLINE_SECONDS, ...flags })
    .filter(([, value]) => value !== undefined);
  const args = given.flatMap(([name, value]) => [`--${name}`, String(value)]);
  return ["run", "--allow-all", CLIENT, scenario, ...args];
}

/** Time after which a load client is killed. */
function stopping(signal: AbortSignal): AbortSignal {
  const late = AbortSignal.timeout((DEADLINE_SECONDS + GRACE_SECONDS) * 1000);
  return AbortSignal.any([signal, late]);
}

/** Waits a short time for the process to end by itself, then kills it. */
async function end(child: Deno.ChildProcess): Promise<void> {
  await within(GRACE_SECONDS * 1000, "the end of the load client", child.status).catch(() => {
    child.kill("SIGKILL");
    return child.status;
  });
}

function failed(scenario: string, errors: string): Error {
  return new Error(errors.trim() || `Cannot run the load client: ${scenario} ended without a word`);
}

/** Returns the server's process id if the benchmark can measure its costs. */
export function pidOf({ pid }: RunningServer): number | undefined {
  return Deno.build.os === "linux" ? pid : undefined;
}
