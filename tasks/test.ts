// `deno task test [FILE...]`: runs the tests and ends with a line that counts them. Where `CI` is set a test that was
// ignored for want of a browser, say, is a failure.

/** playwright-core looks into /proc on start, which Deno allows to nobody with less. */
const PERMISSIONS = "--allow-all";

/** Deno looks for leaks of timers, sockets and processes only when told to. 2.6 does so anyway and knows no flag. */
const SANITIZERS = Deno.version.deno.startsWith("2.6.")
  ? []
  : ["--sanitize-ops", "--sanitize-resources"];

/** A run that takes longer hangs. */
const TIMEOUT_MS = 15 * 60_000;

/** What the last line of `deno test` says. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
}

/** Reads the counts from the output of `deno test`; undefined when it did not get that far. */
export function parseCounts(output: string): Counts | undefined {
  const last = [...output.matchAll(/^(?:ok|FAILED) \| .*$/gm)].at(-1)?.[0];
  if (!last) return undefined;
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(last)?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed"), ignored: count("ignored") };
}

async function main(args: string[]): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", PERMISSIONS, ...SANITIZERS, ...args],
    env: { NO_COLOR: "1" },
    stdout: "piped",
  }).spawn();
  const watchdog = setTimeout(() => {
    console.log(`The tests did not end within ${TIMEOUT_MS / 60_000} minutes`);
    child.kill("SIGKILL");
  }, TIMEOUT_MS);
  const decoder = new TextDecoder();
  let output = "";
  for await (const chunk of child.stdout) {
    output += decoder.decode(chunk, { stream: true });
    await Deno.stdout.write(chunk);
  }
  const { code } = await child.status;
  clearTimeout(watchdog);
  const counts = parseCounts(output);
  if (!counts) return code || 1;
  const { passed, failed, ignored } = counts;
  const mayIgnore = !Deno.env.get("CI");
  if (ignored > 0 && !mayIgnore) console.log(`${ignored} ignored, which CI does not allow`);
  console.log(`${passed} passed, ${failed} failed${ignored > 0 ? `, ${ignored} skipped` : ""}`);
  return code || (ignored > 0 && !mayIgnore ? 1 : 0);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
