// Installs other people's servers once, into a folder that git ignores, and describes how to start each. Used by
// bench/servers.ts. A server that this machine cannot run is `Unavailable`, with the reason for the report.
import { fileURLToPath } from "node:url";

/** Reports a server that this machine cannot run now. The benchmark continues without it and shows the reason. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}

/** An installed server, as `startProgram` starts it. */
export interface InstalledPeer {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly version: string;
}

/** A running server that speaks lines and was not started here. */
export interface ExternalPeer {
  readonly name: string;
  readonly hostname: string;
  readonly port: number;
  /** Path and query. */
  readonly path: string;
}

const SOURCE = new URL("peers/", import.meta.url);
const FOLDER = new URL("../dist/bench-peers/", import.meta.url);
const LOCK = "package-lock.json";
/** Copy of the lock file. It is written when all its packages are installed. */
const INSTALLED = "installed.json";
const INSTALL_TIMEOUT_MS = 180_000;
const MAX_NAME_LENGTH = 24;

const decoder = new TextDecoder();
let installing: Promise<void> | undefined;

/** Installs a server of bench/peers/ for Node. @throws {Unavailable} */
export async function findNodePeer(file: string, packageName: string): Promise<InstalledPeer> {
  await installOnce();
  const node = await run(["node", "--version"]);
  const version = `${packageName} ${await versionOf(packageName)} on Node ${node.slice(1)}`;
  return { command: ["node", file], cwd: fileURLToPath(FOLDER), version };
}

/** Installs the server of bench/peers/ for Bun. @throws {Unavailable} */
export async function findBunPeer(): Promise<InstalledPeer> {
  await installOnce();
  const packages = await Array.fromAsync(Deno.readDir(new URL("node_modules/@oven/", FOLDER)))
    .catch(() => []);
  const file = Deno.build.os === "windows" ? "bun.exe" : "bun";
  // Several may be installed, for a C library or a processor that this machine does not have. The plain one has the
  // shortest name, and is the fastest where it runs.
  const names = packages.map(({ name }) => name).sort((a, b) => a.length - b.length);
  for (const name of names) {
    const bun = fileURLToPath(new URL(`node_modules/@oven/${name}/bin/${file}`, FOLDER));
    const version = await run([bun, "--version"]).catch(() => undefined);
    if (!version) continue;
    return { command: [bun, "bun.js"], cwd: fileURLToPath(FOLDER), version: `Bun ${version}` };
  }
  throw new Unavailable(`Cannot start Bun: none for ${Deno.build.target}, received [${names}]`);
}

/**
 * Parses `NAME=URL`, the value of `--peer`.
 * @throws {TypeError}
 */
export function parsePeer(text: string): ExternalPeer {
  const fail = (reason: string) =>
    new TypeError(`Cannot parse flag "--peer": expected ${reason}, received "${text}"`);
  const at = text.indexOf("=");
  const name = text.slice(0, Math.max(at, 0)).trim();
  if (!name) throw fail("NAME=URL");
  if (name.length > MAX_NAME_LENGTH || /\p{C}/u.test(name)) {
    throw fail(`a name of at most ${MAX_NAME_LENGTH} characters that show`);
  }
  const address = text.slice(at + 1).trim();
  const url = URL.parse(address);
  if (!url || url.protocol !== "ws:") throw fail("a URL like ws://127.0.0.1:1234/ws");
  if (url.username || url.password || url.hash) throw fail("a URL without user and fragment");
  if (url.port === "0") throw fail("the port that it listens on");
  return {
    name,
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || 80),
    path: url.pathname + url.search,
  };
}

function installOnce(): Promise<void> {
  return installing ??= install();
}

async function install(): Promise<void> {
  await Deno.mkdir(FOLDER, { recursive: true });
  for await (const { name, isFile } of Deno.readDir(SOURCE)) {
    if (isFile) await Deno.copyFile(new URL(name, SOURCE), new URL(name, FOLDER));
  }
  const lock = await Deno.readTextFile(new URL(LOCK, SOURCE));
  const installed = await Deno.readTextFile(new URL(INSTALLED, FOLDER)).catch(() => "");
  if (installed === lock) return;
  const npm = Deno.build.os === "windows" ? "npm.cmd" : "npm";
  await run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]);
  await Deno.writeTextFile(new URL(INSTALLED, FOLDER), lock);
}

async function versionOf(packageName: string): Promise<string> {
  const file = new URL(`node_modules/${packageName}/package.json`, FOLDER);
  return JSON.parse(await Deno.readTextFile(file)).version;
}

/** Resolves with the output of a program. @throws {Unavailable} if it is missing, fails or takes too long */
async function run([command, ...args]: readonly string[]): Promise<string> {
  const unavailable = (reason: string) => new Unavailable(`Cannot run ${command}: ${reason}`);
  const signal = AbortSignal.timeout(INSTALL_TIMEOUT_MS);
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(command!, { args, cwd: FOLDER, signal }).output();
  } catch (error) {
    throw unavailable(error instanceof Deno.errors.NotFound ? "not installed" : String(error));
  }
  if (output.success) return decoder.decode(output.stdout).trim();
  if (signal.aborted) throw unavailable(`not done within ${INSTALL_TIMEOUT_MS / 1000} s`);
  const code = /^npm error code (\S+)/m.exec(decoder.decode(output.stderr))?.[1];
  throw unavailable(`"${args[0]}" failed with ${code ?? `exit code ${output.code}`}`);
}
