// The program needs few npm packages, and a first start downloads no others (docs/decisions/0025).
import { assertEquals } from "@std/assert";
import deno from "../deno.json" with { type: "json" };
import { startProgram } from "./support/program.ts";
import { findRegistryObstacle } from "./support/registry.ts";

const ROOT = new URL("../", import.meta.url);

/** Packages of the program. A new one is a decision. */
const PACKAGES = [
  "@logtape/logtape",
  "@remix-run/node-fetch-server",
  "denque",
  "ipaddr.js",
  "leven",
  "uqr",
];

/** A port where nothing listens, in place of JSR. */
const NO_JSR = "http://127.0.0.1:9/";

Deno.test("main.ts needs these npm packages, and types need no others", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "main.ts"],
    cwd: ROOT,
  }).output();
  const { npmPackages, modules } = JSON.parse(new TextDecoder().decode(stdout));
  const imported = modules.map(({ specifier }: { specifier: string }) => specifier)
    .filter((specifier: string) => specifier.startsWith("npm:"));
  assertEquals(imported.map(nameOf).toSorted(), PACKAGES);
  assertEquals(Object.keys(npmPackages).map(nameOf).toSorted(), PACKAGES);
});

Deno.test("deno.json and deno.lock list the npm packages of the program alone", async () => {
  const targets = Object.values(deno.imports);
  assertEquals(targets.filter((target) => target.startsWith("npm:")).map(nameOf), PACKAGES);
  const lock = JSON.parse(await Deno.readTextFile(new URL("deno.lock", ROOT)));
  const advice =
    `tests bring packages of their own: git checkout deno.lock, and run tests by "deno task test"`;
  assertEquals(Object.keys(lock.npm).map(nameOf), PACKAGES, advice);
});

Deno.test("tests/deno.lock lists the program's packages and one for each module of tests/support/npm/", async () => {
  const folder = new URL("tests/support/npm/", ROOT);
  const modules = await Array.fromAsync(Deno.readDir(folder));
  const sources = await Promise.all(
    modules.map(({ name }) => Deno.readTextFile(new URL(name, folder))),
  );
  const ofTests = sources.flatMap((source) => source.match(/npm:[^"]+@[\d.]+/) ?? []);
  assertEquals(ofTests.length, modules.length);
  const ofProgram = Object.values(deno.imports).filter((target) => target.startsWith("npm:"));
  const lock = JSON.parse(await Deno.readTextFile(new URL("tests/deno.lock", ROOT)));
  assertEquals(Object.keys(lock.specifiers).toSorted(), [...ofProgram, ...ofTests].toSorted());
});

const obstacle = await findRegistryObstacle();

Deno.test({
  name:
    "deno task dev downloads the packages of the program on its first start, and none from JSR" +
    (obstacle && ` (ignored: ${obstacle})`),
  ignore: obstacle !== "",
  async fn() {
    const denoDir = await Deno.makeTempDir({ prefix: "confab-deno-" });
    try {
      const command = [Deno.execPath(), "task", "dev"];
      const env = { DENO_DIR: denoDir, JSR_URL: NO_JSR, NO_COLOR: "1" };
      await using program = await startProgram({ command, env });
      const response = await fetch(`http://127.0.0.1:${program.port}/`);
      await response.body?.cancel();
      assertEquals(response.status, 200);
      program.kill("SIGTERM"); // the task passes it on; SIGKILL would leave the server behind
      await program.status;
      assertEquals(await listDownloads(denoDir), PACKAGES);
    } finally {
      await Deno.remove(denoDir, { recursive: true });
    }
  },
});

/** Returns the name of a package from "npm:/@scope/name@1.0.0" and the like. */
function nameOf(specifier: string): string {
  return specifier.replace(/^npm:\/?/, "").replace(/(?<=.)@.*$/, "");
}

/** Lists the packages in a folder like DENO_DIR: each is npm/REGISTRY/NAME/VERSION, with @SCOPE before some names. */
async function listDownloads(denoDir: string): Promise<string[]> {
  const names: string[] = [];
  for (const registry of await listFolders(`${denoDir}/npm`)) {
    for (const name of await listFolders(`${denoDir}/npm/${registry}`)) {
      const scoped = name.startsWith("@")
        ? await listFolders(`${denoDir}/npm/${registry}/${name}`)
        : [];
      names.push(...name.startsWith("@") ? scoped.map((part) => `${name}/${part}`) : [name]);
    }
  }
  return names.toSorted();
}

async function listFolders(path: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(path));
  return entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
}
