// The server's output and its signals: a log that nobody reads, a full disk and a closed pipe stop nothing, and no client can
// fill a disk with the log.
import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { within } from "./support/deadline.ts";
import { FROM_SOURCE, startProgram } from "./support/program.ts";
import { eventually } from "./support/until.ts";

const ROOT = new URL("../", import.meta.url);
const IS_LINUX = Deno.build.os === "linux";

/** Fills a pipe to its last byte, whatever its size, without waiting for its reader. */
const fill = (fd: number) =>
  `dd if=/dev/zero of=/dev/fd/${fd} bs=4096 count=4096 oflag=nonblock 2>/dev/null`;

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Runs the server behind a line of the shell, in which it is `"$@"`. Resolves once it answers. */
async function startBehind(shell: string) {
  const port = freePort();
  const program = [...FROM_SOURCE, "--addr", `127.0.0.1:${port}`, "--journal", "memory"];
  const child = new Deno.Command("sh", {
    args: ["-c", shell, "sh", ...program],
    cwd: ROOT,
    env: { CONFAB_LOG_FORMAT: "text", CONFAB_RATE: "0", CONFAB_PER_ADDRESS: "0" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const get = async (path: string) => {
    const headers = { accept: "text/html" };
    const signal = AbortSignal.timeout(10_000);
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers, signal });
    await response.body?.cancel();
    return response.status;
  };
  let isEnded = false;
  child.status.then(() => isEnded = true);
  await eventually(async () => {
    assert(!isEnded, "the server has ended");
    return await get("/healthz").catch(() => 0) === 200;
  });
  return {
    get,
    /** Stops the server. Resolves to its exit code. */
    async stop() {
      child.kill("SIGTERM");
      return (await within(20_000, "the end of the server", child.status)).code;
    },
    /** Reads all that was written to standard error. */
    readLog: async () => {
      const text = await new Response(child.stderr).text();
      return text.replaceAll("\0", "");
    },
    async [Symbol.asyncDispose]() {
      if (!isEnded) child.kill("SIGKILL");
      await child.status;
      if (!child.stdout.locked) await child.stdout.cancel();
      if (!child.stderr.locked) await child.stderr.cancel();
    },
  };
}

/** Makes a pipe whose reader has ended, as 9. */
const ENDED = "f=$(mktemp -u); mkfifo $f; true <$f & exec 9>$f; rm $f; wait $!";

const OUTPUTS: Record<string, string> = {
  "a full disk for standard output": 'exec "$@" >/dev/full',
  "a full disk for the log": 'exec "$@" 2>/dev/full',
  "a full disk for both outputs": 'exec "$@" >/dev/full 2>&1',
  "closed outputs": 'exec "$@" >&- 2>&-',
  "a standard output whose reader has ended": `${ENDED}; exec "$@" >&9 9>&-`,
  "a log whose reader has ended": `${ENDED}; exec "$@" 2>&9 9>&-`,
  "outputs that nobody reads": `${fill(1)}; ${fill(2)}; exec "$@"`,
};

for (const [name, shell] of Object.entries(OUTPUTS)) {
  Deno.test({
    name: `confab: with ${name} it starts, serves and stops`,
    ignore: !IS_LINUX,
    async fn() {
      await using server = await startBehind(shell);
      for (let n = 0; n < 30; n++) assertEquals(await server.get(`/r/room${n}`), 200);
      assertEquals(await server.stop(), 0);
    },
  });
}

Deno.test({
  name: "confab: the lines of a log that nobody read come out once somebody reads",
  ignore: !IS_LINUX,
  async fn() {
    await using server = await startBehind(`${fill(2)}; exec "$@"`);
    await server.get("/r/late");
    const log = server.readLog();
    await server.get("/r/later");
    assertEquals(await server.stop(), 0);
    const text = await log;
    assertStringIncludes(text, 'info page path="/r/late"\n');
    assertStringIncludes(text, "info stopping\n");
  },
});

Deno.test({
  name: "confab: a signal that does not ask it to end does not end it",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using program = await startProgram();
    for (const signal of ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGPIPE"] as const) {
      program.kill(signal);
      const response = await fetch(`http://127.0.0.1:${program.port}/healthz`);
      await response.body?.cancel();
      assertEquals([signal, response.status], [signal, 200]);
    }
    program.kill("SIGTERM");
    assertEquals((await program.status).code, 0);
  },
});

Deno.test("confab: a flood of requests leaves a bounded log, with the number of all", async () => {
  await using program = await startProgram();
  const count = 1_000;
  const query = "A".repeat(7_000);
  const url = `http://127.0.0.1:${program.port}/?${query}`;
  const headers = { accept: "text/html" };
  for (let n = 0; n < count; n += 20) {
    const burst = Array.from({ length: 20 }, () => fetch(url, { headers }));
    await Promise.all(burst.map(async (response) => (await response).body?.cancel()));
  }
  program.kill("SIGTERM");
  await program.status;
  await eventually(() => program.log().includes('lines left out of="page"'));
  const log = program.log();
  const written = log.match(/ info page path="\/"\n/g)!.length;
  const leftOut = [...log.matchAll(/ info lines left out of="page" count=(\d+)\n/g)]
    .reduce((sum, [, count]) => sum + Number(count), 0);
  assertEquals(written + leftOut, count);
  console.log(`${count} requests with a query of 7 KB left ${log.length} bytes of log`);
  assertLess(log.length, 16 * 1024);
});
