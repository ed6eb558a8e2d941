// A client that does nothing wrong, beside those who do: how long it takes from a say to its own entry, and how long
// /healthz takes to answer a new connection. It runs in the process of the test, the attackers run in another one.
import { JsonSocket } from "../support/json_socket.ts";
import { RawSocket } from "../support/raw_socket.ts";
import { within } from "../support/deadline.ts";
import { type Figure, part, percentile, type Setting } from "./row.ts";

/** Between two samples of a kind. */
const PERIOD_MS = 10;
const LEAST_MS = 500;

/** Whoever waits longer has failed. */
const WAIT_MS = 20_000;

/** How long it is watched what the machine can do while nobody attacks. */
const CALM_MS = 2_000;

export interface Watched {
  readonly sayMs: readonly number[];
  readonly healthMs: readonly number[];
  readonly failures: readonly string[];
}

/** Watches while something is done, and for a moment at least. */
export async function watch<T>(
  port: number,
  act: () => Promise<T>,
): Promise<Watched & { readonly result: T }> {
  let isOver = false;
  const failures: string[] = [];
  const sample = async (act: () => Promise<void>): Promise<number[]> => {
    const samplesMs: number[] = [];
    while (!isOver) {
      const startedMs = performance.now();
      try {
        await within(WAIT_MS, "an answer", act());
      } catch (error) {
        failures.push((error as Error).message);
      }
      samplesMs.push(performance.now() - startedMs);
      await pause(PERIOD_MS);
    }
    return samplesMs;
  };
  // Before it begins: to join is part of no sample.
  await using talker = (await JsonSocket.join(port, { name: "Watcher", history: 0 })).socket;
  const over = Promise.all([act(), pause(LEAST_MS)]).finally(() => isOver = true);
  const [sayMs, healthMs, [result]] = await Promise.all([
    sample(() => sayOnce(talker)),
    sample(() => askHealth(port)),
    over,
  ]);
  return { sayMs, healthMs, failures, result };
}

/** Watches for so long. */
export function watchFor(port: number, ms: number): Promise<Watched> {
  return watch(port, () => pause(ms));
}

/** The figures without an attack, which say how much of the others is the machine's own. */
export async function watchCalm(port: number, setting: Setting): Promise<Figure[]> {
  const { sayMs, healthMs } = await watchFor(port, part(CALM_MS, setting));
  const unit = "ms";
  return [
    { what: "before: say to own entry, p99", value: percentile(sayMs, 0.99), unit },
    { what: "before: /healthz, p99", value: percentile(healthMs, 0.99), unit },
  ];
}

/** The figures of it, each with its limit where there is one. */
export function describeWatched(
  { sayMs, healthMs, failures }: Watched,
  { mostSayMs, mostHealthMs }: { mostSayMs?: number; mostHealthMs?: number } = {},
): Figure[] {
  for (const failure of new Set(failures)) console.log(`  failed: ${failure}`);
  const timed = { unit: "ms", isTimed: true, onlyOn: "ws" } as const;
  return [
    {
      ...timed,
      what: "say to own entry, p99",
      value: percentile(sayMs, 0.99),
      ...mostSayMs !== undefined && { most: mostSayMs },
    },
    {
      ...timed,
      what: "/healthz, p99",
      value: percentile(healthMs, 0.99),
      ...mostHealthMs !== undefined && { most: mostHealthMs },
    },
    { what: "failures of who does nothing wrong", value: failures.length, most: 0 },
  ];
}

async function sayOnce(talker: JsonSocket): Promise<void> {
  const id = crypto.randomUUID();
  talker.send({ type: "say", id, text: "still here" });
  for (;;) {
    const line = await talker.read("entry", "error");
    if (!line) throw new Error("Cannot say: the connection has ended");
    if (line.type === "error") throw new Error(`Cannot say: ${line.code}`);
    if (line.id === id) return;
  }
}

async function askHealth(port: number): Promise<void> {
  const request = `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`;
  using socket = await RawSocket.connect(port, request);
  const [status] = (await socket.readHead()).split("\r\n");
  if (!status?.includes(" 200 ")) throw new Error(`Cannot ask for health: received "${status}"`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
