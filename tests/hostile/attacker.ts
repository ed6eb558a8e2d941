// The process of an attack: prints `begun` when it is under way, and one line of JSON when it is over, which is at the
// end of its standard input at the latest. Bounded in count and time; loopback only. Started by attack.ts.
import { parseArgs } from "node:util";
import type { Orders } from "./attack.ts";
import { CONNECTION_ATTACKS } from "./connections.ts";
import { crowd } from "./crowd.ts";
import { Force } from "./force.ts";
import { FRAME_ATTACKS } from "./frames.ts";
import { GARBAGE_ATTACKS } from "./garbage.ts";
import { HOARD_ATTACKS } from "./hoards.ts";
import { TALKS } from "./talk.ts";

/** Carries it out, and resolves when nothing is left to do or the force is called back. */
export type Tactic = (force: Force, orders: Required<Orders>) => Promise<void>;

const TACTICS: Readonly<Record<string, Tactic>> = {
  ...CONNECTION_ATTACKS,
  ...FRAME_ATTACKS,
  ...GARBAGE_ATTACKS,
  ...HOARD_ATTACKS,
  ...TALKS,
  crowd,
};

/** Nothing that one does takes longer. */
const MOST_MS = 10 * 60_000;

async function main(args: string[]): Promise<void> {
  const { values, positionals: [name = ""] } = parseArgs({
    args,
    allowPositionals: true,
    options: Object.fromEntries(
      ["port", "count", "seed", "bytes", "perSecond"].map((flag) => [flag, { type: "string" }]),
    ),
  });
  const number = (flag: keyof Orders, otherwise: number) => Number(values[flag] ?? otherwise);
  const orders = {
    port: number("port", 0),
    count: number("count", 1),
    seed: number("seed", 1),
    bytes: number("bytes", 0),
    perSecond: number("perSecond", 0),
  };
  const force = new Force(orders.port);
  const calledBack = Deno.stdin.readable.pipeTo(new WritableStream()).catch(() => {});
  calledBack.then(() => force.callBack());
  setTimeout(() => force.callBack(), MOST_MS);
  await TACTICS[name]!(force, orders);
  console.log(JSON.stringify(force.report));
  Deno.exit(0); // what still reads ends with the process
}

await main(Deno.args);
