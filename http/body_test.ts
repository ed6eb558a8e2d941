import { assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { ChatError } from "../protocol/errors.ts";
import { readBody, readText } from "./body.ts";

function makeRequest(body: BodyInit | null): Request {
  return new Request("http://x/", { method: "POST", body });
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, ChatError)).code;
}

Deno.test("readBody() reads up to the limit, however the body is split", async () => {
  const parts = [Uint8Array.of(1, 2), Uint8Array.of(3), Uint8Array.of(4)];
  const read = async (
    maxBytes: number,
  ) => [...new Uint8Array(await readBody(makeRequest(ReadableStream.from(parts)), maxBytes))];
  assertEquals(await read(4), [1, 2, 3, 4]);
  assertEquals(await codeOf(read(3)), "too_long");
  assertEquals((await readBody(makeRequest(null), 4)).byteLength, 0);
  const long = Array.from({ length: 20_000 }, (_, n) => n % 256);
  const bytes = ReadableStream.from(long.map((byte) => Uint8Array.of(byte)));
  assertEquals([...new Uint8Array(await readBody(makeRequest(bytes), 20_000))], long);
});

Deno.test("readText() decodes UTF-8 only, and no content coding", async () => {
  const read = (headers: Record<string, string>) =>
    readText(new Request("http://x/", { method: "POST", headers, body: "é" }), 100);
  for (
    const headers of [
      { "content-type": "text/plain" },
      { "content-type": 'application/json ; x="y"; charset="UTF-8"' },
      { "content-type": "text/plain;charset=utf8;" },
      { "content-encoding": " Identity" },
      { "content-encoding": "" },
    ]
  ) assertEquals(await read(headers as Record<string, string>), "é", JSON.stringify(headers));
  for (
    const headers of [
      { "content-type": "text/plain; charset=utf-16" },
      { "content-type": "text/plain; charset=us-ascii" },
      { "content-type": "application/json; CharSet = Latin1 ; x=y" },
      { "content-encoding": "deflate" },
      { "content-encoding": "identity, br" },
    ]
  ) {
    const code = await codeOf(read(headers as Record<string, string>));
    assertEquals(code, "bad_media_type", JSON.stringify(headers));
  }
});

Deno.test("readBody() does not read a body whose length is above the limit", async () => {
  let wasRead = false;
  const body = new ReadableStream({ pull: () => void (wasRead = true) }, { highWaterMark: 0 });
  const request = makeRequest(body);
  request.headers.set("content-length", "5");
  assertEquals(await codeOf(readBody(request, 4)), "too_long");
  assertEquals(wasRead, false);
});

Deno.test("readBody() fails on a body that does not arrive in time", async () => {
  using time = new FakeTime();
  let isCancelled = false;
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(Uint8Array.of(1)),
    cancel: () => void (isCancelled = true),
  });
  const code = codeOf(readBody(makeRequest(body), 4));
  await time.tickAsync(20_000);
  assertEquals([await code, isCancelled], ["body_timeout", true]);
});

Deno.test("readBody() fails with bad_request if the peer disconnects", async () => {
  const body = new ReadableStream({
    pull: (controller) => controller.error(new Error("connection reset")),
  });
  assertEquals(await codeOf(readBody(makeRequest(body), 4)), "bad_request");
});
