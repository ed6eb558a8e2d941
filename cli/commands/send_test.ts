import { assertEquals, assertRejects } from "@std/assert";
import type { SendConfig } from "../config/config.ts";
import { send } from "./send.ts";

/** A server that answers so, and notes what it was asked. Disposing it ends it. */
function serve(...answers: (() => Response)[]) {
  const asked: { method: string; body: string; headers: Headers }[] = [];
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  const server = Deno.serve(options, async (request) => {
    asked.push({ method: request.method, body: await request.text(), headers: request.headers });
    return answers[Math.min(asked.length, answers.length) - 1]!();
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/r/ops`,
    asked,
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

Deno.test("send() is done with a 201 that has a seq, and with no other answer", async () => {
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
  for (const [answer, told] of others) {
    await using other = serve(() => answer);
    const error = await assertRejects(
      () => send(configure({ url: other.url, text: "hi" }), inputOf("")),
      Error,
    );
    assertEquals(error.message, `Cannot use ${other.url}: ${told}`);
  }
});

Deno.test("send() follows no redirect, which would say nothing, and names the address", async () => {
  const location = "https://chat.example/r/ops";
  await using proxy = serve(
    () => new Response(null, { status: 301, headers: { location } }),
    accepted,
  );
  const error = await assertRejects(
    () => send(configure({ url: proxy.url, text: "hi" }), inputOf("")),
    Error,
  );
  const told = `Cannot use ${proxy.url}: it has moved. Use ${location}`;
  assertEquals([error.message, proxy.asked.length], [told, 1]);
});

Deno.test("send() takes any id: it is in the body, where no character is special", async () => {
  await using room = serve(accepted);
  for (const id of ["日本", '"7"', "7"]) {
    await send(configure({ url: room.url, text: "hi", name: "Ann", id }), inputOf(""));
    const { body, headers } = room.asked.at(-1)!;
    assertEquals(JSON.parse(body), { text: "hi", id, name: "Ann" });
    assertEquals(headers.get("idempotency-key"), null);
  }
});

Deno.test("send() asks nobody when there is nothing to say", async () => {
  await using room = serve(accepted);
  for (const input of ["", "\n", "\r\n"]) {
    const error = await assertRejects(
      () => send(configure({ url: room.url }), inputOf(input)),
      Error,
    );
    assertEquals(error.message, "Cannot send: standard input is empty");
  }
  assertEquals(await send(configure({ url: room.url, hasLines: true }), inputOf("\n \n")), 0);
  assertEquals(room.asked, []);
});
