// A room as a URL, asked of the whole program: what a shell, a script and an event stream do with it, over restarts.
import { assert, assertEquals, assertLess } from "@std/assert";
import { createHmac } from "node:crypto";
import { EventSource } from "eventsource";
import type { Page } from "playwright-core";
import { Stage, testInBrowser } from "./support/browser.ts";
import { within } from "./support/deadline.ts";
import { JsonSocket, makeKey } from "./support/json_socket.ts";
import { eventually } from "./support/until.ts";
import { peakMemoryMiB } from "./support/processes.ts";
import { type Program, startProgram } from "./support/program.ts";
import { RawSocket } from "./support/raw_socket.ts";

const EVENTS = { accept: "text/event-stream" };
const LINES = { accept: "application/x-ndjson" };

const roomOf = ({ port }: Program) => `http://127.0.0.1:${port}/r/ops`;

async function post(url: string, body: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { method: "POST", body, headers });
  return { status: response.status, ...await response.json() };
}

/** The seqs of the next entries of a stream. */
async function readSeqs(url: string, headers: Record<string, string>, count: number) {
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  const seqs: number[] = [];
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; seqs.length < count;) {
    const { value } = await within(10_000, `${count} entries`, reader.read());
    text += value ?? "";
    seqs.splice(
      0,
      Infinity,
      ...[...text.matchAll(/"entry","seq":(\d+)/g)].map(([, n]) => Number(n)),
    );
  }
  abort.abort();
  await reader.cancel().catch(() => {});
  return seqs;
}

Deno.test("http: a post is there for a GET, and streams resume behind what they have", async () => {
  await using program = await startProgram();
  const url = roomOf(program);
  for (const [n, text] of ["build green", "two", "three"].entries()) {
    const { status, seq } = await post(url, text);
    assertEquals([status, seq], [201, n + 1]);
  }
  const lines = (await (await fetch(url)).text()).trimEnd().split("\n");
  assertEquals(lines.map((line) => line.slice(21)), ["build green", "two", "three"]);
  for (const headers of [EVENTS, LINES]) {
    assertEquals(await readSeqs(url, { ...headers, "last-event-id": "1" }, 2), [2, 3]);
  }
});

Deno.test("http: with a secret for GitHub a payload needs its signature", async () => {
  const secret = "a secret of GitHub";
  await using program = await startProgram({ env: { CONFAB_GITHUB_SECRET: secret } });
  const url = `${roomOf(program)}?format=github`;
  const body = JSON.stringify({ sender: { login: "ann" }, zen: "Zen.", repository: {} });
  const signature = `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
  const ping = { "x-github-event": "ping" };
  assertEquals((await post(url, body, ping)).code, "bad_signature");
  assertEquals((await post(url, body, { ...ping, "x-hub-signature-256": signature })).seq, 1);
  assert(!`${program.output()}${program.log()}`.includes(secret));
});

Deno.test("http: an Idempotency-Key makes one entry of two posts, over a crash as well", async () => {
  const data = await Deno.makeTempDir({ prefix: "confab-http-" });
  try {
    const key = { "idempotency-key": "deploy-7" };
    const answers = [];
    for (const start of ["first", "second"]) {
      await using program = await startProgram({ data });
      const url = roomOf(program);
      // Or what was lost would be stored anew under the same number.
      if (start === "first") await post(url, "earlier");
      for (const _time of ["once", "twice"]) answers.push(await post(url, "up", key));
      const other = await post(url, "down", key);
      assertEquals([other.status, other.code, other.id], [409, "id_taken", "deploy-7"]);
      assertEquals((await (await fetch(url)).text()).trimEnd().split("\n").length, 2);
      program.kill("SIGKILL");
      await program.status;
    }
    const first = { status: 201, seq: 2, id: "deploy-7" };
    assertEquals(answers, [first, first, first, first]);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("http: a repeat is acknowledged over sockets and POST, closed room or not, and another message refused", async () => {
  const operator = { authorization: "Bearer the key of operators" };
  await using program = await startProgram({
    env: { CONFAB_OPERATOR_KEY: "the key of operators" },
  });
  const url = `${roomOf(program)}?name=Ann`;
  const key = { "confab-key": makeKey("Ann") };
  const { socket } = await JsonSocket.join(program.port, { name: "Ann", path: "/r/ops/ws" });
  await using ann = socket;
  const say = async (text: string, more: object = {}) => {
    ann.send({ type: "say", id: "1", text, ...more });
    const { seq, code } = (await ann.read("ack", "error"))!;
    return seq ?? code;
  };
  const postAgain = async (text: string) => {
    const { seq, code } = await post(url, text, { ...key, "idempotency-key": "1" });
    return seq ?? code;
  };
  assertEquals([await say("one"), await say("two"), await say("one")], [1, "id_taken", 1]);
  ann.send({ type: "name", name: "Anna" });
  assertEquals([await say("one"), await say("one", { replyTo: 1 })], [1, "id_taken"]);
  assertEquals([await postAgain("one"), await postAgain("two")], [1, "id_taken"]);
  ann.send({ type: "edit", id: "2", ref: 1, text: "better" });
  assertEquals((await ann.read("ack"))!.seq, 2);
  assertEquals([await say("one"), await say("better")], [1, "id_taken"]);
  const close = JSON.stringify({ type: "close" });
  const json = { "content-type": "application/json" };
  assertEquals((await post(url, close, { ...json, ...operator })).seq, 3);
  assertEquals([await say("one"), await postAgain("one"), await say("two")], [1, 1, "room_closed"]);
  ann.send({ type: "delete", id: "4", ref: 1 });
  assertEquals((await ann.read("ack"))!.seq, 4);
  assertEquals([await say("one"), await postAgain("one")], [1, 1]);
});

Deno.test("http: a body in many small chunks costs no more memory than its bytes", async () => {
  await using program = await startProgram();
  const chunks = 10_000;
  const head = "POST /r/ops HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  const body = "1\r\nx\r\n".repeat(chunks) + "0\r\n\r\n";
  using sender = await RawSocket.connect(program.port, head + body);
  assert((await sender.readHead()).startsWith("HTTP/1.1 201"));
  assertLess(peakMemoryMiB(program.pid), 300); // each chunk has a buffer of 64 KiB while it is read
  sender.drop();
});

/** Kills the program while something follows the room, and looks at what that has got once it is back. */
async function checkFollower(stage: Stage, readTexts: () => Promise<string[]>): Promise<void> {
  const url = roomOf(stage.program);
  const said: string[] = [];
  const say = async () => {
    said.push(`${said.length + 1}`);
    assertEquals((await post(url, said.at(-1)!)).status, 201);
  };
  const isComplete = async () => (await readTexts()).length >= said.length;
  for (let n = 0; n < 5; n++) await say();
  await eventually(isComplete);
  await stage.crash();
  await stage.restart();
  for (let n = 0; n < 5; n++) await say(); // before it is back, most likely
  await eventually(isComplete);
  assertEquals(await readTexts(), said);
}

testInBrowser("http: the browser's own EventSource follows and resumes", async () => {
  await using stage = await Stage.open();
  const page: Page = await stage.tab();
  await page.evaluate(`
    globalThis.texts = [];
    const source = new EventSource("/r/ops?after=0");
    source.onmessage = ({ data }) => texts.push(JSON.parse(data).text);
  `);
  await checkFollower(stage, () => page.evaluate("texts"));
});

testInBrowser("http: an EventSource of npm follows and resumes", async () => {
  await using stage = await Stage.open();
  const texts: string[] = [];
  const source = new EventSource(`${roomOf(stage.program)}?after=0`);
  source.onmessage = ({ data }) => texts.push(JSON.parse(data).text);
  try {
    await checkFollower(stage, () => Promise.resolve(texts));
  } finally {
    source.close();
  }
});

testInBrowser("http: what is posted shows in the page as it comes", async () => {
  await using stage = await Stage.open();
  const page = await stage.tab({}, "r/ops");
  await post(`${roomOf(stage.program)}?name=ci`, "build green");
  await page.locator("#log > article", { hasText: "build green" }).filter({ hasText: "ci" })
    .waitFor();
  assert(await page.locator("#log > article").count() === 1);
});
