// Measures the load client itself when no server limits it: a process only writes, and clients receive and check
// everything, as they always do.
import { delay } from "@std/async/delay";
import { Crowd } from "./crowd.ts";
import { type Measured, startMeasuring } from "./delivery.ts";
import { Latencies } from "./latency.ts";
import { LINE_BYTES } from "./line.ts";

export interface BlastOptions {
  readonly clients: number;
  readonly senders: number;
  readonly seconds: number;
  readonly warmUpSeconds?: number;
}

export interface BlastReport extends Measured {
  /** Lines, each with its newline. */
  readonly megabytesPerSecond: number;
  readonly disordered: number;
}

const BLASTER = new URL("blaster.ts", import.meta.url).href;

/** Runs the load and resolves with the results. */
export async function runBlast(options: BlastOptions): Promise<BlastReport> {
  const { clients, senders, seconds, warmUpSeconds = 0 } = options;
  const args = ["run", "--allow-net=127.0.0.1", BLASTER, `${clients}`, `${senders}`];
  const blaster = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
  try {
    const port = await readPort(blaster.stdout);
    const latencies = new Latencies(senders);
    const target = { port, dialect: "lines" } as const;
    await using crowd = await Crowd.open({
      count: clients,
      target: () => target,
      senders,
      latencies,
    });
    await delay(warmUpSeconds * 1000);
    const serverPid = Deno.build.os === "linux" ? blaster.pid : undefined;
    const endMeasuring = startMeasuring(crowd, { latencies, serverPid });
    await delay(seconds * 1000);
    const measured = endMeasuring();
    const checks = crowd.members.map(({ check }) => check);
    return {
      ...measured,
      megabytesPerSecond: measured.deliveredPerSecond * (LINE_BYTES + 1) / 1e6,
      disordered: checks.reduce((sum, { skipped, stray }) => sum + skipped + stray, 0),
    };
  } finally {
    blaster.kill("SIGKILL");
    await blaster.status;
  }
}

async function readPort(output: ReadableStream<Uint8Array>): Promise<number> {
  for await (const chunk of output) return Number(new TextDecoder().decode(chunk));
  throw new Error("Cannot start the blaster: it printed no port");
}
