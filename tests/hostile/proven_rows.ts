// Rows that tests of the suite prove already: they are run here, the random ones longer than there.
import { LOCK } from "../../tasks/test.ts";
import { isClean, runCrash } from "../crash.ts";
import { exactly, type Figure, part, type Row, type Setting } from "./row.ts";

const ROOT = new URL("../../", import.meta.url);

/** Schedules of the model in the long run. */
const SCHEDULES = 10_000;

const CRASHES = 20;
const WRITERS = 50;

export const PROVEN_ROWS: readonly Row[] = [
  { id: "crash", fault: "SIGKILL at a random moment under 50 writers", run: runKills },
  proven(
    "cut",
    "a connection cut at any byte between send and ack",
    "tests/resume_test.ts",
    "/cuts/",
  ),
  proven("kicked", "100 clients kicked again and again while others talk", "tests/kicked_test.ts"),
  proven("joins", "registering while others talk", "tests/resume_test.ts", "/joins/"),
  proven(
    "retention",
    "resuming past retention and from where nothing was",
    "tests/resume_test.ts",
    "/past/",
  ),
  {
    ...proven("model", "random operations against a model", "tests/model_test.ts"),
    transports: ["ws"],
  },
  proven("disk-full", "a disk that is full", "tests/disk_full_test.ts"),
  proven(
    "output",
    "outputs that nobody reads or that are full, a flood of lines",
    "tests/output_test.ts",
  ),
  // Each of these tests runs on both transports by itself.
  ...[
    proven(
      "drafts",
      "10,000 drafts, wrong in every way, among 50 people",
      "tests/bad_draft_test.ts",
    ),
    proven("one-address", "one address that floods in every way", "tests/one_address_test.ts"),
    proven(
      "long-flood",
      "the same for minutes, and each way by itself",
      "tests/long_flood_test.ts",
    ),
    proven("hall", "two hundred people at one address", "tests/lecture_hall_test.ts"),
    proven(
      "budget",
      "posts, lines, replays, pages and connections of one address",
      "http/room/budget_test.ts",
    ),
    proven("growth", "claims of names, and new rooms", "hub/growth_test.ts"),
    proven("limits", "one more than each limit", "tests/limits_test.ts"),
    proven(
      "guesses",
      "wrong passwords from many networks",
      "tests/access_test.ts",
      "/guess|wrong pass/",
    ),
    proven(
      "sessions",
      "sessions by one invite",
      "tests/access_test.ts",
      "/full invite|sessions begin/",
    ),
    proven(
      "gone",
      "peers that leave before they are accepted",
      "transport/transport_test.ts",
      "/left before/",
    ),
    proven("deletion", "a deleted text, looked for everywhere", "tests/deletion_test.ts"),
  ].map((row): Row => ({ ...row, transports: ["ws"] })),
];

/** A row that a test file proves, or those of its tests whose names match. */
function proven(id: string, fault: string, file: string, filter = ""): Row {
  return { id, fault, run: (setting) => runTests(file, filter, setting) };
}

async function runTests(file: string, filter: string, setting: Setting): Promise<Figure[]> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", LOCK, "--allow-all", ...filter ? [`--filter=${filter}`] : [], file],
    cwd: ROOT,
    env: {
      NO_COLOR: "1",
      CONFAB_TRANSPORT: setting.transport,
      CONFAB_SEED: `${setting.seed}`,
      CONFAB_RUNS: `${part(SCHEDULES, setting)}`,
    },
    stderr: "null",
  }).output();
  const output = new TextDecoder().decode(stdout);
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(output)?.[1] ?? 0);
  if (!success) console.log(output);
  // What the tests themselves print are their figures.
  for (const [, told] of output.matchAll(/^-+ output -+\n([^]*?)\n-+ output end -+$/gm)) {
    console.log(told!.replaceAll(/^/gm, "  "));
  }
  return [
    { what: `tests of ${file}`, value: count("passed"), least: 1 },
    { what: "of them failed", value: count("failed"), most: 0 },
    { what: "of them ignored", value: count("ignored"), most: 0 },
  ];
}

async function runKills({ transport, ...setting }: Setting): Promise<Figure[]> {
  Deno.env.set("CONFAB_TRANSPORT", transport);
  const cycles = Math.ceil(CRASHES * setting.share);
  const report = await runCrash({ cycles, writers: WRITERS, seed: setting.seed });
  Deno.env.delete("CONFAB_TRANSPORT");
  for (const fault of report.faults) console.log(`  ${fault}`);
  return [
    { what: "kills", value: cycles },
    { what: "acknowledged", value: report.acked },
    exactly("of them lost", report.lost, 0),
    exactly("of them doubled", report.doubled, 0),
    exactly("holes", report.holes, 0),
    exactly("other faults", report.faults.length, 0),
    exactly("clean", isClean(report) ? 1 : 0, 1),
  ];
}
