// Tests the whole benchmark as it is run by hand, but with so little load that it takes seconds, and in memory.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";

const ROOT = new URL("../", import.meta.url);
const TIMEOUT_MS = 60_000;

/** Linux only, because the benchmark reads the memory and time of other processes there. */
const ignore = Deno.build.os !== "linux";

async function runBench(args: readonly string[]) {
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["task", "bench", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).output();
  const decoder = new TextDecoder();
  const [stdout, stderr] = [output.stdout, output.stderr].map((bytes) => decoder.decode(bytes));
  return { code: output.code, stdout: stdout!, stderr: stderr! };
}

Deno.test("deno task bench measures the named parts, prints and writes the results", {
  ignore,
}, async () => {
  const out = await Deno.makeTempDir();
  try {
    const id = "confab-ws-memory-lines";
    const { code, stdout, stderr } = await runBench(["--quick", "--only", id, "--out", out]);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, "Confab in memory, lines, transport ws, round 1: ");
    const result = JSON.parse(await Deno.readTextFile(`${out}/results.json`));
    assertEquals(result.rows.length, 1);
    const [{ samples, faults }] = result.rows;
    assertEquals([faults, samples.evicted], [{ lost: 0, disordered: 0 }, [0, 0]]);
    const figures = ["deliveredPerSecond", "deliveredPerCpuSecond", "p50Ms", "p99Ms", "cpuAtRate"];
    for (const figure of figures) assert(samples[figure][0] > 0, JSON.stringify(samples));
    assertEquals(samples.startUpMs.length, 2);
    assertStringIncludes(await Deno.readTextFile(`${out}/results.md`), "## Targets");
    assertStringIncludes(await Deno.readTextFile(`${out}/chart.svg`), "Confab in memory");
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});

Deno.test("deno task bench reports the reason of a wrong command line", async () => {
  const { code, stderr } = await runBench(["--only", "nothing"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, 'Cannot parse flag "--only": expected some of confab-ws-sqlite-');
});
