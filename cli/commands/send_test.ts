import { assertEquals, assertRejects } from "@std/assert";
import type { SendConfig } from "../config/config.ts";
import { send } from "./send.ts";

/** Starts a server that gives these responses in turn, and records the requests. Disposing it stops it. */
function serve(...responses: (() => Response)[]) {
  const requests: { method: string; body: string; headers: Headers }[] = [];
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  const server = Deno.serve(options, async (request) => {
    requests.push({ method: request.method, body: await request.text(), headers: request.headers });
    return responses[Math.min(requests.length, responses.length) - 1]!();
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/r/ops`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const accepted = () => Response.json({ seq: 1, id: "7" }, { status: 201 });

function configure(fields: Partial<SendConfig> & { url: string }): SendConfig {
  const nothing = {
    text: undefined,
    name: undefined,
    id: undefined,
    hasLines: false,
    bearer: undefined,
  };
  return { command: "send", ...nothing, ...fields };
}

function inputOf(text: string): ReadableStream<Uint8Array> {
  return ReadableStream.from(text === "" ? [] : [new TextEncoder().encode(text)]);
}

Deno.test("send() accepts only a 201 with a seq as success", async () => {
  await using room = serve(accepted);
  const config = configure({ url: room.url, text: "hi" });
  assertEquals(await send(config, inputOf("")), 0);
  const others: [Response, string][] = [
    [Response.json({ seq: 1 }), "the server responded with status 200. Is it a Confab room?"],
    [new Response("<html>"), "the server responded with status 200. Is it a Confab room?"],
    [
      new Response("ok", { status: 201 }),
      "the server responded with status 201. Is it a Confab room?",
    ],
    [
      Response.json({ id: "7" }, { status: 201 }),
      "the server responded with status 201. Is it a Confab room?",
    ],
    [
      new Response(null, { status: 204 }),
      "the server responded with status 204. Is it a Confab room?",
    ],
  ];
  for (const [response, reason] of others) {
    await using other = serve(() => response);
    const error = await assertRejects(
      () => send(configure({ url: other.url, text: "hi" }), inputOf("")),
      Error,
    );
    assertEquals(error.message, `Cannot use ${other.url}: ${reason}`);
  }
});

Deno.test("send() follows no redirect and names the new address", async () => {
  const location = "https://chat.example/r/ops";
  await using proxy = serve(
    () => new Response(null, { status: 301, headers: { location } }),
    accepted,
  );
  const error = await assertRejects(
    () => send(configure({ url: proxy.url, text: "hi" }), inputOf("")),
    Error,
  );
  const message = `Cannot use ${proxy.url}: it has moved. Use ${location}`;
  assertEquals([error.message, proxy.requests.length], [message, 1]);
});

Deno.test("send() accepts any id, because it is sent in the body", async () => {
  await using room = serve(accepted);
  for (const id of ["日本", '"7"', "7"]) {
    await send(configure({ url: room.url, text: "hi", name: "Ann", id }), inputOf(""));
    const { body, headers } = room.requests.at(-1)!;
    assertEquals(JSON.parse(body), { text: "hi", id, name: "Ann" });
    assertEquals(headers.get("idempotency-key"), null);
  }
});

Deno.test("send() makes no request without a text", async () => {
  await using room = serve(accepted);
  for (const input of ["", "\n", "\r\n"]) {
    const error = await assertRejects(
      () => send(configure({ url: room.url }), inputOf(input)),
      Error,
    );
    assertEquals(error.message, "Cannot send: standard input is empty");
  }
  assertEquals(await send(configure({ url: room.url, hasLines: true }), inputOf("\n \n")), 0);
  assertEquals(room.requests, []);
});
