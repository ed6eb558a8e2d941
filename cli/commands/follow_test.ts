import { assert, assertEquals, assertRejects } from "@std/assert";
import { within } from "../../tests/support/deadline.ts";
import { follow, type FollowedLine, type FollowOptions } from "./follow.ts";

type Body = (Record<string, unknown> | string)[];

/** Starts a server with prepared responses: one for each connection, which then ends. Later ones get the last response. */
function script(...bodies: (Body | Response)[]) {
  const queries: Record<string, string>[] = [];
  const keys: (string | null)[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    queries.push(Object.fromEntries(new URL(request.url).searchParams));
    keys.push(request.headers.get("confab-key"));
    const body = bodies[Math.min(queries.length, bodies.length) - 1]!;
    if (body instanceof Response) return body.clone();
    const text = body.map((line) => typeof line === "string" ? line : `${JSON.stringify(line)}\n`);
    return new Response(text.join(""), { headers: { "content-type": "application/x-ndjson" } });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/r/ops`,
    queries,
    keys,
    pause: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Returns the first lines that follow() yields, in short form. */
async function readSome(count: number, options: FollowOptions): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of follow(options)) {
    lines.push(`${line.type} ${line["seq"] ?? line["to"] ?? line["epoch"]}`);
    if (lines.length === count) break;
  }
  return lines;
}

const welcome = (head: number, resumed: boolean, epoch = "e1"): FollowedLine => ({
  type: "welcome",
  head,
  resumed,
  epoch,
});
const entry = (seq: number): FollowedLine => ({ type: "entry", seq });
const gap = (from: number, to: number): FollowedLine => ({
  type: "gap",
  from,
  to,
  count: to - from + 1,
});

Deno.test("follow() starts with the last entries, or after a sequence number", async () => {
  await using server = script([welcome(3, false), entry(1), entry(2), entry(3)]);
  assertEquals(await readSome(3, server), ["entry 1", "entry 2", "entry 3"]);
  await readSome(1, { url: server.url, since: 0 });
  assertEquals(server.queries[0], { history: "10" });
  assertEquals(server.queries[1], { history: "10", after: "0" });
});

Deno.test("follow() resumes after its last entry, with the epoch, and yields each entry once", async () => {
  await using server = script(
    [welcome(2, false), entry(1), entry(2), { type: "pong" }],
    [welcome(3, true), entry(2), entry(3), '{"type":"entry","seq":4'], // cut off within a line
    [welcome(5, true), entry(4), entry(5)],
  );
  assertEquals(await readSome(5, server), ["entry 1", "entry 2", "entry 3", "entry 4", "entry 5"]);
  assertEquals(server.queries.slice(1).map(({ after, epoch }) => [after, epoch]), [
    ["2", "e1"],
    ["3", "e1"],
  ]);
});

Deno.test("follow() yields a gap once, and resumes after it", async () => {
  await using server = script(
    [welcome(40, true), gap(1, 37)],
    [welcome(40, true), entry(38)],
  );
  assertEquals(await readSome(2, { ...server, since: 0 }), ["gap 37", "entry 38"]);
  assertEquals(server.queries[1]?.["after"], "37");
});

Deno.test("follow() misses nothing if the connection ends before the first entry", async () => {
  await using server = script([welcome(40, false)], [welcome(40, true), entry(31)]);
  await readSome(1, server);
  assertEquals(server.queries[1]?.["after"], "30");
});

Deno.test("follow() starts over with a new journal, whose numbers are lower", async () => {
  await using server = script(
    [welcome(900, false), entry(900)],
    [welcome(2, false, "e2"), entry(1), entry(2)],
  );
  assertEquals(await readSome(4, server), ["entry 900", "welcome e2", "entry 1", "entry 2"]);
  assertEquals(server.queries[1]?.["history"], "500");
});

Deno.test("follow() starts over, with a welcome, after a number that the room has not reached", async () => {
  await using server = script([welcome(3, false), entry(2), entry(3)], [welcome(3, false)]);
  assertEquals(await readSome(2, { ...server, since: 9 }), ["welcome e1", "entry 2"]);
});

/** Returns the pauses between this number of connections, without waiting. */
async function recordPauses(count: number, options: FollowOptions): Promise<number[]> {
  const pauses: number[] = [];
  const pause = (ms: number) => {
    pauses.push(ms);
    return pauses.length === count ? Promise.reject(new Error("enough")) : Promise.resolve();
  };
  await assertRejects(() => readSome(Infinity, { ...options, pause }), Error, "enough");
  return pauses;
}

Deno.test("follow() backs off, but not after a stable connection", async () => {
  await using server = script([welcome(1, true), entry(1)]);
  const flapping = await recordPauses(40, server);
  assert(Math.max(...flapping.slice(5)) > 2_000, flapping.join());
  const steady = await recordPauses(40, { ...server, steadyMs: 0 });
  assert(Math.max(...steady) <= 500, steady.join());
});

Deno.test("follow() respects retryAfterMs and Retry-After, within bounds", async () => {
  const bye = (retryAfterMs: unknown) => [welcome(1, true), { type: "bye", retryAfterMs }];
  const busy = Response.json({}, { status: 429, headers: { "retry-after": "30" } });
  await using server = script(bye(3_000), bye(1e12), bye(-1e12), bye("x"), busy);
  const seconds = (await recordPauses(5, { ...server, steadyMs: 0 })).map((ms) =>
    Math.floor(ms / 1_000)
  );
  assertEquals(seconds, [3, 600, 0, 0, 30]);
});

Deno.test("follow() reconnects after an invalid line", async () => {
  await using server = script([welcome(1, true), "null\n"], [welcome(1, true), entry(1)]);
  assertEquals(await readSome(1, server), ["entry 1"]);
});

Deno.test("follow() treats a silent connection as lost", async () => {
  const hanging = new ReadableStream<Uint8Array>({
    start: (body) =>
      body.enqueue(new TextEncoder().encode(`${JSON.stringify(welcome(1, false))}\n`)),
  });
  const headers = { "content-type": "application/x-ndjson" };
  let count = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    const body = count++ === 0 ? hanging : `${JSON.stringify(entry(1))}\n`;
    return new Response(body, { headers });
  });
  const url = `http://127.0.0.1:${server.addr.port}/r/ops`;
  assertEquals(await within(5_000, "an entry", readSome(1, { url, silenceMs: 200 })), ["entry 1"]);
  await server.shutdown();
});

Deno.test("follow() sends a key only with a name, and the same one on every connection", async () => {
  await using named = script([welcome(1, false), entry(1)], [welcome(2, true), entry(2)]);
  await readSome(2, { ...named, name: "Ann" });
  assertEquals(named.queries.map(({ name }) => name), ["Ann", "Ann"]);
  assertEquals(new Set(named.keys).size, 1);
  assert(named.keys[0]!.length >= 16);
  await using nobody = script([welcome(1, false), entry(1)]);
  await readSome(1, nobody);
  assertEquals(nobody.keys, [null]);
});

Deno.test("follow() reports once that the server is unavailable, and once that it is back", async () => {
  const away = Response.json({ code: "restarting" }, { status: 503 });
  await using server = script([welcome(1, false), entry(1)], away, away, [
    welcome(2, true),
    entry(2),
  ]);
  const events: string[] = [];
  const options = { onLost: () => events.push("lost"), onFound: () => events.push("found") };
  await readSome(2, { ...server, ...options });
  assertEquals(events, ["lost", "found"]);
});

Deno.test("follow() ends on a permanent refusal, or if the server is not Confab", async () => {
  await using refused = script(
    Response.json({ code: "bad_name", detail: "No such name" }, { status: 400 }),
  );
  const error = await assertRejects(() => readSome(1, refused), Error);
  assertEquals(error.message, `Cannot use ${refused.url}: No such name`);
  await using page = script(new Response("<html>", { headers: { "content-type": "text/html" } }));
  const other = await assertRejects(() => readSome(1, page), Error);
  assert(
    other.message.endsWith("the server responded with text/html. Is it a Confab room?"),
    other.message,
  );
});
