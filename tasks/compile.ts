// `deno task compile [--target TRIPLE]` creates one executable in dist/, with the page inside and only the permissions that the
// program needs.
import { parseArgs } from "node:util";
import { listPageSizes, measurePage } from "./page_sizes.ts";

/** Targets of Deno's cross-compiler. */
const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];

/**
 * Permissions of the executable. The server revokes reading and writing files once its journal is open; with a certificate it
 * keeps reading. XDG_STATE_HOME, HOME and APPDATA locate the file of `confab chat`; `ws` reads the last two variables.
 */
const PERMISSIONS = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env=CONFAB_ADDR,CONFAB_CERT,CONFAB_KEY,CONFAB_HOST,CONFAB_BASE,CONFAB_DATA,CONFAB_KEEP,CONFAB_MAX_MESSAGE,CONFAB_QUEUE,CONFAB_STALL,CONFAB_PING,CONFAB_RATE,CONFAB_MAX_CONNECTIONS,CONFAB_PER_ADDRESS,CONFAB_TRUST_PROXY,CONFAB_JOURNAL,CONFAB_TRANSPORT,CONFAB_LOG_FORMAT,CONFAB_LOG_LEVEL,CONFAB_ALLOW_ORIGIN,CONFAB_HOOK,CONFAB_HOOK_SECRET_FILE,CONFAB_METRICS_TOKEN_FILE,CONFAB_PASSWORD_FILE,CONFAB_OPERATOR_FILE,CONFAB_HOOK_SECRET,CONFAB_METRICS_TOKEN,CONFAB_PASSWORD,CONFAB_OPERATOR_KEY,XDG_STATE_HOME,HOME,APPDATA,WS_NO_BUFFER_UTIL,WS_NO_UTF_8_VALIDATE",
  "--allow-sys=networkInterfaces",
];

/** Limits of the heap's growth between collections. With thousands of connections they halve the memory at the same speed. */
const HEAP = "--v8-flags=--max-semi-space-size=4,--heap-growing-percent=20";

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
    ...(await canLeaveOutUnused() ? ["--exclude-unused-npm"] : []),
    HEAP,
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

/** Resolves with whether Deno can leave out packages of the tests. Before 2.9 it embeds every package of the lock file. */
async function canLeaveOutUnused(): Promise<boolean> {
  const command = new Deno.Command(Deno.execPath(), { args: ["compile", "--help"] });
  const { stdout } = await command.output();
  return new TextDecoder().decode(stdout).includes("--exclude-unused-npm");
}

/** Checks that the executable starts: it does not if its runtime has another version than the compiler. */
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
