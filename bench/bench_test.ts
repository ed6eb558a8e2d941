import { assertEquals, assertRejects } from "@std/assert";
import { Bench } from "./bench.ts";
import { Unavailable } from "./peers.ts";
import { makePlan } from "./plan.ts";

function makeBench() {
  const stop = new AbortController();
  const lines: string[] = [];
  const bench = new Bench({
    plan: makePlan({ isQuick: true, rounds: 1 }),
    signal: stop.signal,
    print: (line) => lines.push(line.replace(/^ *\d+:\d\d {2}/, "")),
  });
  const measure = (isConfab: boolean, run: () => Promise<number>) =>
    bench.measure({ name: "it", isConfab, run, describe: (value) => `${value} ms` });
  return { bench, stop, lines, measure };
}

Deno.test("Bench.measure() prints what it has measured, and continues after a failure", async () => {
  const { bench, lines, measure } = makeBench();
  assertEquals(await measure(true, () => Promise.resolve(7)), { result: 7 });
  assertEquals(await measure(false, () => Promise.reject(new Error("no way"))), {
    reason: "no way",
  });
  assertEquals(lines, ["it: 7 ms", "it: not measured: no way"]);
  assertEquals([bench.failures, bench.faults], [["it: no way"], []]);
});

Deno.test("Bench.measure() counts failures against Confab, but not what this machine lacks", async () => {
  const { bench, measure } = makeBench();
  await measure(true, () => Promise.reject(new Unavailable("not here")));
  await measure(true, () => Promise.reject(new Error("crashed")));
  bench.blame("it", "lost 1 line");
  bench.blame("it", undefined);
  assertEquals(bench.faults, ["it: crashed", "it: lost 1 line"]);
  assertEquals(bench.failures, ["it: not here", ...bench.faults]);
});

Deno.test("Bench.measure() ends with the run, and does not call that a failure", async () => {
  const { bench, stop, measure } = makeBench();
  const interrupted = () => {
    stop.abort();
    return Promise.reject(new Error("killed"));
  };
  await assertRejects(() => measure(true, interrupted), DOMException, "aborted");
  await assertRejects(() => measure(true, () => Promise.resolve(7)), DOMException, "aborted");
  assertEquals([bench.failures, bench.faults], [[], []]);
});
