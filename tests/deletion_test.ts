// Tests that a deleted text is gone: from every representation, every export and every file of the data folder. The whole program.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { eventually } from "./support/until.ts";
import { JsonSocket, makeKey } from "./support/json_socket.ts";
import { type Program, runProgram, startProgram } from "./support/program.ts";

const OPERATOR_KEY = "the key of operators";

/** Texts that are deleted: said, edits, and by another author. */
const SECRETS = ["SECRET-a", "SECRET-b1", "SECRET-b2", "SECRET-b3", "SECRET-c", "SECRET-d"];

/** Sends a message, and returns its seq. */
async function post(url: string, who: string, body: object): Promise<number> {
  const headers = {
    "content-type": "application/json",
    ...who === "operator"
      ? { authorization: `Bearer ${OPERATOR_KEY}` }
      : { "confab-key": makeKey(who) },
  };
  const init = { method: "POST", headers, body: JSON.stringify({ name: who, ...body }) };
  const response = await fetch(url, init);
  const { seq } = await response.json();
  assertEquals(response.status, 201);
  return seq;
}

/** Reads a response; a stream up to the last message. */
async function read(url: string, accept: string): Promise<string> {
  const response = await fetch(url, { headers: { accept } });
  let text = "";
  for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (/stream|ndjson/.test(accept) && text.includes("the last one")) break;
    if (url.includes("follow") && text.includes("the last one")) break;
  }
  return text;
}

/** Reads everything that a server shows of the room, by the name of the representation. */
async function readAll({ port }: Program): Promise<Map<string, string>> {
  const url = `http://127.0.0.1:${port}/r/ops`;
  const shown = new Map<string, string>();
  const queries = [
    "?limit=500",
    "?after=0&limit=500",
    "?before=5",
    "?after=4",
    "?before=9&limit=3",
  ];
  for (const query of queries) {
    for (const accept of ["application/json", "text/plain"]) {
      shown.set(`${accept} ${query}`, await read(url + query, accept));
    }
  }
  for (const query of ["?history=500", "?after=0"]) {
    for (const accept of ["application/x-ndjson", "text/event-stream"]) {
      shown.set(`${accept} ${query}`, await read(url + query, accept));
    }
    shown.set(`follow ${query}`, await read(`${url}${query}&follow`, "text/plain"));
  }
  for (const hello of [{ history: 500 }, { after: 0 }]) {
    const { socket } = await JsonSocket.join(port, { name: "Eve", path: "/r/ops/ws", ...hello });
    await using eve = socket;
    const lines = [];
    do lines.push(await eve.read("entry")); while (lines.at(-1)!.text !== "the last one");
    eve.send({ type: "history", before: 100, limit: 500 });
    lines.push(await eve.read("page"));
    shown.set(`confab.v1 ${JSON.stringify(hello)}`, JSON.stringify(lines));
  }
  for (const format of ["ndjson", "json", "text"]) {
    const { code, stdout } = await runProgram(["export", url, "--format", format]);
    assertEquals(code, 0);
    shown.set(`export ${format}`, stdout);
  }
  return shown;
}

function checkGone(shown: ReadonlyMap<string, string>): void {
  for (const [name, text] of shown) assert(!text.includes("SECRET"), `${name}: ${text}`);
}

function readFiles(folder: string): Map<string, string> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  const decoder = new TextDecoder("latin1");
  return new Map(
    names.map((name) => [name, decoder.decode(Deno.readFileSync(`${folder}/${name}`))]),
  );
}

for (const transport of ["deno", "ws"]) {
  Deno.test(`deletion on transport ${transport} leaves no text in any representation, export or file, and posts it once`, async () => {
    const data = await Deno.makeTempDir({ prefix: "confab-deletion-" });
    const posts: string[] = [];
    await using receiver = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        posts.push(await request.text());
        return new Response();
      },
    );
    const hook = `http://127.0.0.1:${receiver.addr.port}/`;
    const options = {
      args: ["--addr", "127.0.0.1:0", "--transport", transport, "--hook", hook],
      env: { CONFAB_HOOK_SECRET: "a secret of two programs", CONFAB_OPERATOR_KEY: OPERATOR_KEY },
      data,
    };
    try {
      {
        await using program = await startProgram(options);
        const url = `http://127.0.0.1:${program.port}/r/ops`;
        const [a, b] = SECRETS;
        const first = await post(url, "Ann", { text: a, id: "a" });
        const second = await post(url, "Ann", { text: `${b} ${"long ".repeat(3000)}` });
        await post(url, "Ann", { type: "edit", ref: second, text: "SECRET-b2" });
        const third = await post(url, "Ben", { text: "SECRET-c" });
        await post(url, "Ben", { text: "an answer", replyTo: first });
        await post(url, "Ann", { type: "edit", ref: second, text: "SECRET-b3" });
        const socket =
          (await JsonSocket.join(program.port, { name: "Cat", path: "/r/ops/ws" })).socket;
        await using cat = socket;
        cat.send({ type: "say", id: "d", text: SECRETS[5] });
        const { seq: fourth } = (await cat.read("ack"))!;
        await eventually(() => posts.length >= 7);
        assertStringIncludes([...readFiles(data).values()].join(), "SECRET-b3");
        await post(url, "Ann", { type: "delete", ref: first });
        await post(url, "Ann", { type: "delete", ref: second });
        await post(url, "operator", { type: "delete", ref: third });
        cat.send({ type: "delete", id: "e", ref: fourth });
        await cat.read("ack");
        // The author was offline and has not heard of the deletion.
        await post(url, "Ann", { type: "edit", ref: first, text: "SECRET too late" });
        assertEquals(await post(url, "Ann", { text: a, id: "a" }), first);
        await post(url, "Ann", { text: "the last one" });
        await eventually(() => posts.length >= 13);
        const shown = await readAll(program);
        checkGone(shown);
        const entries = JSON.parse(shown.get("application/json ?limit=500")!).entries;
        assertEquals(
          entries.map(({ seq }: { seq: number }) => seq),
          entries.map((_: unknown, n: number) => n + 1),
        );
        const [{ from, at: _, ...rest }] = entries;
        assertEquals(rest, {
          type: "entry",
          seq: 1,
          id: "a",
          kind: "say",
          text: "",
          deleted: true,
        });
        assertEquals(from.name, "Ann");
        assertMatch(
          shown.get("text/plain ?limit=500")!,
          /^\S+ ¶ Ben#\w{6}: an answer\n\S+ ¶ Ann#\w{6}: the last one\n$/,
        );
        // The log is erased at once, or a little later where one erasure follows another.
        await eventually(() => ![...readFiles(data).values()].join().includes("SECRET"));
        const beside = await runProgram(["export", "ops", "--data", data]);
        checkGone(new Map([["export of the folder", beside.stdout]]));
        assertEquals(beside.stdout, shown.get("export ndjson"));
        program.kill("SIGTERM");
        await program.status;
      }
      checkGone(readFiles(data));
      await using again = await startProgram(options);
      checkGone(await readAll(again));
      checkGone(readFiles(data));
      const all = posts.join("\n");
      for (const secret of SECRETS) {
        assertEquals(all.split(`"${secret}`).length - 1, 1, `${secret} was posted`);
      }
    } finally {
      await Deno.remove(data, { recursive: true });
    }
  });
}
