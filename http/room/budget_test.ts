// Every way to a room draws from the budget of one address, each through a real listener.
import { assert, assertEquals } from "@std/assert";
import { JsonSocket, makeKey } from "../../tests/support/json_socket.ts";
import { RawSocket } from "../../tests/support/raw_socket.ts";
import { serve, type Serving } from "../../tests/support/serving.ts";

/** An address may send 5 messages a second and 50 at once, and read one page of history a second. */
const LIMITS = { messagesPerS: 1 };

interface Answer {
  readonly status: number;
  readonly code?: string;
  readonly retryAfterMs?: number;
  readonly retryAfter: string | null;
}

async function post(url: string, name: string, text = "hi"): Promise<Answer> {
  const headers = { "confab-key": makeKey(name), "content-type": "application/json" };
  const body = JSON.stringify({ name, text });
  const response = await fetch(url, { method: "POST", headers, body });
  const { code, retryAfterMs } = await response.json();
  const retryAfter = response.headers.get("retry-after");
  return { status: response.status, code, retryAfterMs, retryAfter };
}

/** Uses up the messages of the address by POSTs of different authors. */
async function exhaust({ url }: Serving, size = 1): Promise<void> {
  for (let n = 0; n < 1000; n++) {
    if ((await post(url, `Author ${n}`, "x".repeat(size))).status === 429) return;
  }
  throw new Error("Cannot exhaust the budget: nothing was refused");
}

Deno.test("POST of many authors draws from one budget, and says when to come back", async () => {
  await using server = await serve({ limits: LIMITS });
  const startedMs = performance.now();
  const answers = [];
  for (let n = 0; n < 80; n++) answers.push(await post(server.url, `Author ${n}`));
  const most = 50 + 5 * (performance.now() - startedMs) / 1000;
  const stored = answers.filter(({ status }) => status === 201).length;
  console.log(`${stored} messages stored, at most ${Math.floor(most)}`);
  assert(stored >= 50 && stored <= most, `${stored} of at most ${most}`);
  const refusal = answers.find(({ status }) => status === 429)!;
  assertEquals([refusal.code, refusal.retryAfter], ["rate_limited", "1"]);
  assert(refusal.retryAfterMs! > 0 && refusal.retryAfterMs! <= 200);
  assertEquals(server.logged.filter((event) => event === "limit reached").length, 1);
});

Deno.test("POST of one author has a rate of its own, with a key and without", async () => {
  await using server = await serve({ limits: LIMITS });
  const keyed = [];
  for (let n = 0; n < 3; n++) keyed.push((await post(server.url, "Ann")).status);
  assertEquals(keyed, [201, 201, 429]);
  const say = async (name: string) => {
    const response = await fetch(`${server.url}?name=${name}`, { method: "POST", body: "hi" });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals([await say("ci"), await say("ci"), await say("ci")], [201, 201, 429]);
  assertEquals(await say("cd"), 201);
});

Deno.test("POST draws the bytes of its text", async () => {
  await using server = await serve({ limits: LIMITS });
  const startedMs = performance.now();
  let stored = 0;
  for (let n = 0; n < 15; n++) {
    if ((await post(server.url, `Author ${n}`, "x".repeat(16_000))).status === 201) stored++;
  }
  // A fifth of the defaults: 12.8 KiB a second, 128 KiB at once; the last one may leave a debt.
  const most = (128 * 1024 + 12.8 * 1.024 * (performance.now() - startedMs)) / 16_000 + 1;
  console.log(`${stored} messages stored, at most ${Math.floor(most)}`);
  assert(stored >= 8 && stored <= most, `${stored} of at most ${most}`);
});

Deno.test("a socket of confab.v1 is refused when its address has sent too much, and keeps its order", async () => {
  await using server = await serve({ limits: LIMITS });
  const { socket } = await JsonSocket.join(server.port, { name: "Ann", path: "/r/ops/ws" });
  await using ann = socket;
  await exhaust(server, 2_000); // in debt for some time
  ann.send({ type: "say", id: "1", text: "first" }, { type: "say", id: "2", text: "second" });
  const refusals = [await ann.read("error"), await ann.read("error")];
  assertEquals(refusals.map((refusal) => [refusal?.code, refusal?.id]), [
    ["rate_limited", "1"],
    ["rate_limited", "2"],
  ]);
  for (const refusal of refusals) assert(refusal!["retryAfterMs"] as number >= 500);
  ann.send({ type: "name", name: "Anna" });
  assertEquals((await ann.read("error"))?.code, "rate_limited");
});

Deno.test("a socket of lines is closed when its address has sent too much", async () => {
  await using server = await serve({ limits: LIMITS });
  using line = await RawSocket.open(server.port, "/r/ops/ws");
  await exhaust(server, 2_000);
  await line.send("too much");
  const { code, reason } = await line.readClose();
  assertEquals([code, reason.split(":")[0]], [1008, "rate_limited"]);
});

Deno.test("replays draw from the budget of pages: streams, and hello", async () => {
  await using server = await serve({ limits: { messagesPerS: 0.25 } }); // a page a second, 2 at once
  const message = { kind: "say", text: "hi", ref: 0, on: true } as const;
  const author = { author: "k3f9", name: "Ann" };
  const posts = Array.from(
    { length: 500 },
    (_, n) => server.hub.post("ops", author, { ...message, id: `${n}` }),
  );
  await Promise.all(posts);
  const open = async (query: string) => {
    const response = await fetch(`${server.url}?${query}`, {
      headers: { accept: "application/x-ndjson" },
    });
    const text = response.ok ? "" : await response.text();
    if (response.ok) await response.body!.cancel();
    return { status: response.status, text, retryAfter: response.headers.get("retry-after") };
  };
  const startedMs = performance.now();
  let replays = 0;
  let answer = await open("history=500");
  for (; answer.status === 200 && replays < 100; replays++) {
    answer = await open(replays % 2 ? "history=500" : "after=0");
  }
  // 2 at once, and 20 that they may owe; each start costs a tenth more.
  const most = (22 + (performance.now() - startedMs) / 1000) / 1.1 + 1;
  console.log(`${replays} replays, at most ${Math.floor(most)}`);
  assert(replays >= 19 && replays <= most, `${replays} of at most ${most}`);
  assertEquals([answer.status, JSON.parse(answer.text).code], [429, "rate_limited"]);
  assert(Number(answer.retryAfter) >= 1);
  // Nothing is asked for, nothing is owed.
  assertEquals((await open("")).status, 200);
  const page = await fetch(server.url, { headers: { accept: "application/json" } });
  assertEquals([page.status, (await page.json()).code], [429, "rate_limited"]);
  await using ann = await JsonSocket.open(server.port, "/r/ops/ws");
  ann.send({ type: "hello", name: "Ann", key: makeKey("Ann"), history: 500 });
  const bye = await ann.read("bye", "welcome");
  assertEquals([bye?.type, bye?.code], ["bye", "rate_limited"]);
  assert(bye!["retryAfterMs"] as number >= 500);
  assertEquals((await ann.closed).code, 1008);
  await using ben = await JsonSocket.open(server.port, "/r/ops/ws");
  ben.send({ type: "hello", name: "Ben", key: makeKey("Ben"), history: 0 });
  assertEquals((await ben.read("bye", "welcome"))?.type, "welcome");
});

Deno.test("an address may open twice its connections at once, and then some per second", async () => {
  await using server = await serve({ limits: { connectionsPerAddress: 4 } }); // counts as 32
  const startedMs = performance.now();
  const statuses: number[] = [];
  const refusals: [string, string | null][] = [];
  for (let n = 0; n < 80; n++) {
    const abort = new AbortController();
    const headers = { accept: "application/x-ndjson" };
    const response = await fetch(server.url, { headers, signal: abort.signal });
    statuses.push(response.status);
    if (response.status === 429) {
      refusals.push([(await response.json()).code, response.headers.get("retry-after")]);
    } else await response.body?.cancel();
    abort.abort();
  }
  const opened = statuses.filter((status) => status === 200).length;
  const most = 64 + 2 * (performance.now() - startedMs) / 1000;
  console.log(`${opened} connections opened, at most ${Math.floor(most)}`);
  assert(opened >= 30 && opened <= most, `${opened} of at most ${most}`);
  assert(statuses.every((status) => [200, 429, 503].includes(status)));
  assertEquals(refusals[0], ["rate_limited", "1"]);
});
