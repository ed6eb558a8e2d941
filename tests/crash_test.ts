// What was acknowledged survives SIGKILL: counts are checked, never time.
import { assertEquals, assertGreater } from "@std/assert";
import { runCrash } from "./crash.ts";
import { chooseSeed } from "./support/random.ts";

Deno.test("crash: 20 kills under 50 writers: everything acknowledged is there, once, without a hole", async () => {
  const seed = chooseSeed();
  console.log(`seed ${seed}`);
  const report = await runCrash({ cycles: 20, writers: 50, seed });
  const { acked, lost, doubled, holes, cutOff, storedBefore, faults } = report;
  console.log(`acked ${acked}, lost ${lost}, doubled ${doubled}, holes ${holes}`);
  assertEquals([lost, doubled, holes, faults], [0, 0, 0, []]);
  assertGreater(acked, 50_000);
  // Some kills came between commit and acknowledgement, others before the commit.
  assertGreater(storedBefore, 0);
  assertGreater(cutOff, storedBefore);
});
