// The load that the seed does not survive, against the program as a process. Counts and order are checked, never time.
import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { peakMemoryMiB, runLoad } from "./load.ts";
import { startProgram } from "./program.ts";

Deno.test("load: 100 clients, 20 senders with 8 in flight: 0 evicted, every line to everyone, in one order", async () => {
  await using program = await startProgram();
  const report = await runLoad({
    port: program.port,
    clients: 100,
    senders: 20,
    inFlight: 8,
    seconds: 5,
  });
  assert(report.sent > 1000, `sent only ${report.sent}`);
  assertEquals(report.delivered, report.sent * 100);
  assertEquals([report.evicted, report.disordered, report.lost], [0, 0, 0]);
});

Deno.test("load: one that never reads is closed with a reason; the others lose nothing, memory is bounded", async () => {
  await using program = await startProgram();
  const report = await runLoad({
    port: program.port,
    clients: 20,
    senders: 20,
    inFlight: 8,
    seconds: 14, // longer than a stalled connection is borne with
    stuck: 1,
  });
  assertEquals([report.evicted, report.disordered, report.lost], [0, 0, 0]);
  assertMatch(program.log(), /client closed code="(stalled|fell_behind)"/);
  if (Deno.build.os === "linux") assertLess(await peakMemoryMiB(program.pid), 300);
});
