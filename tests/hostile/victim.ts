// The server under attack: the program as a process, and what is asked of the system about it.
import { residentKiB } from "../support/processes.ts";
import { FROM_SOURCE, type Program, startProgram } from "../support/program.ts";
import type { Figure, Transport } from "./row.ts";

export interface VictimOptions {
  readonly transport: Transport;
  readonly data?: string;
  readonly port?: number;
  /** Connections that an address may have. No bound unless told otherwise: all attackers have the same address. */
  readonly perAddress?: number;
  /** File descriptors that it may have. */
  readonly descriptors?: number;
}

/** Starts one that bounds no rates of an address. */
export function startVictim(options: VictimOptions): Promise<Program> {
  const { transport, data, port = 0, perAddress = 0, descriptors } = options;
  const limit = `ulimit -n ${descriptors} && exec "$@"`;
  return startProgram({
    args: ["--addr", `127.0.0.1:${port}`],
    env: {
      CONFAB_TRANSPORT: transport,
      CONFAB_RATE: "0",
      CONFAB_PER_ADDRESS: `${perAddress}`,
      CONFAB_LOG_FORMAT: "json",
    },
    ...data !== undefined && { data },
    ...descriptors !== undefined && { command: ["sh", "-c", limit, "-", ...FROM_SOURCE] },
  });
}

export function residentMiB({ pid }: Program): number {
  return residentKiB(pid) / 1024;
}

/** File descriptors that are open, by what they lead to: `socket`, `anon_inode` or a path. */
export function listDescriptors(pid: number): string[] {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].flatMap(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/${pid}/fd/${name}`).split(":", 1);
    } catch {
      return []; // closed meanwhile
    }
  });
}

export function countSockets({ pid }: Program): number {
  return listDescriptors(pid).filter((target) => target === "socket").length;
}

/** Resolves when it holds, or after `ms`: whoever asked looks again. */
export async function waitUntil(isTrue: () => boolean, ms: number): Promise<void> {
  const until = Date.now() + ms;
  while (!isTrue() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Whether it lives, and what it logged that must never be there. */
export async function examine(program: Program): Promise<Figure[]> {
  const ended = await Promise.race([program.status, Promise.resolve(undefined)]);
  const faults = listErrors(program).filter((fault) => !fault.startsWith("accept failed"));
  for (const fault of new Set(faults)) console.log(`  logged: ${fault}`);
  return [
    { what: "exits", value: ended ? 1 : 0, most: 0 },
    { what: "errors in the log", value: faults.length, most: 0 },
  ];
}

/** Events that were logged as errors. What is no JSON was not logged by us. */
function listErrors(program: Program): string[] {
  return program.log().split("\n").filter((line) => line.startsWith("{")).flatMap((line) => {
    const { level, event, error = "" } = JSON.parse(line);
    return level === "error" ? `${event} ${error}` : [];
  });
}
