// Tests that a deleted text is gone: from every representation, every export and every file of the data folder. The whole program.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { parse } from "yaml";
import { eventually } from "./support/until.ts";
import { JsonSocket, makeKey } from "./support/json_socket.ts";
import { RawSocket } from "./support/raw_socket.ts";
import { type Program, runProgram, startProgram } from "./support/program.ts";

const OPERATOR_KEY = "the key of operators";

/** Texts that are deleted: sent in every way, edits, and by other authors. */
const SECRETS = [..."a b1 b2 b3 c d lines slack keyless".split(" ")].map((name) =>
  `SECRET-${name}`
);

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

function isStream(accept: string, query: string): boolean {
  return /stream|ndjson/.test(accept) || accept === "text/plain" && /[?&]follow/.test(query);
}

/** Reads a response; a stream up to the last message. */
async function read(url: string, headers: Record<string, string>): Promise<string> {
  const response = await fetch(url, { headers });
  assertEquals(response.status, 200, url);
  const isLive = isStream(headers["accept"]!, url);
  let text = "";
  for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (isLive && text.includes("the last one")) break;
  }
  return text;
}

/** Queries that together name every parameter of a GET. */
const QUERIES = [
  ...["limit=500", "after=0&limit=500", "before=5", "after=4", "before=9&limit=3"],
  ...["history=500", "history=500&follow", "after=0&follow", "after=0&most=500&epoch=EPOCH"],
  ...["after=0&most=8", "history=500&name=Eve&follow"],
];

/** Media types and parameters of a GET of a room, as the document of the interface lists them. */
const { parameters, responses } = parse(
  await Deno.readTextFile(new URL("../docs/openapi.yaml", import.meta.url)),
).paths["/r/{room}"].get;
const MEDIA_TYPES = Object.keys(responses["200"].content);

/** Reads everything that a server shows of the room, by the name of the representation. */
async function readAll({ port }: Program): Promise<Map<string, string>> {
  const url = `http://127.0.0.1:${port}/r/ops`;
  const shown = new Map<string, string>();
  const { epoch } = JSON.parse(await read(url, { accept: "application/json" }));
  const reads: [string, Record<string, string>][] = [];
  for (const accept of MEDIA_TYPES) {
    for (const query of QUERIES) {
      const isLive = isStream(accept, query);
      if (isLive && !/history|after=0/.test(query)) continue; // it would wait for the next message
      reads.push([`?${query.replace("EPOCH", epoch)}`, { accept }]);
    }
    reads.push(["?history=500", { accept, "last-event-id": "0" }]);
    reads.push(["?history=500", { accept, "last-event-id": "3" }]);
    reads.push(["?history=500", { accept, "accept-encoding": "gzip" }]);
  }
  await Promise.all(reads.map(async ([query, headers]) => {
    const text = await read(url + query, headers);
    shown.set([query, ...Object.values(headers)].join(" "), text);
  }));
  const hellos = [{ history: 500 }, { after: 0 }, { after: 0, epoch, most: 500 }, {
    after: 3,
    epoch,
  }];
  for (const hello of hellos) {
    const { socket } = await JsonSocket.join(port, { name: "Eve", path: "/r/ops/ws", ...hello });
    await using eve = socket;
    const lines = [];
    do lines.push(await eve.read("entry")); while (lines.at(-1)!.text !== "the last one");
    for (const before of [100, 9, 5, 3, 2]) {
      eve.send({ type: "history", before, limit: 500 });
      lines.push(await eve.read("page"));
    }
    shown.set(`confab.v1 ${JSON.stringify(hello)}`, JSON.stringify(lines));
  }
  return shown;
}

/** Returns what an export of the room shows, from the server at the URL or from a folder, by the name of the format. */
async function exportAll(source: string[], formats = ["ndjson", "json", "text"]) {
  const shown = new Map<string, string>();
  await Promise.all(formats.map(async (format) => {
    const { code, stdout } = await runProgram(["export", ...source, "--format", format]);
    assertEquals(code, 0);
    shown.set(`export ${format}`, stdout);
  }));
  return shown;
}

Deno.test("deletion: the queries of these tests name every parameter of a GET", () => {
  const names = new Set(QUERIES.flatMap((query) => [...new URLSearchParams(query).keys()]));
  const documented = parameters.map(({ name }: { name: string }) => name);
  // Two are headers.
  assertEquals(new Set(documented).difference(names), new Set([undefined, "Last-Event-ID"]));
  assertEquals(MEDIA_TYPES.length, 5);
});

function checkGone(shown: ReadonlyMap<string, string>): void {
  for (const [name, text] of shown) assert(!text.includes("SECRET"), `${name}: ${text}`);
}

function readFiles(folder: string): Map<string, string> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  return new Map(names.map((name) => [name, decodeFile(`${folder}/${name}`)]));
}

function decodeFile(path: string): string {
  return new TextDecoder("latin1").decode(Deno.readFileSync(path));
}

/** Stores a backup, restores it, and returns everything that the folder and its exports show. */
async function backUp(data: string, scratch: string): Promise<Map<string, string>> {
  const [file, folder] = [`${scratch}/backup.db`, `${scratch}/restored`];
  for (const args of [["backup", file, "--data", data], ["restore", file, "--data", folder]]) {
    const { code, stderr } = await runProgram(args);
    assertEquals(code, 0, stderr);
  }
  const exported = await exportAll(["ops", "--data", folder], ["ndjson"]);
  const files = [...readFiles(folder), ["backup", decodeFile(file)] as const];
  return new Map([...exported, ...files]);
}

/** Empties the write-ahead log into the file. */
function checkpoint(data: string): void {
  using db = new DatabaseSync(`${data}/journal.db`);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
}

/** Sends the texts, edits and deletes them, and sends what does not end. Returns the seq of the first message. */
async function talk({ port }: Program, whileThere: () => Promise<void>): Promise<number> {
  const url = `http://127.0.0.1:${port}/r/ops`;
  const [a, b] = SECRETS;
  const first = await post(url, "Ann", { text: a, id: "a" });
  const second = await post(url, "Ann", { text: `${b} ${"long ".repeat(3000)}` });
  await post(url, "Ann", { type: "edit", ref: second, text: "SECRET-b2" });
  const third = await post(url, "Ben", { text: "SECRET-c" });
  await post(url, "Ben", { text: "an answer", replyTo: first });
  await post(url, "Ann", { type: "edit", ref: second, text: "SECRET-b3" });
  await using cat = (await JsonSocket.join(port, { name: "Cat", path: "/r/ops/ws" })).socket;
  cat.send({ type: "say", id: "d", text: "SECRET-d" });
  const { seq: fourth } = (await cat.read("ack"))!;
  using line = await RawSocket.open(port, "/r/ops/ws");
  await line.send("SECRET-lines");
  assertEquals(await line.readText(), "SECRET-lines"); // it is the next after Cat's
  const slack = await fetch(`${url}?format=slack`, {
    method: "POST",
    body: JSON.stringify({ text: "SECRET-slack" }),
  });
  assertEquals(await slack.text(), "ok");
  const keyless = await fetch(`${url}?name=bot`, { method: "POST", body: "SECRET-keyless" });
  const { seq: last } = await keyless.json();
  assertEquals(last, fourth + 3);
  await whileThere();
  await post(url, "Ann", { type: "delete", ref: first });
  await post(url, "Ann", { type: "delete", ref: second });
  for (const ref of [third, fourth + 1, fourth + 2, fourth + 3]) {
    await post(url, "operator", { type: "delete", ref });
  }
  cat.send({ type: "delete", id: "e", ref: fourth });
  await cat.read("ack");
  // The author was offline and has not heard of the deletion.
  await post(url, "Ann", { type: "edit", ref: first, text: "SECRET too late" });
  assertEquals(await post(url, "Ann", { text: a, id: "a" }), first);
  await post(url, "Ann", { text: "the last one" });
  return first;
}

/** Checks what is left of the messages: all their numbers, and the first one without its text. */
function checkRest(shown: ReadonlyMap<string, string>): void {
  const { entries } = JSON.parse(shown.get("?limit=500 application/json")!);
  assertEquals(
    entries.map(({ seq }: { seq: number }) => seq),
    entries.map((_: unknown, n: number) => n + 1),
  );
  const [{ from, at: _, ...rest }] = entries;
  assertEquals(rest, { type: "entry", seq: 1, id: "a", kind: "say", text: "", deleted: true });
  assertEquals(from.name, "Ann");
  assertMatch(
    shown.get("?limit=500 text/plain")!,
    /^\S+ ¶ Ben#\w{6}: an answer\n\S+ ¶ Ann#\w{6}: the last one\n$/,
  );
}

const ENV = { CONFAB_HOOK_SECRET: "a secret of two programs", CONFAB_OPERATOR_KEY: OPERATOR_KEY };

for (const transport of ["deno", "ws"]) {
  Deno.test(`deletion on transport ${transport} leaves no text in any representation, export or file, and posts it once`, async () => {
    const scratch = await Deno.makeTempDir({ prefix: "confab-deletion-" });
    const data = `${scratch}/data`;
    const posts: string[] = [];
    await using receiver = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        posts.push(await request.text());
        return new Response();
      },
    );
    const hook = `http://127.0.0.1:${receiver.addr.port}/`;
    const args = ["--addr", "127.0.0.1:0", "--transport", transport, "--hook", hook];
    const options = { args, env: ENV, data };
    try {
      {
        await using program = await startProgram(options);
        await talk(program, async () => {
          await eventually(() => posts.length >= 10);
          assertStringIncludes([...readFiles(data).values()].join(), "SECRET-b3");
        });
        await eventually(() => posts.length >= 19);
        const shown = await readAll(program);
        checkGone(shown);
        checkRest(shown);
        // The log is erased at once, or a little later where one erasure follows another.
        await eventually(() => ![...readFiles(data).values()].join().includes("SECRET"));
        const exported = await exportAll([`http://127.0.0.1:${program.port}/r/ops`]);
        checkGone(exported);
        assertEquals(await exportAll(["ops", "--data", data]), exported);
        checkGone(await backUp(data, scratch));
        checkpoint(data);
        checkGone(readFiles(data));
        assert(!program.log().includes("SECRET"));
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
      await Deno.remove(scratch, { recursive: true });
    }
  });
}

Deno.test("deletion with --journal memory leaves no text in any representation", async () => {
  const args = ["--addr", "127.0.0.1:0", "--journal", "memory"];
  await using program = await startProgram({ args, env: ENV });
  await talk(program, () => Promise.resolve());
  const shown = await readAll(program);
  checkGone(shown);
  checkRest(shown);
});
