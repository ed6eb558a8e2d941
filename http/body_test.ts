import { assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { DEFAULT_LIMITS } from "../base/limits.ts";
import { BYTES_PER_ADDRESS, type Hold, WaitingBytes } from "../base/waiting_bytes.ts";
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

Deno.test("readBody() counts an unfinished body, and gives up the largest one of a full address", async () => {
  const waiting = new WaitingBytes(DEFAULT_LIMITS);
  const hold: Hold = (holder) => waiting.hold("one", holder);
  const others = { waitingBytes: BYTES_PER_ADDRESS - 50_000, isShared: true, cut: () => {} };
  const holding = waiting.hold("one", others);
  holding.update();
  holding.cut(); // it was cut before, so it is no longer cut
  const open = (size: number) => {
    const { readable, writable } = new TransformStream<Uint8Array>();
    const writer = writable.getWriter();
    const request = makeRequest(readable);
    request.headers.set("content-length", `${size}`);
    const read = readBody(request, 100_000, hold);
    return { writer, read, sent: writer.write(new Uint8Array(size)).catch(() => {}) };
  };
  const [small, large] = [open(10_000), open(30_000)];
  await Promise.all([small.sent, large.sent]);
  const last = open(20_000);
  assertEquals(await codeOf(large.read), "address_full");
  await Promise.all([last.sent, small.writer.close()]);
  await last.writer.close();
  assertEquals((await small.read).byteLength, 10_000);
  assertEquals((await last.read).byteLength, 20_000);
  others.waitingBytes = BYTES_PER_ADDRESS;
  holding.update(); // everything was released
  const none = open(1);
  assertEquals(await codeOf(none.read), "address_full");
  others.waitingBytes = BYTES_PER_ADDRESS - 50_000;
  holding.update();
  const unknown = readBody(makeRequest("short"), 100_000, hold); // it may become as long as allowed
  assertEquals(await codeOf(unknown), "address_full");
  others.waitingBytes = BYTES_PER_ADDRESS / 2; // no body above 128 KiB from now on
  holding.update();
  assertEquals(await codeOf(readBody(makeRequest("x"), 128 * 1024 + 1, hold)), "address_full");
  assertEquals((await readBody(makeRequest("x"), 128 * 1024, hold)).byteLength, 1);
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
