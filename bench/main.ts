// `deno task bench` measures Confab beside other servers, prints the results and writes them for the documentation. The
// exit code is 0 for any figures; 1 if Confab failed, or lost or disordered lines; 2 for a wrong command line; 130 after
// an interrupt.
import { Bench } from "./bench.ts";
import { makeChart } from "./chart.ts";
import { type Flags, helpText, parseFlags } from "./flags.ts";
import { listIds, measureAll } from "./parts.ts";
import { makePlan } from "./plan.ts";
import { makeJson } from "./report.ts";
import type { BenchResult } from "./result.ts";
import { makeMarkdown, makeText } from "./sections.ts";
import { findExecutable, listServers, type Server } from "./servers.ts";
import { evaluateTargets } from "./targets.ts";

const DOCS = `${import.meta.dirname}/../docs/bench`;

const FAULTY_CODE = 1;
const USAGE_CODE = 2;
const INTERRUPTED_CODE = 130;

const SIGNALS: Deno.Signal[] = ["SIGINT", Deno.build.os === "windows" ? "SIGBREAK" : "SIGTERM"];

interface Order {
  readonly flags: Flags;
  readonly servers: readonly Server[];
}

async function main(args: readonly string[]): Promise<number> {
  let order: Order;
  try {
    order = await readOrder(args);
  } catch (error) {
    console.error((error as Error).message);
    return USAGE_CODE;
  }
  if (!order.flags.isHelp) return await run(order);
  console.log(helpText(listIds(order.servers)));
  return 0;
}

/** Runs the benchmark. @throws {TypeError} with the reason if the command line is wrong */
async function readOrder(args: readonly string[]): Promise<Order> {
  const flags = parseFlags(args);
  const confab = flags.confab === undefined ? undefined : await findExecutable(flags.confab);
  const servers = listServers({ confab, peers: flags.peers });
  checkOnly(flags.only, listIds(servers));
  return { flags, servers };
}

function checkOnly(only: readonly string[], ids: readonly string[]): void {
  const unknown = only.find((id) => !ids.includes(id));
  if (unknown === undefined) return;
  throw new TypeError(
    `Cannot parse flag "--only": expected some of ${ids.join(", ")}, received "${unknown}"`,
  );
}

async function run({ flags, servers }: Order): Promise<number> {
  const { isQuick, rounds, only, out } = flags;
  const stop = new AbortController();
  // End the measurement under way; each part cleans up after itself. A second signal changes nothing, because all waits
  // are bounded.
  for (const signal of SIGNALS) Deno.addSignalListener(signal, () => stop.abort());
  const plan = makePlan({ isQuick, rounds });
  const bench = new Bench({ plan, signal: stop.signal, print: console.log });
  let result: BenchResult;
  try {
    result = await measureAll(bench, { servers, only });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    console.error("Interrupted.");
    return INTERRUPTED_CODE;
  }
  console.log(`\n${makeText(result)}`);
  await write(result, out ?? (result.scope === "whole" ? DOCS : undefined));
  if (bench.faults.length === 0) return 0;
  console.error(`Confab failed:\n${bench.faults.join("\n")}`);
  return FAULTY_CODE;
}

async function write(result: BenchResult, folder: string | undefined): Promise<void> {
  if (folder === undefined) return;
  await Deno.mkdir(folder, { recursive: true });
  const files = {
    "results.json": makeJson({ ...result, targets: evaluateTargets(result) }),
    "results.md": makeMarkdown(result),
    "chart.svg": makeChart(result),
  };
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
}

Deno.exit(await main(Deno.args));
