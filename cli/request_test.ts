import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ChatError } from "../errors.ts";
import { request } from "./request.ts";

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

Deno.test("request() tries again after a 503, with the same id, until it is answered", async () => {
  const ids: (string | null)[] = [];
  await using server = serve((asked) => {
    ids.push(asked.headers.get("idempotency-key"));
    return ids.length < 3 ? problem(503, { code: "restarting" }) : new Response("done");
  });
  const headers = { "idempotency-key": "7" };
  const response = await request(server.url, { method: "POST", headers, body: "hi" });
  assertEquals(await response.text(), "done");
  assertEquals(ids, ["7", "7", "7"]);
});

Deno.test("request() tries again where nothing listens yet", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const answer = request(`http://127.0.0.1:${port}/`);
  await using _late = {
    server: Deno.serve(
      { hostname: "127.0.0.1", port, onListen: () => {} },
      () => new Response("up"),
    ),
    [Symbol.asyncDispose]() {
      return this.server.shutdown();
    },
  };
  assertEquals(await (await answer).text(), "up");
});

Deno.test("request() waits as long as it is asked to, and no longer than some seconds", async () => {
  const times: number[] = [];
  await using server = serve(() => {
    times.push(performance.now());
    return times.length === 1
      ? problem(503, { code: "restarting" }, { "retry-after": "1" })
      : new Response();
  });
  await (await request(server.url)).body?.cancel();
  assert(times[1]! - times[0]! >= 990, `${times[1]! - times[0]!} ms`);
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
      `Cannot use ${server.url}: it answered 404. Is it a Confab server?`,
    );
  }
});

Deno.test("request() gives up in the end, with a sentence", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${free.addr.port}/`;
  free.close();
  const error = await assertRejects(() => request(url), Error);
  assertEquals(
    error.message,
    `Cannot reach ${url}: nothing listens there. Is the server running?`,
  );
  assertStringIncludes(Deno.inspect(error.cause), "efused");
});
