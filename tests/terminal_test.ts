// `confab chat` as people use it: on a terminal of its own, and in a pipe, with a server that dies and comes back.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { within } from "./support/deadline.ts";
import { JsonSocket } from "./support/json_socket.ts";
import { DENO_DIR, FROM_SOURCE, type Program, startProgram } from "./support/program.ts";
import { hasScript, PseudoTerminal } from "./support/pseudo_terminal.ts";

const ROOT = new URL("../", import.meta.url);
const RUN_MS = 30_000;
const ROOM = "/r/ops";

const obstacle = await hasScript() ? "" : "there is no script of util-linux on this machine";

/** A machine's worth: a folder for the journal, a home for each person, a port that stays the same. */
class Scene implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "confab-terminal-" });
  readonly port = findPort();
  #program: Program | undefined;

  get url(): string {
    return `http://127.0.0.1:${this.port}${ROOM}`;
  }

  async start(): Promise<Program> {
    const args = ["--addr", `127.0.0.1:${this.port}`];
    return this.#program = await startProgram({ data: `${this.folder}/data`, args });
  }

  /** As a power cut would. */
  async crash(): Promise<void> {
    this.#program!.kill("SIGKILL");
    await this.#program!.status;
  }

  async join(name: string): Promise<JsonSocket> {
    const wish = { name, path: `${ROOM}/ws`, history: 500 };
    return (await JsonSocket.join(this.port, wish)).socket;
  }

  open(...args: string[]): PseudoTerminal {
    const command = [...FROM_SOURCE, "chat", this.url, ...args];
    return new PseudoTerminal({ command, cwd: ROOT, env: this.env });
  }

  get env(): Record<string, string> {
    return { HOME: `${this.folder}/home`, XDG_STATE_HOME: "", NO_COLOR: "1", DENO_DIR };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program?.[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** One that is free, and stays so: nobody else binds to it in the meantime but by chance. */
function findPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Texts that are said in the room, in order, up to the last one. */
async function readTexts(socket: JsonSocket, last: string): Promise<string[]> {
  const texts: string[] = [];
  while (texts.at(-1) !== last) texts.push((await socket.read("entry"))!.text);
  return texts;
}

/** Waits until everybody has been told that these are there. */
async function seePeople(socket: JsonSocket, ...names: string[]): Promise<void> {
  for (let seen: string[] = []; seen.join() !== names.join();) {
    const { people } = (await socket.read("presence"))!;
    seen = (people as { name: string }[]).map(({ name }) => name).toSorted();
  }
}

function testOnTerminal(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: `terminal: ${name}` + (obstacle && ` (ignored: ${obstacle})`),
    ignore: obstacle !== "",
    fn,
  });
}

testOnTerminal("asks for a name, says and shows; what is written survives what comes", async () => {
  await using scene = new Scene();
  await scene.start();
  await using bob = await scene.join("Bob");
  bob.send({ type: "say", id: "1", text: "before" });
  await bob.read("ack");
  await using terminal = scene.open();
  await terminal.see(/\d\d:\d\d Bob#\w+: before\nYour name:/);
  await terminal.type("in\u200bvisible\r");
  await terminal.see(/! A name must have .*\nYour name:/);
  await terminal.type("Ann\r");
  await terminal.see(/-- your name is Ann --\n>/);
  await terminal.type("h");
  await bob.read("typing");
  await terminal.type("i\r//x\rhal");
  assertEquals(await readTexts(bob, "/x"), ["hi", "/x"]);
  await terminal.see(/\d\d:\d\d Ann#\w+: hi\n\d\d:\d\d Ann#\w+: \/x\n> hal$/);
  bob.send({ type: "say", id: "2", text: "in between", replyTo: 2 });
  await terminal.see(/Ann#\w+: \/x\n\d\d:\d\d Bob#\w+ \(to Ann#\w+\): in between\n> hal$/);
  await terminal.type("lo\r");
  assertEquals(await readTexts(bob, "hallo"), ["in between", "hallo"]);
  await terminal.type("/name Anna\r");
  await seePeople(bob, "Anna", "Bob");
  // What comes after it on one connection tells that it has come on the other.
  bob.send({ type: "say", id: "3", text: "hi Anna" });
  await terminal.see(/Bob#\w+: hi Anna/);
  await terminal.type("/who\r/nope\r");
  await terminal.see(/-- here: (Anna#\w+, Bob#\w+|Bob#\w+, Anna#\w+) --/);
  await terminal.see("! Unknown command. The commands are /name NEW,");
  await terminal.type("not said\x03");
  await terminal.see("[exit 0, restored]");
  assert(!terminal.screen.text.includes("not said"));
  await using again = scene.open();
  await again.see(/Bob#\w+: before\n.*Ann#\w+: hi\n[^]*Ann#\w+: hallo\n.*Bob#\w+: hi Anna\n>/);
  await again.type("\x04");
  await again.see("[exit 0, restored]");
});

testOnTerminal(
  "marks what a server that died has not got, and sends it once when it is back",
  async () => {
    await using scene = new Scene();
    await scene.start();
    await using terminal = scene.open("--name", "Ann");
    await terminal.see(/\n>/);
    await terminal.type("one\r");
    await terminal.see(/Ann#\w+: one\n>/);
    await scene.crash();
    await terminal.type("two\rthree\r");
    await terminal.see(/Ann#\w+: one\n… two\n… three\n>/);
    await terminal.see(/… three\n-- reconnecting in \d+ s --\n>/);
    await scene.start();
    await using bob = await scene.join("Bob");
    bob.send({ type: "say", id: "1", text: "meanwhile" });
    // With the prompt, which is drawn last, the screen is complete.
    const isSettled = (text: string) => /meanwhile[^…]*\n>$/.test(text) && !/…|reconn/.test(text);
    await terminal.until(({ text }) => isSettled(text), "everything in the log");
    const said = terminal.screen.lines.filter((line) => /^\d\d:\d\d /.test(line))
      .map((line) => line.slice(6).replace(/#\w+/, ""));
    assertEquals(said.toSorted(), ["Ann: one", "Ann: three", "Ann: two", "Bob: meanwhile"]);
    assert(said.indexOf("Ann: two") < said.indexOf("Ann: three"), said.join());
    bob.send({ type: "say", id: "2", text: "the end" });
    const texts = await readTexts(bob, "the end");
    assertEquals(texts.map((text) => `${text}`).toSorted(), [
      "meanwhile",
      "one",
      "the end",
      "three",
      "two",
    ]);
    await terminal.type("/quit\r");
    await terminal.see("[exit 0, restored]");
  },
);

testOnTerminal("leaves at once without a server, and sends the rest when it is back", async () => {
  await using scene = new Scene();
  await using terminal = scene.open("--name", "Ann");
  await terminal.see(`-- cannot reach Confab at http://127.0.0.1:${scene.port}/; retrying --`);
  await terminal.type("later\r");
  await terminal.see(/… later\n(-- connecting.*\n)?>/);
  await terminal.type("\x03");
  await terminal.see("1 message was not sent. It will be sent when you return.");
  await terminal.see("[exit 0, restored]");
  await using again = scene.open();
  await again.see(/… later\n(-- connecting.*\n)?>/);
  await again.type("\x03");
  await again.see("[exit 0, restored]");
  await scene.start();
  assertStringIncludes((await pipe(scene, "sooner\n")).stdout.replace(/#\w+/, ""), " Ann: later\n");
  await using bob = await scene.join("Bob");
  assertEquals(await readTexts(bob, "sooner"), ["later", "sooner"]);
});

testOnTerminal("shows what others say as it is, and obeys none of it", async () => {
  await using scene = new Scene();
  await scene.start();
  await using bob = await scene.join("Bob");
  await using terminal = scene.open("--name", "Ann");
  await terminal.see(/\n>/);
  const text = "a\x1b[2J\x1b]0;title\x07\x9b31m\u202eb\tc\r\n12:00 Ann: I am Ann\u2028";
  bob.send({ type: "say", id: "1", text });
  await bob.read("ack");
  bob.send({ type: "react", id: "2", ref: 1, emoji: "👍", on: true });
  await terminal.see(
    /\d\d:\d\d Bob#\w+: a\ufffd\[2J\ufffd\]0;title\ufffd\ufffd31m\ufffdb {4}c\n {6}12:00 Ann/,
  );
  await terminal.see(/Bob#\w+ 👍 "a\ufffd/);
  // deno-lint-ignore no-control-regex -- what a terminal obeys
  assertEquals(/\x1b\[2J|\x1b\]|\x07|[\x80-\x9f\u2028\u202e]/.test(terminal.screen.raw), false);
});

testOnTerminal(
  "gives the terminal back when a signal ends it, and does not start on a bad address",
  async () => {
    await using scene = new Scene();
    await using terminal = scene.open("--name", "Ann");
    await terminal.see(/\n>/);
    terminal.kill("SIGTERM");
    await terminal.see("[exit 0, restored]");
    const { code, stderr } = await runChat(scene, ["ftp://x/"]);
    assertEquals(code, 2);
    assertMatch(stderr, /^confab: Cannot parse URL: .*\n/);
  },
);

testOnTerminal("goes on when a server sends what is no confab.v1", async () => {
  await using scene = new Scene();
  const handler = (request: Request) => {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "confab.v1" });
    socket.onmessage = () => socket.send("no JSON");
    return response;
  };
  const options = { hostname: "127.0.0.1", port: scene.port, onListen: () => {} };
  await using _server = Deno.serve(options, handler);
  await using terminal = scene.open("--name", "Ann");
  await terminal.see("! Cannot read what the server sent (SyntaxError)");
  await terminal.type("hi\r");
  await terminal.see(/… hi\n[^]*>/);
  await terminal.type("\x03");
  await terminal.see("[exit 0, restored]");
});

testOnTerminal("asks what to do with a message that was refused", async () => {
  await using scene = new Scene();
  await scene.start();
  await using terminal = scene.open("--name", "Ann");
  await terminal.see(/\n>/);
  await terminal.type(`${"x".repeat(17_000)}\r`);
  await terminal.see(/! not sent: x{60}… \([^)]*\)\. \/retry or \/drop\n>/);
  await terminal.type("next\r/retry\r");
  await terminal.see(/Ann#\w+: next\n! not sent: x{60}/);
  await terminal.type("/drop\r/drop\r");
  await terminal.see(/Ann#\w+: next\n-- no failed messages --\n>/);
});

async function runChat(scene: Scene, args: string[], input = "", home = scene.env.HOME!) {
  const [command, ...before] = FROM_SOURCE;
  const child = new Deno.Command(command!, {
    args: [...before, "chat", ...args],
    cwd: ROOT,
    env: { ...scene.env, HOME: home },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  // It may not want to read it.
  const written = writer.write(new TextEncoder().encode(input)).then(() => writer.close())
    .catch(() => {});
  try {
    const { code, stdout, stderr } = await within(RUN_MS, "the end of a pipe", child.output());
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } finally {
    await written;
  }
}

function pipe(scene: Scene, input: string, ...args: string[]) {
  return runChat(scene, [scene.url, ...args], input);
}

Deno.test("chat in a pipe says each line, prints what comes, and ends when all is there", async () => {
  await using scene = new Scene();
  await scene.start();
  const lines = Array.from({ length: 200 }, (_, n) => `line ${n}`);
  const { code, stdout, stderr } = await pipe(
    scene,
    `${lines.join("\n")}\n\nlast`,
    "--name",
    "Ann",
  );
  assertEquals([code, stderr], [0, ""]);
  const said = [...lines, "last"];
  assertEquals(
    stdout.replaceAll(/^\d\d:\d\d (\w+)#\w+/gm, "$1"),
    said.map((text) => `Ann: ${text}\n`).join(""),
  );
  await using bob = await scene.join("Bob");
  assertEquals(await readTexts(bob, "last"), said);
});

Deno.test("chat in a pipe says what it is given although many messages of earlier runs have failed", async () => {
  await using scene = new Scene();
  await scene.start();
  const failed = Array.from({ length: 64 }, (_, n) => {
    const error = { code: "too_long", message: "Too long" };
    const message = { type: "say", id: `${n}`, text: "old", at: n + 1, state: "failed", error };
    return [`confab.outbox.ops.${n}`, JSON.stringify(message)];
  });
  const folder = `${scene.folder}/home/.local/state/confab`;
  await Deno.mkdir(folder, { recursive: true });
  const state = { [new URL("/", scene.url).href]: Object.fromEntries(failed) };
  await Deno.writeTextFile(`${folder}/chat.json`, JSON.stringify(state));
  const { code, stdout, stderr } = await pipe(scene, "new\n", "--name", "Ann");
  assertEquals([code, stdout.slice(6).replace(/#\w+/, ""), stderr], [0, "Ann: new\n", ""]);
  const kept = JSON.parse(await Deno.readTextFile(`${folder}/chat.json`));
  const { length } = Object.keys(kept[new URL("/", scene.url).href])
    .filter((key) => key.startsWith("confab.outbox."));
  assertEquals(length, 64, "they are for a terminal to settle");
});

Deno.test("chat without a home works, and says that it forgets", async () => {
  await using scene = new Scene();
  await scene.start();
  const args = [scene.url, "--name", "Ann"];
  const { code, stdout, stderr } = await runChat(scene, args, "hi\n", "");
  assertEquals([code, stdout.slice(6).replace(/#\w+/, "")], [0, "Ann: hi\n"]);
  assertMatch(stderr, /^Cannot save name and key: HOME is not set\n$/);
  await Deno.mkdir(scene.env.HOME!);
  await Deno.writeTextFile(`${scene.env.HOME}/.local`, "no folder");
  const refused = await runChat(scene, args, "hi\n");
  assertEquals(refused.code, 0);
  assertMatch(refused.stderr, /^Cannot save name, key and unsent messages to .*\n$/);
});

Deno.test("chat in a pipe has a name, or says why not; what is refused is named", async () => {
  await using scene = new Scene();
  await scene.start();
  const nobody = await pipe(scene, "hi\n");
  assertEquals([nobody.code, nobody.stdout], [1, ""]);
  assertEquals(nobody.stderr, "confab: Cannot chat without a name: add --name NAME\n");
  const bad = await pipe(scene, "hi\n", "--name", "\u200b");
  assertEquals([bad.code, bad.stdout], [1, ""]);
  assertMatch(bad.stderr, /^confab: A name must have .*\n$/);
  const long = await pipe(scene, `a\n${"x".repeat(20_000)}\nb\n`, "--name", "Ann");
  assertEquals(long.code, 1);
  assertMatch(long.stderr, /^! not sent: x{60}… \(The message is longer than allowed\)\n$/);
  await using bob = await scene.join("Bob");
  assertEquals(await readTexts(bob, "b"), ["a", "b"]);
  const state = await Deno.readTextFile(`${scene.folder}/home/.local/state/confab/chat.json`);
  assertMatch(state, /"confab.name": "Ann"/);
  assert(!state.includes("outbox"), "something waits");
});
