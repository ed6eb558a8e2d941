// Tests certificates on every transport: real sockets on loopback.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { makeCertificate, trusting } from "../tests/support/certificate.ts";
import { within } from "../tests/support/deadline.ts";
import { eventually } from "../tests/support/until.ts";
import { Frame } from "../protocol/frame.ts";
import { listenDeno } from "./deno.ts";
import { HttpServer } from "./node_server.ts";
import type { Certificate, Connection, Handler, Listen } from "./transport.ts";
import { listenWs } from "./ws.ts";

const TRANSPORTS: Record<string, Listen> = { deno: listenDeno, ws: listenWs };

const HEAD_WAIT_MS = 500;
const WAIT_MS = 10_000;

/** More bytes than the system's buffers take at once. */
const FRAMES = 100;
const FRAME_BYTES = 100_000;

/** On Deno 2.6 node:http is built on another server. It cannot reload its certificate, and its HTTP/2 requests lack the port. */
const isOld = Deno.version.deno.startsWith("2.6.");

function start(listen: Listen, handler: Handler, certificate: Certificate) {
  return listen(handler, {
    hostname: "127.0.0.1",
    port: 0,
    pongWaitMs: 33_000,
    maxMessageBytes: 1000,
    headWaitMs: HEAD_WAIT_MS,
    certificate,
    log: () => {},
  });
}

/** Answers with the URL. `/ws` is an echo, and `/stream` a stream of the frames that its connection sends. */
function makeHandler(onStream: (connection: Connection) => void = () => {}): Handler {
  return (request, peer) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/stream") {
      return peer.stream({}, (connection) => {
        connection.listen({ onMessage: () => {}, onClose: () => {} });
        connection.send(new Frame("open"));
        onStream(connection);
      });
    }
    if (pathname !== "/ws") return new Response(request.url);
    return peer.upgrade("", (connection) => {
      const onMessage = (data: unknown) => connection.send(new Frame(`${request.url} ${data}`));
      connection.listen({ onMessage, onClose: () => {} });
    });
  };
}

/** Opens a WebSocket and collects its answers. */
async function openSocket(url: string, client: Deno.HttpClient) {
  const socket = new WebSocket(url, { client });
  const ended = new Promise((resolve) => socket.onclose = resolve);
  socket.onerror = (event) => event.preventDefault();
  await within(WAIT_MS, "the socket to open", new Promise((resolve) => socket.onopen = resolve));
  const ask = (text: string) => {
    const answer = new Promise<string>((resolve) => socket.onmessage = ({ data }) => resolve(data));
    socket.send(text);
    return within(WAIT_MS, "an answer", answer);
  };
  const close = async () => {
    socket.close();
    await ended;
  };
  return { ask, [Symbol.asyncDispose]: close };
}

const [first, second] = await Promise.all([makeCertificate(), makeCertificate()]);

/** Resolves with whether a new connection receives the certificate. */
async function isShown(port: number, certificate: Certificate): Promise<boolean> {
  using client = trusting(certificate);
  try {
    await (await fetch(`https://localhost:${port}/`, { client })).text();
    return true;
  } catch {
    return false;
  }
}

for (const [name, listen] of Object.entries(TRANSPORTS)) {
  const test = (what: string, fn: () => Promise<void>) =>
    Deno.test({ name: `transport ${name} ${what}`, ignore: isOld && name === "ws", fn });

  test("accepts only https and wss with a certificate", async () => {
    const server = await start(listen, makeHandler(), first);
    using client = trusting(first);
    try {
      const url = `https://localhost:${server.port}/a?b`;
      assertEquals(await (await fetch(url, { client })).text(), url);
      await using socket = await openSocket(`wss://localhost:${server.port}/ws`, client);
      assertEquals(await socket.ask("hello"), `https://localhost:${server.port}/ws hello`);
      await assertRejects(() => fetch(`http://localhost:${server.port}/`));
      assert(!await isShown(server.port, second));
    } finally {
      await server.stop(0);
    }
  });

  test("sends queued frames and the close frame before it hangs up", async () => {
    const server = await start(listen, (_request, peer) =>
      peer.upgrade("", (connection) => {
        connection.listen({ onMessage: () => {}, onClose: () => {} });
        for (let n = 0; n < FRAMES; n++) connection.send(new Frame("x".repeat(FRAME_BYTES)));
        connection.close(4001, "done");
      }), first);
    using client = trusting(first);
    try {
      const socket = new WebSocket(`wss://localhost:${server.port}/`, { client });
      let bytes = 0;
      socket.onmessage = ({ data }) => bytes += data.length;
      const ended = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
      const { code, reason } = await within(WAIT_MS, "the end", ended);
      assertEquals([bytes, code, reason], [FRAMES * FRAME_BYTES, 4001, "done"]);
    } finally {
      await server.stop(0);
    }
  });

  if (name === "ws") {
    test("uses a renewed certificate for new connections, and keeps open ones", async () => {
      const opened = Promise.withResolvers<Connection>();
      const server = await start(listen, makeHandler(opened.resolve), first);
      const { port } = server;
      using client = trusting(first);
      try {
        await using socket = await openSocket(`wss://localhost:${port}/ws`, client);
        const response = await fetch(`https://localhost:${port}/stream`, { client });
        const stream = await opened.promise;
        server.renew(second);
        assertEquals([await isShown(port, first), await isShown(port, second)], [false, true]);
        assertEquals(await socket.ask("still"), `https://localhost:${port}/ws still`);
        stream.send(new Frame("still"));
        stream.close(1000, "");
        assertEquals(await within(WAIT_MS, "the stream", response.text()), "open\nstill\n");
      } finally {
        await server.stop(0);
      }
    });
  } else {test("refuses to renew a certificate, and keeps open connections", async () => {
      const server = await start(listen, makeHandler(), first);
      using client = trusting(first);
      try {
        await using socket = await openSocket(`wss://localhost:${server.port}/ws`, client);
        assertThrows(() => server.renew(second), Error);
        assert(await isShown(server.port, first));
        assertEquals(await socket.ask("still"), `https://localhost:${server.port}/ws still`);
      } finally {
        await server.stop(0);
      }
    });}
}

Deno.test({
  name: "listenWs() ends a connection that does not finish its handshake in time",
  ignore: isOld,
  async fn() {
    const server = await start(listenWs, makeHandler(), first);
    try {
      using silent = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      assertEquals(await within(WAIT_MS, "the end", silent.read(new Uint8Array(1))), null);
    } finally {
      await server.stop(0);
    }
  },
});

Deno.test({
  name: "HttpServer with a certificate probes with a plain connection",
  ignore: isOld,
  async fn() {
    const logged: string[] = [];
    let accepted = 0;
    const server = new HttpServer({
      hostname: "127.0.0.1",
      log: (_level, event) => void logged.push(event),
      certificate: first,
      http: {},
      prepare: (server) => {
        server.on("connection", () => accepted++);
        server.on("request", (_message, response) => response.end("here"));
      },
    });
    await server.listen(0);
    try {
      assert(await isShown(server.port, first));
      await eventually(() => accepted === 2); // the end of the first connection has caused a probe
      assertEquals(logged, []);
      assert(await isShown(server.port, first));
    } finally {
      await server.close();
    }
  },
});
