// The example client, which imports nothing of the project: that it works shows that docs/protocol.md is enough.
import { assert, assertEquals } from "@std/assert";
import { JsonSocket } from "./support/json_socket.ts";
import { startProgram } from "./support/program.ts";

const FILE = "examples/client.js";

/** The client as a process, and what it prints. */
class ExampleClient implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #ended: Promise<void>;
  #text = "";
  #onText = () => {};

  constructor(port: number, name: string) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-net", FILE, `ws://127.0.0.1:${port}/ws`, name],
      cwd: new URL("../", import.meta.url),
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#ended = this.#gather();
  }

  async #gather(): Promise<void> {
    for await (const part of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      this.#text += part;
      this.#onText();
    }
  }

  type(line: string): Promise<void> {
    return this.#writer.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Everything that it has printed, once that ends so. */
  async read(last: string): Promise<string[]> {
    while (!this.#text.endsWith(`${last}\n`)) {
      await new Promise<void>((resolve) => this.#onText = resolve);
    }
    return this.#text.trim().split("\n");
  }

  /** Ends its input, which ends it, unless it has ended by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await Promise.all([this.#child.status, this.#ended]);
  }
}

Deno.test("example: joins, says, and resumes over a restart; what was typed meanwhile arrives once", async () => {
  const data = await Deno.makeTempDir({ prefix: "confab-example-" });
  const first = await startProgram({ data });
  const { port } = first;
  await using ann = new ExampleClient(port, "Ann");
  await ann.type("hello");
  await ann.read("1 Ann: hello");
  first.kill("SIGKILL");
  await first[Symbol.asyncDispose]();
  await ann.type("are you there?");
  await using _second = await startProgram({ args: ["--addr", `127.0.0.1:${port}`], data });
  await ann.read("2 Ann: are you there?");
  const { socket: ben } = await JsonSocket.join(port, { name: "Ben" });
  ben.send({ type: "say", id: "1", text: "yes" });
  await ben.read("ack");
  await ben[Symbol.asyncDispose]();
  assertEquals(await ann.read("3 Ben: yes"), [
    "1 Ann: hello",
    "2 Ann: are you there?",
    "3 Ben: yes",
  ]);
  await Deno.remove(data, { recursive: true }).catch(() => {});
});

Deno.test("example: imports nothing of the project and has 60 lines", async () => {
  const text = await Deno.readTextFile(new URL(`../${FILE}`, import.meta.url));
  const imports = [...text.matchAll(/^import .* from "(.*)";$/gm)].map(([, from]) => from);
  assertEquals(imports, ["node:process", "node:readline"]);
  const code = text.split("\n").filter((line) =>
    line.trim() !== "" && !/^\s*(\/\/|\/\*)/.test(line)
  );
  assert(code.length <= 60, `${code.length} lines`);
});
