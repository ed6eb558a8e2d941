// Tests the end of requests and answers over node:http: what is not read on either side costs little, and not for long.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { within } from "../tests/support/deadline.ts";
import { RawSocket } from "../tests/support/raw_socket.ts";
import { DEFAULT_LIMITS } from "../base/limits.ts";
import { WaitingBytes } from "../base/waiting_bytes.ts";
import type { Handler, Listener, ListenOptions } from "./transport.ts";
import { listenWs } from "./ws.ts";

const WAIT_MS = 10_000;
const HEAD_WAIT_MS = 500;
const SHORT_WAIT_MS = 300;

const MIB = 1024 * 1024;
const WAITING = new WaitingBytes(DEFAULT_LIMITS);

/** On Deno 2.6 node:http is built on another server, without these limits. */
const ignore = Deno.version.deno.startsWith("2.6.");

function test(
  name: string,
  handler: Handler,
  use: (port: number) => Promise<void>,
  options: Partial<ListenOptions> = {},
): void {
  Deno.test({
    name,
    ignore,
    async fn() {
      let listener: Listener | undefined;
      try {
        listener = await listenWs(handler, {
          hostname: "127.0.0.1",
          port: 0,
          pongWaitMs: 33_000,
          maxMessageBytes: 1000,
          headWaitMs: HEAD_WAIT_MS,
          log: () => {},
          ...options,
        });
        await within(WAIT_MS, "the answers", use(listener.port));
      } finally {
        await listener?.stop(0);
      }
    },
  });
}

/** Reads one answer with a length. */
async function readAnswer(socket: RawSocket): Promise<{ head: string; body: string }> {
  const head = await socket.readHead();
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
  let body = "";
  while (body.length < length) {
    const chunk = await socket.readChunk(length - body.length);
    if (!chunk) {
      throw new Error(`Cannot read body: the connection ended after ${body.length} bytes`);
    }
    body += new TextDecoder().decode(chunk);
  }
  return { head, body };
}

async function readToEnd(socket: RawSocket): Promise<number> {
  let bytes = 0;
  for (let chunk; (chunk = await socket.readChunk());) bytes += chunk.length;
  return bytes;
}

function post(length: number, path = "/refuse"): string {
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`;
}

const GET = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/** Answers at once, and reads no body. */
const refusing: Handler = (request) => {
  const isRefused = request.url.endsWith("/refuse");
  const body = isRefused ? "no" : "yes";
  return new Response(body, {
    status: isRefused ? 413 : 200,
    headers: { "content-length": `${body.length}` },
  });
};

const encoder = new TextEncoder();

test(
  "listenWs() answers the next request behind a body that nobody has read",
  refusing,
  async (port) => {
    for (const size of [5, 60_000, 200_000]) {
      using socket = await RawSocket.connect(port, post(size));
      await socket.write(encoder.encode("x".repeat(size)));
      await socket.write(encoder.encode(GET));
      assertStringIncludes((await readAnswer(socket)).head, " 413 ");
      assertEquals((await readAnswer(socket)).body, "yes", `${size}`);
    }
  },
);

test(
  "listenWs() closes the connection behind its answer if too much of a body was not read",
  refusing,
  async (port) => {
    using socket = await RawSocket.connect(port, post(50_000_000));
    const { head, body } = await readAnswer(socket);
    assertStringIncludes(head.toLowerCase(), "\r\nconnection: close\r\n");
    assertEquals(body, "no");
    const part = encoder.encode("x".repeat(64 * 1024));
    let sent = 0;
    const isRefused = await (async () => {
      for (; sent < 50_000_000; sent += part.length) await socket.write(part);
    })().then(() => false, () => true);
    assert(isRefused, "all of the body was taken");
  },
);

test(
  "listenWs() sends a whole answer to a peer that writes all of a long body before it reads",
  refusing,
  async (port) => {
    using socket = await RawSocket.connect(port, post(260_000));
    await socket.write(encoder.encode("x".repeat(260_000)));
    assertEquals((await readAnswer(socket)).body, "no");
  },
);

test(
  "listenWs() ends a connection whose body never ends",
  async (request) => {
    if (request.method === "POST") await request.text().catch(() => {});
    return new Response("late");
  },
  async (port) => {
    using read = await RawSocket.connect(port, `${post(100)}x`);
    await readToEnd(read);
  },
  { messageWaitMs: SHORT_WAIT_MS },
);

test(
  "listenWs() ends a connection whose GET has a body that never ends, a stream's as well",
  (request, peer) =>
    request.url.endsWith("/stream")
      ? peer.stream(
        {},
        (connection) => connection.listen({ onMessage: () => {}, onClose: () => {} }),
      )
      : new Response("early"),
  async (port) => {
    for (const path of ["/", "/stream"]) {
      const head = `GET ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx`;
      using socket = await RawSocket.connect(port, head);
      await readToEnd(socket);
    }
  },
  { messageWaitMs: SHORT_WAIT_MS },
);

{
  let running = 0;
  let most = 0;
  test(
    "listenWs() handles the requests of one connection one after another, in order",
    async (request) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
      const body = new URL(request.url).pathname;
      return new Response(body, { headers: { "content-length": `${body.length}` } });
    },
    async (port) => {
      using socket = await RawSocket.connect(port, "");
      const requests = [1, 2, 3, 4, 5, 6].map((n) => GET.replace("/", `/${n}`));
      await socket.write(encoder.encode(requests.join("")));
      for (let n = 1; n <= 6; n++) assertEquals((await readAnswer(socket)).body, `/${n}`);
      assertEquals(most, 1);
    },
  );
}

test(
  "listenWs() cuts a peer that does not read its answer in time",
  () => new Response(new Uint8Array(16 * 1024 * 1024)),
  async (port) => {
    using socket = await RawSocket.connect(port, GET);
    await new Promise((resolve) => setTimeout(resolve, 2 * SHORT_WAIT_MS)); // it is cut meanwhile
    assert(await readToEnd(socket) < 16 * 1024 * 1024);
  },
  { writeWaitMs: SHORT_WAIT_MS },
);

test(
  "listenWs() cuts the largest unread answer of an address that keeps too much, and no other",
  (request) => new Response(new Uint8Array(Number(new URL(request.url).pathname.slice(1)) * MIB)),
  async (port) => {
    const get = async (mib: number) => {
      const head = `GET /${mib} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
      const socket = await RawSocket.connect(port, head);
      await socket.readHead();
      return socket;
    };
    using largest = await get(26);
    using first = await get(20);
    using second = await get(20);
    assert(await readToEnd(largest) < 26 * MIB);
    for (const socket of [first, second]) assert(await readToEnd(socket) >= 20 * MIB);
    using again = await get(26);
    assert(await readToEnd(again) >= 26 * MIB);
  },
  { hold: (address, answer) => WAITING.hold(address, answer) },
);

for (const isProxy of [true, false]) {
  test(
    `listenWs() ${isProxy ? "keeps" : "closes"} an idle connection of ${
      isProxy ? "a proxy" : "another peer"
    }`,
    refusing,
    async (port) => {
      using socket = await RawSocket.connect(port, GET);
      const { head } = await readAnswer(socket);
      if (!isProxy) return void await readToEnd(socket);
      assertStringIncludes(head.toLowerCase(), "\r\nkeep-alive: timeout=620\r\n");
      // Longer than node:http keeps it: the test is about time itself.
      await new Promise((resolve) => setTimeout(resolve, 6_500));
      await socket.write(encoder.encode(GET));
      assertEquals((await readAnswer(socket)).body, "yes");
    },
    { isProxy: () => isProxy },
  );
}
