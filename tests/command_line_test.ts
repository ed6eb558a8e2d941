// The command line, as people use it: every command is a process of its own, against a real server. Loopback only.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { eventually } from "./support/until.ts";
import { FROM_SOURCE, runProgram, startCommand, startProgram } from "./support/program.ts";
import { hasScript, PseudoTerminal } from "./support/pseudo_terminal.ts";

const roomUrl = (port: number, room = "ops") => `http://127.0.0.1:${port}/r/${room}`;

/** What is said in a room, with how often. */
async function post(url: string, count: number, text = "message"): Promise<void> {
  for (let n = 1; n <= count; n++) {
    const response = await fetch(url, { method: "POST", body: `${text} ${n}` });
    await response.body?.cancel();
    assertEquals(response.status, 201);
  }
}

/** The texts of JSON lines. */
function textsOf(lines: string): string[] {
  return lines.split("\n").slice(0, -1).map((line) => JSON.parse(line).text);
}

/** A server that is no Confab, or a bad one. Disposing it ends it. */
function serveOther(handler: Deno.ServeHandler) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  return {
    url: roomUrl(server.addr.port),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const ROOT = new URL("../", import.meta.url);
const noTerminal = await hasScript()
  ? ""
  : " (ignored: there is no script of util-linux on this machine)";

Deno.test("confab: the first lines say where it is and what to try, without colours off a terminal", async () => {
  await using program = await startProgram();
  await eventually(() => program.output().includes("--help for options\n"));
  const url = `http://127.0.0.1:${program.port}/`;
  assertMatch(program.output(), /^confab \d+\.\d+\.\d+ {3}ready in \d+ ms\n\n {2}Local {4}http/);
  assertStringIncludes(program.output(), `  Local    ${url}\n`);
  assertStringIncludes(
    program.output(),
    "  Anyone who can reach this address can join. Lock it with",
  );
  assertStringIncludes(program.output(), "  Ctrl-C to stop, --help for options\n");
  assert(!program.output().includes("\x1b"));
  const tip = /^ {2}Try {3}curl -d "(\w+)" (\S+)$/m.exec(program.output())!;
  // As curl sends it.
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const response = await fetch(tip[2]!, { method: "POST", headers, body: tip[1]! });
  assertEquals([response.status, (await response.json()).seq], [201, 1]);
});

Deno.test({
  name: "confab --qr: a terminal gets a code, colours and a log of text" + noTerminal,
  ignore: noTerminal !== "",
  async fn() {
    const args = ["--addr", "127.0.0.1:0", "--journal", "memory", "--qr"];
    const command = [...FROM_SOURCE, ...args];
    for (const NO_COLOR of ["", "1"]) {
      await using terminal = new PseudoTerminal({ command, cwd: ROOT, env: { NO_COLOR } });
      await terminal.see("--help for options");
      const { screen } = terminal;
      assertEquals(screen.lines.filter((line) => /^ {2}[ ▀▄█]{29}$/.test(line)).length, 15);
      assertEquals(screen.raw.includes("\x1b[0m"), NO_COLOR === "");
      await terminal.type("\x03");
      await terminal.see(/Z info stopping\n[^]*\[exit 0, restored\]/);
    }
  },
});

Deno.test("confab: off a terminal the log is JSON, one object a line", async () => {
  await using program = await startProgram({ env: { CONFAB_LOG_FORMAT: "" } });
  const url = `http://127.0.0.1:${program.port}/r/ops?invite=secret&q=%0a%22`;
  await (await fetch(url, { headers: { accept: "text/html" } })).body?.cancel();
  await eventually(() => program.log().includes("\n"));
  const { time, ...rest } = JSON.parse(program.log());
  assertEquals(rest, { level: "info", event: "page", path: "/r/ops" });
  assert(Date.now() - Date.parse(time) < 60_000);
});

Deno.test("confab: --prot and sned are answered with what was meant, exit 2", async () => {
  const flag = await runProgram(["--prot", "9000"]);
  assertEquals([flag.code, flag.stdout], [2, ""]);
  assertStringIncludes(flag.stderr, 'Did you mean "--addr HOST:PORT"?\nRun confab --help');
  const command = await runProgram(["send", "localhost:1", "hi", "--nam", "Ann"]);
  assertEquals([command.code, command.stdout], [2, ""]);
  assertStringIncludes(command.stderr, 'Did you mean "--name"?\nRun confab send --help for');
});

Deno.test("confab send: a text, standard input, or a message for each of its lines", async () => {
  await using program = await startProgram();
  const url = roomUrl(program.port);
  const runs: [string[], string][] = [
    [["hello there", "--name", "Ann"], ""],
    [["-"], "two\nlines\n"],
    [[], "no line break"],
    [["--lines"], "first\r\n\n  \nsecond\nthird"],
    [["--", "-5"], ""],
    [["once", "--id", '日本 "7"'], ""],
    [["once", "--id", '日本 "7"'], ""],
  ];
  for (const [args, input] of runs) {
    const run = await runProgram(["send", url, ...args], { input });
    assertEquals(run, { code: 0, stdout: "", stderr: "" }, args.join(" "));
  }
  const { entries } = await (await fetch(url, { headers: { accept: "application/json" } })).json();
  assertEquals(entries.map(({ text }: { text: string }) => text), [
    "hello there",
    "two\nlines",
    "no line break",
    "first",
    "second",
    "third",
    "-5",
    "once",
  ]);
  assertEquals(entries[0].from.name, "Ann");
});

Deno.test("confab send: what is refused is one sentence, exit 1, and shows nothing of the message", async () => {
  await using program = await startProgram();
  const url = roomUrl(program.port);
  const long = "secret ".repeat(3_000);
  const runs: [string[], string, string][] = [
    [["secret", "--name", "x".repeat(33)], "", "A name must have 1 to 32 characters"],
    [[], " \n", 'Cannot read "text"'],
    [[], long, "longer than"],
    [["--lines"], `a\n${long}\nb\n`, "Line 2 is skipped"],
  ];
  for (const [args, input, reason] of runs) {
    const { code, stdout, stderr } = await runProgram(["send", url, ...args], { input });
    assertEquals([code, stdout], [1, ""], stderr);
    assertEquals(stderr.split("\n").length, 2, stderr);
    assert(stderr.startsWith("confab: ") && stderr.includes(reason), stderr);
    assert(!stderr.includes("secret"), stderr);
  }
  const { stdout } = await runProgram(["export", url]);
  assertEquals(textsOf(stdout), ["a", "b"], "the other lines arrive");
});

Deno.test("confab send: waits for a server that is just starting, and stores the message once", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const sent = runProgram(["send", roomUrl(port), "early"]);
  await using _program = await startProgram({ args: ["--addr", `127.0.0.1:${port}`] });
  assertEquals(await sent, { code: 0, stdout: "", stderr: "" });
  assertEquals(textsOf((await runProgram(["export", roomUrl(port)])).stdout), ["early"]);
});

Deno.test("confab send --lines: waits for a server that is away, and says so once", async () => {
  const said: string[] = [];
  let count = 0;
  await using server = serveOther(async (request) => {
    if (++count === 2 || count === 3) return new Response("busy", { status: 503 });
    said.push((await request.json()).text);
    return Response.json({ seq: said.length }, { status: 201 });
  });
  const input = "one\ntwo\nthree\n";
  const { code, stderr } = await runProgram(["send", server.url, "--lines"], { input });
  assertEquals([code, said], [0, ["one", "two", "three"]]);
  assertMatch(stderr, /^confab: Cannot [^\n]+ \(retrying\)\nconfab: Connected\n$/);
});

Deno.test({
  name: "confab send: tells at a terminal how the text ends" + noTerminal,
  ignore: noTerminal !== "",
  async fn() {
    await using program = await startProgram();
    const url = roomUrl(program.port);
    const command = [...FROM_SOURCE, "send", url];
    await using terminal = new PseudoTerminal({ command, cwd: ROOT, env: { NO_COLOR: "1" } });
    await terminal.see("confab: Reading until Ctrl-D");
    await terminal.type("typed\r\x04");
    await terminal.see("[exit 0, restored]");
    assertMatch(await (await fetch(url)).text(), / typed\n$/);
  },
});

Deno.test("confab tail: prints everything once and in order, over a kill -9 and a new start", async () => {
  const data = await Deno.makeTempDir({ prefix: "confab-data-" });
  try {
    const first = await startProgram({ data });
    const url = roomUrl(first.port);
    await using tail = startCommand(["tail", url]);
    const lines = () => tail.output().split("\n").slice(0, -1);
    try {
      await post(url, 12, "before");
      await eventually(() => lines().at(-1)?.endsWith(" before 12") ?? false);
    } finally {
      first.kill("SIGKILL");
      await first[Symbol.asyncDispose]();
    }
    const args = ["--addr", `127.0.0.1:${first.port}`];
    await using _second = await startProgram({ args, data });
    await post(url, 30, "after");
    await eventually(() => lines().at(-1)?.endsWith(" after 30") ?? false);
    const texts = lines().map((line) => line.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ /, ""));
    const count = (text: string, from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, n) => `${text} ${from + n}`);
    const begun = Number(texts[0]!.slice("before ".length));
    assertEquals(texts, [...count("before", begun, 12), ...count("after", 1, 30)]);
    assertMatch(tail.log(), /^confab: Cannot [^\n]+ \(retrying\)\nconfab: Connected\n$/);
    tail.kill("SIGINT");
    assertEquals((await tail.status).code, 0);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("confab tail: begins where it is told, tells what is gone, and shows names", async () => {
  await using program = await startProgram({ args: ["--addr", "127.0.0.1:0", "--keep", "5"] });
  const url = roomUrl(program.port);
  await post(url, 300);
  await runProgram(["send", url, "the end", "--name", "Ann"]);
  await using all = startCommand(["tail", url, "--since", "0"]);
  await using some = startCommand(["tail", url, "--since", "299", "--json"]);
  await eventually(() => all.output().includes("the end") && some.output().includes("the end"));
  const [gap, entry] = all.output().split("\n");
  const count = Number(/^¶ -- (\d+) \w+ are no longer kept --$/.exec(gap!)?.[1]);
  assert(count > 200, gap);
  assertMatch(entry!, new RegExp(` message ${count + 1}$`));
  assertMatch(all.output(), /Z ¶ Ann#\w+: the end\n$/);
  assertEquals(textsOf(some.output()), ["message 300", "the end"]);
  await using beyond = startCommand(["tail", url, "--since", "999"]);
  await eventually(() => beyond.output().includes("the end"));
  assertEquals(beyond.log(), "confab: The room has no message 999: starting over\n");
});

Deno.test("confab tail: nothing that others say steers the terminal or forges a line", async () => {
  await using program = await startProgram();
  const url = roomUrl(program.port);
  const text = "\x1b[2J\x9b2J\r\x07\n2026-01-01T00:00:00Z Ann: forged\u2028\u202e";
  const input = JSON.stringify({ text, name: "Ann" });
  const headers = { "content-type": "application/json" };
  await (await fetch(url, { method: "POST", headers, body: input })).body?.cancel();
  await using plain = startCommand(["tail", url]);
  await using json = startCommand(["tail", url, "--json"]);
  await eventually(() => plain.output().endsWith("\n") && json.output().endsWith("\n"));
  for (const { output } of [plain, json]) {
    assertEquals(output().split("\n").length, 2, "one line");
    // deno-lint-ignore no-control-regex -- these are what must not be there
    assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]/.test(output()), output());
  }
  assertEquals(textsOf(json.output()), [text.replace("\r", "\n")]);
});

Deno.test("confab tail: ends quietly when nobody reads any more", async () => {
  await using program = await startProgram();
  const url = roomUrl(program.port);
  await post(url, 3);
  const line = [...FROM_SOURCE, "tail", url].map((word) => `'${word}'`).join(" ");
  const script = `${line} | head -n 1; exit "\${PIPESTATUS[0]}"`;
  const pipe = new Deno.Command("bash", {
    args: ["-c", script],
    cwd: ROOT,
  }).output();
  let isOver = false;
  pipe.finally(() => isOver = true);
  await eventually(async () => { // what it writes next tells it
    await post(url, 1);
    return isOver;
  });
  const { code, stdout, stderr } = await pipe;
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  assertEquals(new TextDecoder().decode(stdout).split("\n").length, 2);
});

Deno.test("confab tail: what is no room is one sentence, exit 1; what is no address, exit 2", async () => {
  await using other = serveOther(() =>
    new Response("<html>", { headers: { "content-type": "text/html" } })
  );
  const { code, stderr } = await runProgram(["tail", other.url]);
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^confab: Cannot use http\S+: the server responded with text\/html\. Is it [^\n]+\n$/,
  );
  assertEquals((await runProgram(["tail", "ftp://127.0.0.1/"])).code, 2);
});

Deno.test("confab tail and export: an entry that is none is one sentence, exit 1", async () => {
  const entry = { type: "entry", seq: 1, kind: "say", from: { name: "", tag: "" }, at: "now" };
  await using other = serveOther(({ headers }) => {
    const type = headers.get("accept")!;
    const body = type === "application/json" ? { head: 1, entries: [entry] } : entry;
    return new Response(`${JSON.stringify(body)}\n`, { headers: { "content-type": type } });
  });
  for (const command of ["tail", "export"]) {
    const { code, stdout, stderr } = await runProgram([command, other.url]);
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr, /^confab: Cannot read the response: it is not an entry\. [^\n]+\n$/);
  }
});

Deno.test("confab export: the same from a server and from its journal, in every format", async () => {
  const data = await Deno.makeTempDir({ prefix: "confab-data-" });
  try {
    const program = await startProgram({ data });
    const url = roomUrl(program.port);
    const input = Array.from({ length: 1_100 }, (_, n) => `line ${n + 1}`).join("\n");
    const formats = ["ndjson", "json", "text"];
    const served: string[] = [];
    try {
      assertEquals(
        (await runProgram(["send", url, "--lines", "--name", "Ann"], { input })).code,
        0,
      );
      for (const format of formats) {
        const { code, stdout } = await runProgram(["export", url, "--format", format]);
        assertEquals(code, 0);
        served.push(stdout);
      }
      const beside = await runProgram(["export", "ops", "--data", data]);
      assertEquals(beside, { code: 0, stdout: served[0], stderr: "" });
      const empty = await runProgram(["export", roomUrl(program.port, "empty")]);
      assertEquals(empty, { code: 0, stdout: "", stderr: "" });
    } finally {
      program.kill("SIGKILL");
      await program[Symbol.asyncDispose]();
    }
    assertEquals(textsOf(served[0]!).join("\n"), input);
    assertEquals(JSON.parse(served[1]!).map(({ seq }: { seq: number }) => seq).at(-1), 1_100);
    assertMatch(served[2]!, /^\S+Z ¶ Ann#\w+: line 1\n/);
    for (const [i, format] of formats.entries()) {
      const { code, stdout } = await runProgram(["export", "ops", "--format", format], {
        env: { CONFAB_DATA: data },
      });
      assertEquals([code, stdout === served[i]], [0, true], format);
    }
    const none = await runProgram(["export", "other", "--data", data]);
    assertEquals([none.code, none.stdout], [1, ""]);
    assertStringIncludes(none.stderr, 'Cannot export "other": the journal has no messages');
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("confab export: writes nothing of what is no room, and is led nowhere else", async () => {
  await using page = serveOther(() =>
    new Response("<html>", { headers: { "content-type": "text/html" } })
  );
  const { code, stdout, stderr } = await runProgram(["export", page.url, "--format", "json"]);
  assertEquals([code, stdout], [1, ""]);
  assertMatch(
    stderr,
    /^confab: Cannot use http\S+: the server responded with text\/html\. Is it [^\n]+\n$/,
  );
  await using leading = serveOther((request) => {
    const seq = Number(new URL(request.url).searchParams.get("after")) + 1;
    const entry = { type: "entry", seq, kind: "say", from: { name: "", tag: "" }, at: 0 };
    const headers = { link: '<http://127.0.0.1:1/>; rel="next"' };
    return Response.json({ head: 3, entries: [entry], more: seq < 3 }, { headers });
  });
  const led = await runProgram(["export", leading.url, "--format", "json"]);
  assertEquals([led.code, led.stderr], [0, ""]);
  assertEquals(JSON.parse(led.stdout).map(({ seq }: { seq: number }) => seq), [1, 2, 3]);
});

Deno.test("confab export: makes no journal where there is none, exit 4", async () => {
  const folder = await Deno.makeTempDir({ prefix: "confab-data-" });
  try {
    for (const data of [folder, `${folder}/missing`]) {
      const { code, stdout, stderr } = await runProgram(["export", "ops", "--data", data]);
      assertEquals([code, stdout], [4, ""]);
      assertStringIncludes(stderr, "it contains no journal");
    }
    assertEquals([...Deno.readDirSync(folder)], []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("confab health: ok and 0, or why not and 1", async () => {
  const program = await startProgram();
  const url = `http://127.0.0.1:${program.port}/`;
  try {
    const well = { code: 0, stdout: "ok\n", stderr: "" };
    assertEquals(await runProgram(["health", url]), well);
    const env = { CONFAB_ADDR: `127.0.0.1:${program.port}` };
    assertEquals(await runProgram(["health"], { env }), well);
  } finally {
    program.kill("SIGKILL");
    await program[Symbol.asyncDispose]();
  }
  const { code, stdout, stderr } = await runProgram(["health", url]);
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^confab: Cannot reach \S+: connection refused\.[^\n]+\n$/);
  const debug = await runProgram(["health", url, "--debug"]);
  assertStringIncludes(debug.stderr, "request.ts:");
});
