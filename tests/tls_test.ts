// The whole program with a certificate, a name and a path of its own: what comes, what stays and what is refused.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { makeCertificate, trusting } from "./support/certificate.ts";
import { within } from "./support/deadline.ts";
import { eventually } from "./support/until.ts";
import { type Program, runProgram, startProgram } from "./support/program.ts";

const WAIT_MS = 20_000;

/** A folder with a certificate and its key that can be replaced, as whoever renews them does. */
async function makeFolder() {
  const path = await Deno.makeTempDir({ prefix: "confab-tls-" });
  const [cert, key] = [`${path}/cert.pem`, `${path}/key.pem`];
  return {
    key,
    args: ["--addr", "127.0.0.1:0", "--cert", cert, "--key", key],
    write: async (made: { cert?: string; key?: string }) => {
      if (made.cert !== undefined) await Deno.writeTextFile(cert, made.cert);
      if (made.key !== undefined) await Deno.writeTextFile(key, made.key);
    },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** Sends the signal and waits until the log says what became of it. */
async function hangUp(program: Program, event: string): Promise<void> {
  const seen = program.log().length;
  program.kill("SIGHUP");
  await eventually(() => program.log().slice(seen).includes(event));
}

const hasHangUp = Deno.build.os !== "windows";

/** node:https of Deno 2.6 keeps its certificate. */
const canRenew = hasHangUp && !Deno.version.deno.startsWith("2.6.");

Deno.test({
  name: "confab --cert: SIGHUP shows a new certificate, keeps what is open, and survives a bad one",
  ignore: !canRenew,
  async fn() {
    const [first, second] = await Promise.all([makeCertificate(), makeCertificate()]);
    await using folder = await makeFolder();
    await folder.write(first);
    await Deno.chmod(folder.key, 0o644);
    await using program = await startProgram({ args: folder.args });
    const url = `https://localhost:${program.port}/r/ops`;
    using client = trusting(first, second);
    using later = trusting(second);
    assertStringIncludes(program.output(), `https://127.0.0.1:${program.port}/`);

    const socket = new WebSocket(`wss://localhost:${program.port}/r/ops/ws`, { client });
    const ended = new Promise((resolve) => socket.onclose = resolve);
    await within(WAIT_MS, "a socket", new Promise((resolve) => socket.onopen = resolve));
    const heard = Promise.withResolvers<string>();
    socket.onmessage = ({ data }) => heard.resolve(data);

    await folder.write(second);
    await hangUp(program, "certificate renewed");
    await folder.write({ key: first.key });
    await hangUp(program, "they do not match");
    await folder.write({ cert: "" });
    await hangUp(program, "contains no PEM certificate");

    const response = await fetch(url, { client: later, method: "POST", body: "renewed" });
    assertEquals([response.status, (await response.json()).seq], [201, 1]);
    assertStringIncludes(await within(WAIT_MS, "what was said", heard.promise), "renewed");
    assertEquals(socket.readyState, WebSocket.OPEN);
    for (const { key } of [first, second]) assert(!program.log().includes(key.split("\n")[1]!));
    assertEquals(program.log().split("secret file is open to other users").length, 2, "once");
    assertStringIncludes(program.log(), folder.key);
    socket.close();
    await ended;

    // Nobody else gets the address.
    const again = ["--addr", `127.0.0.1:${program.port}`, ...folder.args.slice(2)];
    await folder.write(second);
    const { code, stderr } = await runProgram(again);
    assertEquals(code, 3, stderr);
  },
});

Deno.test("confab --cert ends with 5 and a sentence for a certificate that is of no use", async () => {
  await using folder = await makeFolder();
  const { code, stderr } = await runProgram(folder.args);
  assertEquals([code, stderr.split("\n").length], [5, 2]);
  assertStringIncludes(stderr, "confab: Cannot read certificate ");
});

Deno.test("confab --host --base: everything is below the path, for those who know the name", async () => {
  const env = { CONFAB_HOST: "localhost", CONFAB_BASE: "/chat" };
  await using program = await startProgram({ env });
  const root = `http://localhost:${program.port}`;
  assertStringIncludes(program.output(), `  Local    ${root}/chat/\n`);
  const status = async (url: string, init?: RequestInit) => {
    const response = await fetch(url, init);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await status(`${root}/chat/r/ops`, { method: "POST", body: "hello" }), 201);
  assertEquals(await status(`${root}/chat`), 200); // sent on to /chat/
  assertEquals(await status(`${root}/`), 404);
  assertEquals(await status(`http://127.0.0.1:${program.port}/chat/`), 421);
  assertEquals(await status(`http://127.0.0.1:${program.port}/healthz`), 200);
  const health = await runProgram(["health"], {
    env: { ...env, CONFAB_ADDR: `127.0.0.1:${program.port}` },
  });
  assertEquals([health.code, health.stdout], [0, "ok\n"]);
});
