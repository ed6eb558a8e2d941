// `deno task compile [--target TRIPLE]` creates one executable in dist/, with the page inside and only the permissions that the
// program needs.
import { parseArgs } from "node:util";
import { listPageSizes, measurePage } from "./page_sizes.ts";
import { PERMISSIONS, V8_FLAGS } from "./permissions.ts";

/** Targets of Deno's cross-compiler. */
const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];

async function compile(target: string | undefined): Promise<void> {
  if (target && !TARGETS.includes(target)) {
    throw new TypeError(
      `Cannot compile for "${target}": expected one of\n  ${TARGETS.join("\n  ")}`,
    );
  }
  console.log(listPageSizes(await measurePage()));
  const output = `dist/confab${target ? `-${target}` : ""}`;
  await deno([
    "compile",
    "--output",
    output,
    ...(target ? ["--target", target] : []),
    V8_FLAGS,
    ...PERMISSIONS,
    "main.ts",
  ]);
  const file = Deno.build.os === "windows" || target?.includes("windows")
    ? `${output}.exe`
    : output;
  if (!target || target === Deno.build.target) await check(file);
  const { size } = await Deno.stat(file);
  console.log(`${file}: ${(size / 1024 / 1024).toFixed(1)} MiB`);
}

/** Runs the executable once. It does not start if its runtime is of another version than the compiler. */
async function check(file: string): Promise<void> {
  const { success } = await new Deno.Command(file, { args: ["--version"], stdout: "null" })
    .output();
  if (success) return;
  const runtime = Deno.env.get("DENORT_BIN");
  throw new Error(
    `Cannot run ${file}` +
      (runtime
        ? `: the runtime in DENORT_BIN, ${runtime}, may not fit Deno ${Deno.version.deno}`
        : ""),
  );
}

async function deno(args: string[]): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), { args }).spawn().status;
  if (!success) throw new Error(`Cannot compile: deno ${args[0]} failed, see above`);
}

if (import.meta.main) {
  try {
    const { values } = parseArgs({ args: Deno.args, options: { target: { type: "string" } } });
    await compile(values.target);
  } catch (error) {
    console.log((error as Error).message);
    Deno.exit(1);
  }
}
