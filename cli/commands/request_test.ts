import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ChatError } from "../../protocol/errors.ts";
import { within } from "../../tests/support/deadline.ts";
import { explainFailure, request, type RequestOptions, UnavailableError } from "./request.ts";

/** Starts a server on the loopback address. Disposing it stops it. */
function serve(handler: Deno.ServeHandler) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  return {
    url: `http://127.0.0.1:${server.addr.port}/r/ops`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function problem(status: number, fields: object, headers = {}): Response {
  return Response.json(fields, { status, headers });
}

/** Records the pauses, without waiting. */
function recordPauses() {
  const pauses: number[] = [];
  return {
    pauses,
    pause: (ms: number) => {
      pauses.push(ms);
      return Promise.resolve();
    },
  };
}

Deno.test("request() retries temporary refusals with the same body until it succeeds", async () => {
  const bodies: string[] = [];
  const temporary = [408, 425, 429, 500, 502, 503, 504, 520];
  await using server = serve(async (request) => {
    bodies.push(await request.text());
    return bodies.length % 2 === 1
      ? problem(temporary[(bodies.length - 1) / 2]!, { code: "restarting" })
      : Response.json("done");
  });
  for (const status of temporary) {
    const result = await request(server.url, { method: "POST", body: "hi", ...recordPauses() });
    assertEquals(result.json, "done", `${status}`);
  }
  assertEquals(bodies, Array.from({ length: 2 * temporary.length }, () => "hi"));
});

Deno.test("request() retries while nothing listens yet", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const result = request(`http://127.0.0.1:${port}/`);
  await using _late = {
    server: Deno.serve(
      { hostname: "127.0.0.1", port, onListen: () => {} },
      () => Response.json("up"),
    ),
    [Symbol.asyncDispose]() {
      return this.server.shutdown();
    },
  };
  assertEquals((await result).json, "up");
});

Deno.test("request() backs off, and gives up after 4.5 to 9 s", async () => {
  await using server = serve(() => problem(503, { code: "restarting" }));
  const { pauses, pause } = recordPauses();
  await assertRejects(() => request(server.url, { pause }), UnavailableError);
  assertEquals(pauses.length, 4);
  assert(pauses.every((ms, i) => i === 0 || ms > pauses[i - 1]!), pauses.join());
  const sum = pauses.reduce((sum, ms) => sum + ms);
  assert(sum >= 4_500 && sum <= 9_000, `${sum} ms`);
});

Deno.test("request() with onLost retries until the server is back, and reports both once", async () => {
  let count = 0;
  await using server = serve(() => ++count < 12 ? problem(503, {}) : Response.json("up"));
  const events: string[] = [];
  const { pauses, pause } = recordPauses();
  const onLost = ({ message }: Error) => events.push(message);
  const result = await request(server.url, { onLost, onFound: () => events.push("found"), pause });
  assertEquals(result.json, "up");
  assertEquals(events, [
    `Cannot use ${server.url}: the server responded with status 503. Is it a Confab room?`,
    "found",
  ]);
  assertEquals(pauses.length, 11);
  assert(Math.max(...pauses) > 9_000 && Math.max(...pauses) <= 20_000, pauses.join());
});

Deno.test("request() respects Retry-After, within bounds", async () => {
  const patient = { onLost: () => {} };
  const cases: [retryAfter: string, options: RequestOptions, minMs: number, maxMs: number][] = [
    ["2", {}, 2_000, 2_000],
    ["60", {}, 5_000, 5_000],
    ["60", patient, 60_000, 60_000],
    ["86400", patient, 600_000, 600_000],
    [new Date(Date.now() + 60_000).toUTCString(), patient, 50_000, 60_000],
    ["-5", patient, 300, 600],
    ["soon", patient, 300, 600],
  ];
  for (const [retryAfter, options, minMs, maxMs] of cases) {
    let count = 0;
    await using server = serve(() =>
      count++ === 0 ? problem(429, {}, { "retry-after": retryAfter }) : Response.json("up")
    );
    const { pauses, pause } = recordPauses();
    await request(server.url, { ...options, pause });
    assert(pauses[0]! >= minMs && pauses[0]! <= maxMs, `${retryAfter}: ${pauses}`);
  }
});

/** Makes a body that starts, and then stalls until it is ended. */
function makeStalled() {
  let end = () => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode("{"));
      end = () => controller.close();
    },
    cancel: () => void (end = () => {}),
  });
  return { body, end: () => end() };
}

Deno.test("request() gives up on a response that does not end, whatever its status", async () => {
  for (const status of [200, 503]) {
    let count = 0;
    const stalled = makeStalled();
    const server = serve(() => {
      count++;
      return new Response(stalled.body, { status });
    });
    try {
      const result = request(server.url, { responseMs: 200, ...recordPauses() });
      const error = await assertRejects(() => within(2_000, "an error", result), UnavailableError);
      if (status === 200) {
        assertEquals(
          error.message,
          `Cannot reach ${server.url}: the response did not end within 0.2 s`,
        );
      }
      assertEquals(count, 1);
    } finally {
      stalled.end();
      await server[Symbol.asyncDispose]();
    }
  }
});

Deno.test("request() names the new address of a room, and does not redirect a POST there", async () => {
  for (const location of ["/r/there", "http://ann:secret@other.example/r/there?x=1"]) {
    let count = 0;
    await using server = serve(() => {
      count++;
      return new Response(null, { status: 301, headers: { location } });
    });
    const options: RequestOptions = { method: "POST", redirect: "manual", body: "hi" };
    const error = await assertRejects(() => request(server.url, options), Error);
    const to = location.startsWith("/")
      ? new URL(location, server.url).href
      : "http://other.example/r/there";
    const message = `Cannot use ${server.url}: it has moved. Use ${to}`;
    assertEquals([error.message, count], [message, 1]);
  }
});

Deno.test("explainFailure() suggests the default port if the URL has none", () => {
  const refused = new Error("connection refused");
  const explain = (url: string) => explainFailure(url, refused).message;
  assertEquals(
    explain("http://localhost/r/ops"),
    "Cannot reach http://localhost/r/ops: connection refused. Did you mean localhost:8080?",
  );
  for (const url of ["http://localhost:81/", "https://chat.example/"]) {
    assertEquals(
      explain(url),
      `Cannot reach ${url}: connection refused. Is the server running?`,
    );
  }
});

Deno.test("request() does not retry a permanent refusal, and reports its code and reason", async () => {
  let count = 0;
  await using server = serve((request) => {
    count++;
    assertEquals(request.headers.get("authorization"), `Basic ${btoa("ann:secret")}`);
    return problem(413, { code: "too_long", title: "Too long", detail: "The text is \x1b[2J" });
  });
  const withPassword = server.url.replace("//", "//ann:secret@");
  const error = await assertRejects(() => request(withPassword), ChatError);
  assertEquals([error.code, count], ["too_long", 1]);
  assertEquals(error.message, `Cannot use ${server.url}: The text is \ufffd[2J`);
});

Deno.test("request() reports a server that is not Confab", async () => {
  for (const body of ["<html>", '"text"', "null", '{"code":"toString","detail":7}']) {
    await using server = serve(() => new Response(body, { status: 404 }));
    const error = await assertRejects(() => request(server.url), Error);
    assertEquals(
      error.message,
      `Cannot use ${server.url}: the server responded with status 404. Is it a Confab room?`,
    );
  }
});

Deno.test("request() ends with a sentence when it gives up", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${free.addr.port}/`;
  free.close();
  const error = await assertRejects(() => request(url, recordPauses()), Error);
  assertEquals(
    error.message,
    `Cannot reach ${url}: connection refused. Is the server running?`,
  );
  assertStringIncludes(Deno.inspect(error.cause), "efused");
});
