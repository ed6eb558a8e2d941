// The project keeps its own rules: the static gate, the direction of imports, and what must agree with what.
import { assert, assertEquals } from "@std/assert";
import { ENV_NAMES } from "../config.ts";
import deno from "../deno.json" with { type: "json" };
import { findWrongImports } from "../tasks/check_imports.ts";
import { parseCounts } from "../tasks/test.ts";

const ROOT = new URL("../", import.meta.url);

Deno.test("source: format, lint, types and import direction are in order", async () => {
  const args = ["task", "check"];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT })
    .output();
  const decoder = new TextDecoder();
  assert(success, decoder.decode(stdout) + decoder.decode(stderr));
});

Deno.test("findWrongImports() finds an import that points up, and a module that nobody placed", () => {
  const modules = [
    { specifier: "file:///p/hub.ts", dependencies: [dependency("file:///p/client.ts")] },
    { specifier: "file:///p/client.ts", dependencies: [dependency("file:///p/hub.ts")] },
    { specifier: "file:///p/utils.ts", dependencies: [dependency("npm:/denque@2.1.0")] },
    { specifier: "file:///p/std/async/channel.ts" },
    { specifier: "npm:/denque@2.1.0" },
  ];
  assertEquals(findWrongImports(modules, "file:///p/"), [
    "hub.ts -> client.ts",
    "utils.ts is not listed",
  ]);
});

function dependency(specifier: string) {
  return { code: { specifier } };
}

Deno.test("parseCounts() reads the last line of a test run", () => {
  assertEquals(parseCounts("a ... ok (1ms)\n\nok | 12 passed | 0 failed (8s)\n"), {
    passed: 12,
    failed: 0,
    ignored: 0,
  });
  const failed = "FAILED | 16 passed (4 steps) | 1 failed | 3 ignored (51s)\n";
  assertEquals(parseCounts(failed), { passed: 16, failed: 1, ignored: 3 });
  assertEquals(parseCounts("error: Type checking failed.\n"), undefined);
});

Deno.test("source: whatever runs the program gives it the same permissions", async () => {
  const wanted = [
    "--allow-net",
    "--allow-read",
    "--allow-write",
    `--allow-env=${ENV_NAMES}`,
    "--allow-sys=networkInterfaces",
  ];
  const places = [
    deno.tasks.dev.command,
    deno.tasks.watch.command,
    await Deno.readTextFile(new URL("tasks/compile.ts", ROOT)),
    await Deno.readTextFile(new URL("tests/program.ts", ROOT)),
  ];
  for (const text of places) {
    for (const permission of wanted) assert(text.includes(permission), `${permission} in ${text}`);
  }
});

Deno.test("source: CI and releases run the one version of Deno", async () => {
  const files = [".ci/run", ".github/workflows/release.yml"];
  const versions = await Promise.all(files.map(async (file) => {
    const text = await Deno.readTextFile(new URL(file, ROOT));
    return [...text.matchAll(/deno@[\d.]+/g)].map(([version]) => version);
  }));
  assertEquals(new Set(versions.flat()), new Set(["deno@2.9.6"]));
});
