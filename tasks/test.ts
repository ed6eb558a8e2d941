// `deno task test [FILE...]` runs the tests and ends with a line that counts them. If `CI` is set, an ignored test is a failure,
// for example one that was ignored for want of a browser.

/** playwright-core reads /proc when it starts, which Deno allows only with all permissions. */
const PERMISSIONS = "--allow-all";

/** Versions of the tests' own packages. deno.lock lists those of the program alone (docs/decisions/0025). */
export const LOCK = "--lock=tests/deno.lock";

/** Flags that make Deno look for leaks of timers, sockets and processes. Deno 2.6 always does and has no such flags. */
const SANITIZERS = Deno.version.deno.startsWith("2.6.")
  ? []
  : ["--sanitize-ops", "--sanitize-resources"];

/** Time after which a run is considered hung. */
const TIMEOUT_MS = 15 * 60_000;

/** Counts in the last line of `deno test`. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
}

const NOTHING: Counts = { passed: 0, failed: 0, ignored: 0 };

/** Reads the counts from the output of `deno test`; undefined if it did not finish. */
export function parseCounts(output: string): Counts | undefined {
  const last = [...output.matchAll(/^(?:ok|FAILED) \| .*$/gm)].at(-1)?.[0];
  if (!last) return undefined;
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(last)?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed"), ignored: count("ignored") };
}

/** Tests that compare speeds: nothing else may run at the same time. */
const ALONE = ["bench"];

/** Tests of the whole program over sockets, which pass on the other transport as well. */
const ON_BOTH_TRANSPORTS = ["chat", "http", "kicked", "resume", "seed_page", "slow_reader"]
  .map((name) => `tests/${name}_test.ts`);

/** Tests that mostly wait. */
const PATIENT = ["hook", "hostile", "kicked", "limits", "slow_reader"]
  .map((name) => `tests/${name}_test.ts`);

/** Tests of the page, each with a browser of its own. */
const PAGE = "tests/page";

/** Tests of the page that pass in Firefox as well. */
const IN_FIREFOX = ["composing", "identity", "reconnecting", "scrolling"]
  .map((name) => `${PAGE}/${name}_test.ts`);

async function main(args: string[]): Promise<number> {
  const runs = args.length > 0 ? [await run(args)] : await runAll();
  const sum = (count: keyof Counts) => runs.reduce((sum, { counts }) => sum + counts[count], 0);
  const mayIgnore = !Deno.env.get("CI");
  const ignored = sum("ignored");
  if (ignored > 0 && !mayIgnore) console.log(`${ignored} ignored, which CI does not allow`);
  console.log(
    `${sum("passed")} passed, ${sum("failed")} failed${ignored > 0 ? `, ${ignored} skipped` : ""}`,
  );
  const code = runs.find(({ code }) => code !== 0)?.code ?? 0;
  return code || (ignored > 0 && !mayIgnore ? 1 : 0);
}

/** Runs two or three processes at a time, except for `ALONE`. One of the tests checks types, so the runs do not. */
async function runAll(): Promise<Run[]> {
  const whole = listTests("tests").filter((file) =>
    !file.startsWith(`${PAGE}/`) && ![...ALONE, ...PATIENT].includes(file)
  );
  const pages = listTests(PAGE);
  const ws = { CONFAB_TRANSPORT: "ws" };
  const firefox = { CONFAB_BROWSER: "firefox" };
  return [
    ...await together([ALONE]),
    ...await together([["--ignore=tests,bench"]]),
    ...await together([every(2, whole, 0)], [every(2, whole, 1)]),
    ...await together([every(2, pages, 0)], [every(2, pages, 1)], [IN_FIREFOX, firefox]),
    ...await together([every(2, PATIENT, 0)], [every(2, PATIENT, 1)], [ON_BOTH_TRANSPORTS, ws]),
  ];
}

/** Runs several processes at a time, each with some files and an environment. The output of the first shows as it comes. */
function together(...runs: [files: string[], env?: Record<string, string>][]): Promise<Run[]> {
  return Promise.all(
    runs.map(([files, env = {}], n) => run(files, { isChecked: false, isQuiet: n > 0, env })),
  );
}

/** Lists the test files in a folder and below it. */
function listTests(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? listTests(path) : name.endsWith("_test.ts") ? path : [];
  }).toSorted();
}

/** Returns every nth file, beginning with one of the first n. */
function every(nth: number, files: readonly string[], first: number): string[] {
  return files.filter((_, n) => n % nth === first);
}

interface RunOptions {
  readonly env?: Record<string, string>;
  readonly isQuiet?: boolean;
  readonly isChecked?: boolean;
}

interface Run {
  readonly code: number;
  readonly counts: Counts;
}

/** Runs tests. A quiet run prints its output when it has ended. */
async function run(
  files: string[],
  { env = {}, isQuiet = false, isChecked = true }: RunOptions = {},
): Promise<Run> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", LOCK, PERMISSIONS, ...SANITIZERS, ...isChecked ? [] : ["--no-check"], ...files],
    env: { NO_COLOR: "1", ...env },
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
    if (!isQuiet) await Deno.stdout.write(chunk);
  }
  const { code } = await child.status;
  clearTimeout(watchdog);
  if (isQuiet) {
    const settings = Object.entries(env).map(([name, value]) => ` ${name}=${value}`).join("");
    console.log(`\n${files.join(" ")}${settings}:\n${output}`);
  }
  const counts = parseCounts(output);
  return counts ? { code, counts } : { code: code || 1, counts: NOTHING };
}

if (import.meta.main) Deno.exit(await main(Deno.args));
