import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ChatError } from "../../protocol/errors.ts";
import { within } from "../../tests/support/deadline.ts";
import { AwayError, explainFailure, request, type RequestOptions } from "./request.ts";

/** A server on the loopback address. Disposing it ends it. */
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

/** Waits for nothing, and notes how long it would have been. */
function notePauses() {
  const pauses: number[] = [];
  return {
    pauses,
    pause: (ms: number) => {
      pauses.push(ms);
      return Promise.resolve();
    },
  };
}

Deno.test("request() tries again what may be otherwise later, with the same body, until it is answered", async () => {
  const bodies: string[] = [];
  const passing = [408, 425, 429, 500, 502, 503, 504, 520];
  await using server = serve(async (asked) => {
    bodies.push(await asked.text());
    return bodies.length % 2 === 1
      ? problem(passing[(bodies.length - 1) / 2]!, { code: "restarting" })
      : Response.json("done");
  });
  for (const status of passing) {
    const answer = await request(server.url, { method: "POST", body: "hi", ...notePauses() });
    assertEquals(answer.json, "done", `${status}`);
  }
  assertEquals(bodies, Array.from({ length: 2 * passing.length }, () => "hi"));
});

Deno.test("request() tries again where nothing listens yet", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const answer = request(`http://127.0.0.1:${port}/`);
  await using _late = {
    server: Deno.serve(
      { hostname: "127.0.0.1", port, onListen: () => {} },
      () => Response.json("up"),
    ),
    [Symbol.asyncDispose]() {
      return this.server.shutdown();
    },
  };
  assertEquals((await answer).json, "up");
});

Deno.test("request() waits for longer each time, and gives up after 4.5 to 9 s", async () => {
  await using server = serve(() => problem(503, { code: "restarting" }));
  const { pauses, pause } = notePauses();
  await assertRejects(() => request(server.url, { pause }), AwayError);
  assertEquals(pauses.length, 4);
  assert(pauses.every((ms, i) => i === 0 || ms > pauses[i - 1]!), pauses.join());
  const sum = pauses.reduce((sum, ms) => sum + ms);
  assert(sum >= 4_500 && sum <= 9_000, `${sum} ms`);
});

Deno.test("request() waits for as long as the server is away where somebody is told, each once", async () => {
  let count = 0;
  await using server = serve(() => ++count < 12 ? problem(503, {}) : Response.json("up"));
  const told: string[] = [];
  const { pauses, pause } = notePauses();
  const onLost = ({ message }: Error) => told.push(message);
  const answer = await request(server.url, { onLost, onFound: () => told.push("found"), pause });
  assertEquals(answer.json, "up");
  assertEquals(told, [
    `Cannot use ${server.url}: the server responded with status 503. Is it a Confab room?`,
    "found",
  ]);
  assertEquals(pauses.length, 11);
  assert(Math.max(...pauses) > 9_000 && Math.max(...pauses) <= 20_000, pauses.join());
});

Deno.test("request() waits as long as it is asked to, within reason", async () => {
  const patient = { onLost: () => {} };
  const cases: [asked: string, options: RequestOptions, least: number, most: number][] = [
    ["2", {}, 2_000, 2_000],
    ["60", {}, 5_000, 5_000],
    ["60", patient, 60_000, 60_000],
    ["86400", patient, 600_000, 600_000],
    [new Date(Date.now() + 60_000).toUTCString(), patient, 50_000, 60_000],
    ["-5", patient, 300, 600],
    ["soon", patient, 300, 600],
  ];
  for (const [asked, options, least, most] of cases) {
    let count = 0;
    await using server = serve(() =>
      count++ === 0 ? problem(429, {}, { "retry-after": asked }) : Response.json("up")
    );
    const { pauses, pause } = notePauses();
    await request(server.url, { ...options, pause });
    assert(pauses[0]! >= least && pauses[0]! <= most, `${asked}: ${pauses}`);
  }
});

/** A body that begins, and goes on only when it is ended. */
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

Deno.test("request() gives up an answer that does not end, whatever its status", async () => {
  for (const status of [200, 503]) {
    let count = 0;
    const stalled = makeStalled();
    const server = serve(() => {
      count++;
      return new Response(stalled.body, { status });
    });
    try {
      const asked = request(server.url, { answerMs: 200, ...notePauses() });
      const error = await assertRejects(() => within(2_000, "an error", asked), AwayError);
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

Deno.test("request() names the address that a room has moved to, and does not follow a POST there", async () => {
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
    const told = `Cannot use ${server.url}: it has moved. Use ${to}`;
    assertEquals([error.message, count], [told, 1]);
  }
});

Deno.test("explainFailure() names the usual port where there was none", () => {
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

Deno.test("request() does not try again what is refused, and says why with the code", async () => {
  let count = 0;
  await using server = serve((asked) => {
    count++;
    assertEquals(asked.headers.get("authorization"), `Basic ${btoa("ann:secret")}`);
    return problem(413, { code: "too_long", title: "Too long", detail: "The text is \x1b[2J" });
  });
  const withPassword = server.url.replace("//", "//ann:secret@");
  const error = await assertRejects(() => request(withPassword), ChatError);
  assertEquals([error.code, count], ["too_long", 1]);
  assertEquals(error.message, `Cannot use ${server.url}: The text is \ufffd[2J`);
});

Deno.test("request() says so when what answers is no Confab", async () => {
  for (const body of ["<html>", '"text"', "null", '{"code":"toString","detail":7}']) {
    await using server = serve(() => new Response(body, { status: 404 }));
    const error = await assertRejects(() => request(server.url), Error);
    assertEquals(
      error.message,
      `Cannot use ${server.url}: the server responded with status 404. Is it a Confab room?`,
    );
  }
});

Deno.test("request() gives up in the end, with a sentence", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${free.addr.port}/`;
  free.close();
  const error = await assertRejects(() => request(url, notePauses()), Error);
  assertEquals(
    error.message,
    `Cannot reach ${url}: connection refused. Is the server running?`,
  );
  assertStringIncludes(Deno.inspect(error.cause), "efused");
});
