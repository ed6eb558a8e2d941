// The README's commands do what it says. Every line of its sh blocks must be known here.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { startProgram } from "./support/program.ts";

const ROOT = new URL("../", import.meta.url);
const readme = await Deno.readTextFile(new URL("README.md", ROOT));

/** Runs a task by the Deno that runs this test: `npx -y deno` would fetch the newest one. */
const task = (name: string) => [Deno.execPath(), "task", name];

/** Commands that other tests run: which ones. */
const TRIED_IN: Record<string, string> = {
  "npx -y deno task compile": "tests/executable_test.ts",
  "./dist/confab --addr :9000": "tests/executable_test.ts",
  "npx -y deno task test": "tasks/test.ts", // this very run
  "npx -y deno task ok": "tests/source_test.ts", // what it adds to the tests
};

const DEV = "npx -y deno task dev";

Deno.test("README: every command is one that is tried", () => {
  const commands = [...readme.matchAll(/^```sh\n(.*?)^```/gms)]
    .flatMap(([, block]) => block!.trim().split("\n"));
  assertEquals(commands.toSorted(), [DEV, ...Object.keys(TRIED_IN)].toSorted());
});

Deno.test(`README: ${DEV} runs the chat until Ctrl-C`, async () => {
  await using program = await startProgram({
    command: task("dev"),
    args: [],
    env: { CONFAB_ADDR: "127.0.0.1:0", NO_COLOR: "1" },
  });
  const url = `http://127.0.0.1:${program.port}/`;
  const response = await fetch(url);
  assertStringIncludes(await response.text(), "<title>Confab</title>");
  program.kill("SIGINT"); // the task passes it on
  await program.status;
  await assertRejects(() => fetch(url));
});

Deno.test("README: every file and folder that it names is there", async () => {
  const names = [
    ...readme.matchAll(/\]\(([^)#:]+)\)/g),
    ...readme.matchAll(/^\| `([^`]+)`(?:, `([^`]+)`)?\s*\|/gm),
    ...Object.values(TRIED_IN).map((file) => [file, file]),
  ].flatMap(([, ...found]) => found.filter((name) => name !== undefined));
  assert(names.length > 15);
  for (const name of names) await Deno.stat(new URL(name, ROOT));
});
