// Tests the load that the seed does not survive, against the program as a process. Counts and order are checked, never
// time.
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { runFlood } from "./load/flood.ts";
import { peakMemoryMiB } from "../tests/support/processes.ts";
import { startProgram } from "../tests/support/program.ts";
import { eventually } from "../tests/support/until.ts";

/** Load under which the seed evicts up to 98 of its 100 clients. Every client must receive every line, in one order. */
async function countDelivered(journal: string): Promise<number> {
  // This transport is the one for loads. The benchmark compares the journals on the other one as well.
  const env = { CONFAB_JOURNAL: journal, CONFAB_TRANSPORT: "ws" };
  await using program = await startProgram({ env });
  const target = { port: program.port, dialect: "lines" } as const;
  const report = await runFlood({ target, clients: 100, senders: 20, inFlight: 8, seconds: 3 });
  assert(report.sent > 1000, `sent only ${report.sent}`);
  assertEquals(report.delivered, report.sent * 100);
  assertEquals([report.evicted, report.disordered, report.lost], [0, 0, 0]);
  assertEquals(program.log(), "");
  return report.deliveredPerSecond;
}

/** Maximum number of comparisons. Something else may use the disk, or the processor, for a while. */
const MAX_ROUNDS = 6;

Deno.test("load: 100 clients, 20 senders with 8 in flight: 0 evicted, 0 lost, on disk at 0.4 of the rate in memory", async () => {
  const rates: Record<string, number> = { memory: 0, sqlite: 0 };
  let ratio = 0;
  // Use the best of several runs: other load on the machine can only reduce a rate.
  for (let round = 0; round < 2 || ratio <= 0.4 && round < MAX_ROUNDS; round++) {
    for (const journal of ["memory", "sqlite"]) {
      rates[journal] = Math.max(rates[journal]!, await countDelivered(journal));
    }
    ratio = rates["sqlite"]! / rates["memory"]!;
  }
  const [memory, sqlite] = ["memory", "sqlite"].map((name) => (rates[name]! / 1e6).toFixed(1));
  console.log(`${sqlite} M lines a second on disk, ${memory} M in memory: ${ratio.toFixed(2)}`);
  assertGreater(ratio, 0.4);
});

Deno.test("load: a client that never reads is closed with a reason; the others lose nothing, memory is bounded", async () => {
  // This journal keeps a tenth of the entries for lagging readers, so that a slow machine gets there as well.
  await using program = await startProgram({ env: { CONFAB_JOURNAL: "memory" } });
  const report = await runFlood({
    target: { port: program.port, dialect: "lines" },
    clients: 20,
    senders: 20,
    inFlight: 8,
    seconds: 18, // long enough to fall behind by more than the room retains
    stuck: 1,
  });
  assertEquals([report.evicted, report.disordered, report.lost], [0, 0, 0]);
  await eventually(() => /client closed code="(stalled|fell_behind)"/.test(program.log()));
  if (Deno.build.os === "linux") assertLess(await peakMemoryMiB(program.pid), 300);
});
