// The project keeps its own rules: the static gate, the direction of imports, and what must agree with what.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { ENV_NAMES } from "../cli/config/command_table.ts";
import { STATE_ENV_NAMES } from "../cli/chat/file_storage.ts";
import deno from "../deno.json" with { type: "json" };
import { ASSETS } from "../page/assets.ts";
import { listPageSizes, MAX_PAGE_BYTES, measurePage, ON_DEMAND } from "../tasks/page_sizes.ts";
import { PERMISSIONS, V8_FLAGS } from "../tasks/permissions.ts";
import { parseLayers, partOf } from "../tasks/check/imports.ts";
import layers from "../tasks/layers.txt" with { type: "text" };
import { parseCounts } from "../tasks/test.ts";

const ROOT = new URL("../", import.meta.url);

Deno.test("source: format, lint, types and import direction are in order", async () => {
  const args = ["task", "check"];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT })
    .output();
  const decoder = new TextDecoder();
  assert(success, decoder.decode(stdout) + decoder.decode(stderr));
});

/** Everything at the top level, but for what is hidden and what is made. A new entry is a decision. */
const TOP_LEVEL = [
  ...["CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md"],
  ...["auth", "base", "bench", "cli", "client", "client.ts", "deno.json", "deno.lock", "deploy"],
  ...["docs", "examples", "home.html", "http", "hub", "hub.ts", "hub_test.ts", "integrations"],
  ...["journal", "main.ts", "page", "protocol", "sdk", "std", "tasks", "tests", "transport"],
];
const MADE = ["confab-data", "dist", "node_modules"];

Deno.test("source: the top level is this list", async () => {
  const entries = await Array.fromAsync(Deno.readDir(ROOT));
  const names = entries.map(({ name }) => name)
    .filter((name) => !name.startsWith(".") && !MADE.includes(name));
  assertEquals(names.toSorted(), TOP_LEVEL.toSorted());
  assert(TOP_LEVEL.length <= 35);
});

Deno.test("source: README lists the parts of the program in the order of their layers", async () => {
  const readme = await Deno.readTextFile(new URL("README.md", ROOT));
  const [, section = ""] = /## Where things are\n([^]*?)\n\| folder/.exec(readme) ?? [];
  const parts = [...section.matchAll(/^\| (`[^|]*`) *\|/gm)]
    .map(([, names]) => names!.split(", ").map((name) => partOf(name.replaceAll("`", ""))).at(-1));
  assertEquals(parts.toReversed(), [...parseLayers(layers).keys()]);
});

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

Deno.test("source: tasks that run the program give it the permissions and flags of the executable", () => {
  const flags = [V8_FLAGS, ...PERMISSIONS].map((flag) => flag.replace(/=(.*\*.*)/, "='$1'"));
  const run = ["deno", "run", ...flags].join(" ");
  assertEquals(deno.tasks.dev.command, `${run} main.ts`);
  assertEquals(deno.tasks.watch.command, `${run} --watch main.ts`);
});

Deno.test("PERMISSIONS covers every variable that the program reads", () => {
  const prefix = "--allow-env=";
  const names = PERMISSIONS.find((flag) => flag.startsWith(prefix))!.slice(prefix.length).split(
    ",",
  );
  const isCovered = (variable: string) =>
    names.some((name) =>
      name.endsWith("*") ? variable.startsWith(name.slice(0, -1)) : name === variable
    );
  assertEquals([...ENV_NAMES, ...STATE_ENV_NAMES].filter((name) => !isCovered(name)), []);
});

/** Lists every script of the repository below a folder. */
async function listScripts(folder = ""): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder || ".", ROOT))) {
    if (name.startsWith(".") || MADE.includes(name)) continue;
    if (isDirectory) paths.push(...await listScripts(`${folder}${name}/`));
    else if (/\.[jt]s$/.test(name)) paths.push(`${folder}${name}`);
  }
  return paths;
}

Deno.test("source: tests/support/ is all that the rest imports of tests/, and bench/ is imported by none", async () => {
  const apartOf = (path: string) => /^(?:tests\/support|tests|bench)(?=\/)/.exec(path)?.[0];
  const imports = await Promise.all((await listScripts()).map(async (file) => {
    const url = new URL(file, ROOT);
    const targets = (await Deno.readTextFile(url)).matchAll(/\b(?:from|import)[ (]+"(\.[^"]+)"/g);
    return [...targets].map(([, target]) => {
      const path = new URL(target!, url).href.slice(ROOT.href.length);
      return { row: `${file} imports ${path}`, from: apartOf(file), to: apartOf(path) };
    });
  }));
  const crossing = imports.flat().filter(({ from, to }) => to !== undefined && from !== to);
  assert(crossing.some(({ from, to }) => from === "bench" && to === "tests/support"));
  assertEquals(crossing.filter(({ to }) => to !== "tests/support").map(({ row }) => row), []);
});

Deno.test("source: CI and releases run the one version of Deno", async () => {
  const files = [".ci/run", ".github/workflows/release.yml"];
  const versions = await Promise.all(files.map(async (file) => {
    const text = await Deno.readTextFile(new URL(file, ROOT));
    return [...text.matchAll(/deno@[\d.]+/g)].map(([version]) => version);
  }));
  assertEquals(new Set(versions.flat()), new Set(["deno@2.9.6"]));
});

Deno.test("source: what is in page/ and sdk/ for browsers is embedded, and nothing else", async () => {
  const paths = ["/"];
  for (const folder of ["page/", "sdk/"]) {
    for await (const { name, isFile } of Deno.readDir(new URL(folder, ROOT))) {
      if (isFile && !name.endsWith(".ts") && name !== "jsconfig.json") {
        paths.push(`/${folder}${name}`);
      }
    }
  }
  assertEquals([...ASSETS.keys()].toSorted(), paths.toSorted());
});

Deno.test("source: the page is within its limit", async () => {
  listPageSizes(await measurePage());
});

Deno.test("measurePage() counts text as gzip, and other files as they are", async () => {
  const sizes = await measurePage();
  const icon = await Deno.stat(new URL("page/icon.png", ROOT));
  assertEquals(sizes.get("/page/icon.png"), icon.size);
  const style = await ASSETS.get("/page/style.css")!.represent();
  const [gzip] = style.filter(({ coding }) => coding === "gzip");
  assertEquals(sizes.get("/page/style.css"), gzip!.body.length);
  assertEquals([...sizes.keys()], [...ASSETS.keys()]);
});

Deno.test("listPageSizes() adds up sizes, and refuses one byte more than the limit", () => {
  const sizes = (bytes: number) => new Map([["/", 2], ["/page/a.png", bytes]]);
  assertEquals(
    listPageSizes(sizes(MAX_PAGE_BYTES - 2)).replaceAll(/ +/g, " "),
    " 2 /\n 32766 /page/a.png\n 32768 the page, at most 32768",
  );
  const error = assertThrows(() => listPageSizes(sizes(MAX_PAGE_BYTES - 1)), RangeError);
  assert(error.message.endsWith("expected at most 32768 bytes, received 32769"));
});

Deno.test("listPageSizes() counts each file that is loaded on demand by itself", () => {
  const sizes = (bytes: number) => new Map([["/page/save.js", bytes], ["/", MAX_PAGE_BYTES]]);
  const most = ON_DEMAND.get("/page/save.js")!;
  assert(
    listPageSizes(sizes(most)).replaceAll(/ +/g, " ")
      .endsWith(`\n ${most} /page/save.js, at most ${most}`),
  );
  const error = assertThrows(() => listPageSizes(sizes(most + 1)), RangeError);
  assert(error.message.endsWith(`expected at most ${most} bytes, received ${most + 1}`));
});

Deno.test("source: files on demand are the page's, and imported by none of its first files", async () => {
  for (const path of ON_DEMAND.keys()) {
    assert(ASSETS.has(path), path);
    const name = path.slice(path.lastIndexOf("/") + 1);
    for await (const file of Deno.readDir(new URL("page/", ROOT))) {
      if (!file.name.endsWith(".js") || ON_DEMAND.has(`/page/${file.name}`)) continue;
      const source = await Deno.readTextFile(new URL(`page/${file.name}`, ROOT));
      assert(!RegExp(`^import .*"\\./${name}"`, "m").test(source), `${file.name} imports ${name}`);
    }
  }
});
