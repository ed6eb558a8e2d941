// The executable: compiled for real from a copy of the checkout, then run from an empty folder with that copy gone.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { compact, SOURCES, VERSION } from "../page/assets.ts";
import { completeDocument } from "../page/document.ts";
import { COMPILER_PACKAGE, extractDenort } from "./support/denort.ts";
import { JsonSocket } from "./support/json_socket.ts";
import { startProgram } from "./support/program.ts";
import { encodeFrame, OPCODE, RawSocket, upgradeRequest } from "./support/raw_socket.ts";
import { findRegistryObstacle } from "./support/registry.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** Why this machine cannot compile; empty when it can. */
async function findObstacle(): Promise<string> {
  if (Deno.build.target !== "x86_64-unknown-linux-gnu") return "the runtime is for Linux on x86-64";
  for (const command of ["npx", "git", "tar"]) {
    const found = await new Deno.Command(command, { args: ["--version"], stdout: "null" }).output()
      .then(({ success }) => success, () => false);
    if (!found) return `there is no ${command} here`;
  }
  return await findRegistryObstacle();
}

/** Compiles what git would hand out, and uncommitted changes with it, by the project's own task. */
async function compileCopy(workshop: string): Promise<string> {
  const copy = `${workshop}/checkout`;
  await Deno.mkdir(copy);
  const pack = 'git ls-files -co --exclude-standard -z | tar -c --null -T - | tar -x -C "$0"';
  await run("bash", ["-c", pack, copy], ROOT);
  const env = {
    DENORT_BIN: await extractDenort(workshop),
    DENO_TLS_CA_STORE: "system,mozilla",
    NO_COLOR: "1",
  };
  await run("npx", ["-y", COMPILER_PACKAGE, "task", "compile"], copy, env);
  return `${copy}/dist/confab`;
}

async function run(command: string, args: string[], cwd: string, env = {}): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd, env }).output();
  const decoder = new TextDecoder();
  assert(
    success,
    `${command} ${args.join(" ")}\n${decoder.decode(stdout)}${decoder.decode(stderr)}`,
  );
}

const obstacle = await findObstacle();

Deno.test({
  name: "executable: one file in an empty folder is the whole chat" +
    (obstacle && ` (ignored: ${obstacle})`),
  ignore: obstacle !== "",
  async fn(t) {
    const workshop = await Deno.makeTempDir({ prefix: "confab-workshop-" });
    const empty = await Deno.makeTempDir({ prefix: "confab-empty-" });
    try {
      await Deno.rename(await compileCopy(workshop), `${empty}/confab`);
      await Deno.remove(workshop, { recursive: true });
      await checkExecutable(t, empty);
    } finally {
      await Deno.remove(workshop, { recursive: true }).catch(() => {});
      await Deno.remove(empty, { recursive: true });
    }
  },
});

/** The files that one of the page's files links to or imports, as paths in the checkout. */
function findLinks(file: string, text: string): string[] {
  const pattern = file.endsWith(".js")
    ? /\b(?:from|import)[ (]?"(\.{1,2}\/[^"]+\.js)"/g // comments import types of .d.ts files, which stay here
    : /(?:src|href)(?:=|": )"([\w./]+\.\w+)"/g;
  return [...text.matchAll(pattern)].map(([, link]) =>
    new URL(link!, `file:///${file}`).pathname.slice(1)
  );
}

async function checkExecutable(t: Deno.TestContext, folder: string): Promise<void> {
  const command = [`${folder}/confab`];
  // As on somebody's machine: no checkout, no Deno, no environment, and only the folder to stand in.
  const args = ["-addr", "127.0.0.1:0"];
  const options = { command, cwd: folder, clearEnv: true, args, data: "./confab-data" };
  await using program = await startProgram(options);
  const url = `http://127.0.0.1:${program.port}`;
  const ask = async (path: string, init?: RequestInit) => {
    const response = await fetch(url + path, init);
    return { status: response.status, text: await response.text() };
  };

  await t.step("serves the page, its files, and what those import", async () => {
    const files = new Set(["home.html"]); // grows while it is walked
    for (const file of files) {
      const response = await fetch(`${url}/${file === "home.html" ? "" : file}`);
      const body = await response.bytes();
      assertEquals(response.status, 200, file);
      const path = ROOT + file.replace(`v/${VERSION}/`, "");
      if (file.endsWith(".png")) assertEquals(body, await Deno.readFile(path), file);
      else {
        const text = await Deno.readTextFile(path);
        const source = file === "home.html" ? completeDocument(text, VERSION, SOURCES) : text;
        assertEquals(new TextDecoder().decode(body), compact(source), file);
      }
      for (const linked of findLinks(file, new TextDecoder().decode(body))) files.add(linked);
    }
    for (const file of ["page/icon.png", "sdk/session.js"]) {
      assert(files.has(`v/${VERSION}/${file}`), file);
    }
  });

  await t.step("answers 405 and 404 as the seed does", async () => {
    assertEquals(await ask("/", { method: "POST" }), { status: 405, text: "Method not allowed\n" });
    assertEquals(await ask("/nope"), { status: 404, text: "Not found\n" });
  });

  await t.step("upgrades, chats, and refuses a foreign Origin", async () => {
    using ann = await RawSocket.open(program.port);
    using ben = await RawSocket.open(program.port);
    await ann.send("hello");
    assertEquals(await ann.readText(), "hello");
    await ben.send("hi\nthere");
    while ((await ben.readText()) !== "hi there");
    assertEquals(await ann.readText(), "hi there");
    await ben.send("x".repeat(16 * 1024 + 1));
    assertEquals((await ben.readClose()).code, 1009);
    const head = upgradeRequest(program.port, "/ws", ["Origin: http://evil.example"]);
    using foreign = await RawSocket.connect(program.port, head);
    assertStringIncludes(await foreign.readHead(), "HTTP/1.1 403");
  });

  await t.step("serves rooms, and their past, on confab.v1", async () => {
    const { socket: ann } = await JsonSocket.join(program.port, {
      path: "/r/kitchen/ws",
      name: "Ann",
    });
    ann.send({ type: "say", id: "1", text: "kept" });
    assertEquals((await ann.read("ack"))?.seq, 1);
    await ann[Symbol.asyncDispose]();
    const { socket: ben } = await JsonSocket.join(program.port, {
      path: "/r/kitchen/ws",
      name: "Ben",
    });
    assertEquals((await ben.read("entry"))?.text, "kept");
    await ben[Symbol.asyncDispose]();
  });

  await t.step("is its own client", async () => {
    const run = async (...args: string[]) => {
      const { code, stdout } = await new Deno.Command(`${folder}/confab`, {
        args,
        cwd: folder,
        clearEnv: true,
      }).output();
      return [code, new TextDecoder().decode(stdout)];
    };
    const room = `${url}/r/ops`;
    assertEquals(await run("send", room, "build green", "--name", "ci"), [0, ""]);
    const [code, text] = await run("export", room, "--format", "text");
    assertEquals(code, 0);
    assertStringIncludes(`${text}`, "Z ¶ ci#0000: build green\n");
    assertEquals(await run("health", url), [0, "ok\n"]);
    assertStringIncludes(`${(await run("completions", "bash"))[1]}`, "complete ");
    const [, held] = await run("backup", "copy.db");
    assertStringIncludes(`${held}`, "copy.db: ");
    await Deno.remove(`${folder}/copy.db`);
  });

  await t.step("tells its metrics", async () => {
    const { status, text } = await ask("/metrics");
    assertEquals(status, 200);
    assertStringIncludes(text, "\nconfab_rooms ");
  });

  await t.step(
    "says goodbye to SIGTERM and exits 0, having written its journal and nothing else",
    async () => {
      using ann = await RawSocket.open(program.port);
      await ann.send("joined");
      await ann.readText();
      program.kill("SIGTERM");
      assertEquals((await ann.readClose()).code, 1001);
      await ann.write(encodeFrame(OPCODE.close, Uint8Array.of(3, 233)));
      assertEquals((await program.status).code, 0);
      const written = (path: string) =>
        [...Deno.readDirSync(path)].map(({ name }) => name).toSorted();
      assertEquals(written(folder), ["confab", "confab-data"]);
      assertEquals(written(`${folder}/confab-data`), ["journal.db", "journal.lock"]);
    },
  );
}
