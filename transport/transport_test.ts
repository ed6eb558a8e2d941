// Tests every transport with one suite: real sockets on loopback, port 0.
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Channel } from "@std/async/channel";
import type { Log } from "../base/log.ts";
import { within } from "../tests/support/deadline.ts";
import { encodeFrame, OPCODE, RawSocket, upgradeRequest } from "../tests/support/raw_socket.ts";
import { Frame } from "../protocol/frame.ts";
import { listenDeno } from "./deno.ts";
import type { Connection, Handler, Listen, Listener, ListenOptions } from "./transport.ts";
import { listenWs } from "./ws.ts";

const TRANSPORTS: Record<string, Listen> = { deno: listenDeno, ws: listenWs };

const IS_26 = Deno.version.deno.startsWith("2.6.");

const PONG_WAIT_MS = 400;

interface Running extends AsyncDisposable {
  readonly listener: Listener;
  readonly port: number;
  readonly logged: string[];
}

/** Limit that some tests exceed. */
const MAX_MESSAGE_BYTES = 1000;
const HEAD_WAIT_MS = 500;

const OPTIONS: Omit<ListenOptions, "log"> = {
  hostname: "127.0.0.1",
  port: 0,
  pongWaitMs: 33_000,
  maxMessageBytes: MAX_MESSAGE_BYTES,
  headWaitMs: HEAD_WAIT_MS,
};

async function start(
  listen: Listen,
  handler: Handler,
  options: Partial<ListenOptions> = {},
): Promise<Running> {
  const logged: string[] = [];
  const log: Log = (_level, event) => logged.push(event);
  const listener = await listen(handler, { ...OPTIONS, log, ...options });
  return {
    listener,
    port: listener.port,
    logged,
    [Symbol.asyncDispose]: () => listener.stop(0),
  };
}

/** Creates a handler that upgrades every request and passes its connection to the test. */
function accepting(onOpen: (connection: Connection) => void): Handler {
  return (_request, peer) => peer.upgrade("", onOpen);
}

/** Creates a handler that streams, its connection, and a count of its `onClose` calls. */
function streaming() {
  const opened = Promise.withResolvers<Connection>();
  const closed = Promise.withResolvers<void>();
  const stream = { opened: opened.promise, closed: closed.promise, closes: 0 };
  const handler: Handler = (_request, peer) =>
    peer.stream({ "content-type": "text/event-stream" }, (connection) => {
      const onClose = () => {
        stream.closes++;
        closed.resolve();
      };
      connection.listen({ onMessage: () => {}, onClose });
      opened.resolve(connection);
    });
  return { stream, handler };
}

const ignore = { onMessage: () => {}, onClose: () => {} };

/** Sends a request and resets the connection at once. The port is its argument. */
const RESETTING = `
  import { connect } from "node:net";
  const request = "POST / HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: 2\\r\\n\\r\\nhi";
  const socket = connect(Number(Deno.args[0]), "127.0.0.1", () => {
    socket.write(request, () => socket.resetAndDestroy());
  });`;

/** Runs the program of a client to its end while the server does nothing: it accepts the connection afterwards. */
function resetBeforeAccept(port: number): void {
  const args = ["eval", RESETTING, `${port}`];
  const { success } = new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).outputSync();
  assert(success);
}

for (const [name, listen] of Object.entries(TRANSPORTS)) {
  const test = (what: string, fn: () => Promise<void>, options = {}) =>
    Deno.test(`transport ${name} ${what}`, options, fn);

  test("answers requests with what the handler returns", async () => {
    await using server = await start(
      listen,
      (request) => new Response(new URL(request.url).pathname),
    );
    const response = await fetch(`http://127.0.0.1:${server.port}/some/path`);
    assertEquals(await response.text(), "/some/path");
  });

  test(
    "serves no request of a peer that left before it was accepted: nobody knows its address",
    async () => {
      const addresses: string[] = [];
      await using server = await start(listen, (_request, { remoteAddress }) => {
        addresses.push(remoteAddress);
        return new Response();
      });
      for (let n = 0; n < 3; n++) resetBeforeAccept(server.port);
      // Whatever was accepted before this request is served before it.
      await (await fetch(`http://127.0.0.1:${server.port}/`)).body?.cancel();
      assertEquals(addresses, ["127.0.0.1"]);
    },
    { ignore: IS_26 },
  ); // its node:net cannot reset a connection

  test("reports the end of a stream, even if the request asked for an upgrade", async () => {
    const ended = new Channel<string>({ capacity: 10 });
    await using server = await start(listen, (request, peer) => {
      const asked = request.headers.get("upgrade") ?? "";
      const onOpen = (connection: Connection) => {
        connection.listen(ignore);
        connection.close(1000, "");
      };
      return peer.stream({}, onOpen, () => ended.trySend(asked));
    });
    for (const headers of ["", "Connection: Upgrade\r\nUpgrade: websocket\r\n"]) {
      const head = `GET / HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
      using _socket = await RawSocket.connect(server.port, head);
      assertEquals(
        await within(5_000, "the end of a stream", ended.receive()),
        headers && "websocket",
      );
    }
  });

  test("answers 500 if the handler throws, and continues", async () => {
    await using server = await start(listen, (request) => {
      if (request.url.endsWith("/throw")) throw new Error("broken");
      return new Response("fine");
    });
    const broken = await fetch(`http://127.0.0.1:${server.port}/throw`);
    assertEquals(broken.status, 500);
    assert(!(await broken.text()).includes("broken"));
    assertEquals(await (await fetch(`http://127.0.0.1:${server.port}/`)).text(), "fine");
    assertEquals(server.logged, ["request failed"]);
  });

  test("receives text and binary messages in order, and sends text", async () => {
    const received: (string | number[])[] = [];
    const handler = accepting((connection) =>
      connection.listen({
        onMessage(data) {
          received.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
          if (data === "done") connection.send(new Frame("é\nline"));
        },
        onClose: () => {},
      })
    );
    await using server = await start(listen, handler);
    using peer = await RawSocket.open(server.port);
    await peer.send("one");
    await peer.write(encodeFrame(OPCODE.binary, Uint8Array.of(0, 255)));
    await peer.send("done");
    assertEquals(await peer.readText(), "é\nline");
    assertEquals(received, ["one", [0, 255], "done"]);
  });

  test("reads a frame that arrives byte by byte, and one in fragments", async () => {
    const handler = accepting((connection) =>
      connection.listen({
        onMessage: (data) => connection.send(new Frame(`${data}`)),
        onClose: () => {},
      })
    );
    await using server = await start(listen, handler);
    using peer = await RawSocket.open(server.port);
    for (const byte of encodeFrame(OPCODE.text, new TextEncoder().encode("slow"))) {
      await peer.write(Uint8Array.of(byte));
    }
    assertEquals(await peer.readText(), "slow");
    const [first, rest] = ["frag", "ments"].map((text) => new TextEncoder().encode(text));
    const head = encodeFrame(OPCODE.text, first!);
    head[0] = OPCODE.text; // not the final one
    const tail = encodeFrame(OPCODE.text, rest!);
    tail[0] = 0x80; // the final one, a continuation
    await peer.write(head);
    await peer.write(tail);
    assertEquals(await peer.readText(), "fragments");
  });

  test("reports the end of a connection once, however it ends", async () => {
    for (const end of ["close frame", "cut"]) {
      const closed = Promise.withResolvers<void>();
      let closes = 0;
      const onClose = () => {
        closes++;
        closed.resolve();
      };
      await using server = await start(
        listen,
        accepting((connection) => connection.listen({ onMessage: () => {}, onClose })),
      );
      using peer = await RawSocket.open(server.port);
      if (end === "cut") peer.drop();
      else await peer.write(encodeFrame(OPCODE.close, Uint8Array.of(3, 232)));
      await within(5000, end, closed.promise);
      await server.listener.stop(0);
      assertEquals(closes, 1, end);
    }
  });

  test("closes with code and reason, behind what was sent before", async () => {
    for (const code of [1000, 1001, 1007, 1008, 1009, 1011]) {
      const handler = accepting((connection) => {
        connection.listen(ignore);
        connection.send(new Frame("last words"));
        connection.close(code, "because: it ends");
      });
      await using server = await start(listen, handler);
      using peer = await RawSocket.open(server.port);
      assertEquals(await peer.readText(), "last words");
      assertEquals(await peer.readClose(), { code, reason: "because: it ends" });
    }
  });

  test("ends only the connection whose handler throws", async () => {
    const handler = accepting((connection) =>
      connection.listen({
        onMessage(data) {
          if (data === "throw") throw new Error("broken");
          connection.send(new Frame("fine"));
        },
        onClose: () => {},
      })
    );
    await using server = await start(listen, handler);
    using bad = await RawSocket.open(server.port);
    using good = await RawSocket.open(server.port);
    await bad.send("throw");
    assertEquals((await bad.readClose()).code, 1011);
    await good.send("hello");
    assertEquals(await good.readText(), "fine");
    assertEquals(server.logged, ["connection handler failed"]);
  });

  test("pings a silent peer and ends the connection if it does not answer", async () => {
    const closed = Promise.withResolvers<void>();
    let closes = 0;
    const onClose = () => {
      closes++;
      closed.resolve();
    };
    const handler = accepting((connection) => connection.listen({ onMessage: () => {}, onClose }));
    await using server = await start(listen, handler, { pongWaitMs: PONG_WAIT_MS });
    using peer = await RawSocket.open(server.port);
    assertEquals((await peer.readFrame())?.opcode, OPCODE.ping);
    await closed.promise;
    while (await peer.readChunk());
    await server.listener.stop(0);
    assertEquals(closes, 1);
  });

  test("keeps a silent peer that answers pings", async () => {
    let closes = 0;
    const handler = accepting((connection) =>
      connection.listen({ onMessage: () => {}, onClose: () => closes++ })
    );
    await using server = await start(listen, handler, { pongWaitMs: PONG_WAIT_MS });
    using peer = await RawSocket.open(server.port);
    for (let pings = 0; pings < 5; pings++) {
      const frame = await peer.readFrame();
      assertEquals(frame?.opcode, OPCODE.ping);
      await peer.write(encodeFrame(OPCODE.pong, frame!.payload));
    }
    assertEquals(closes, 0);
  });

  test("counts unread bytes in bufferedAmount", async () => {
    const opened = Promise.withResolvers<Connection>();
    await using server = await start(
      listen,
      accepting((connection) => {
        connection.listen(ignore);
        opened.resolve(connection);
      }),
    );
    using _peer = await RawSocket.open(server.port);
    const connection = await opened.promise;
    // The system's buffers take some megabytes first.
    const chunk = new Frame("x".repeat(64 * 1024));
    for (let sent = 0; sent < 1000 && connection.bufferedAmount < 1024 * 1024; sent++) {
      connection.send(chunk);
      if (sent % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert(connection.bufferedAmount >= 1024 * 1024);
  });

  test("waits for connections to end when it stops, up to the grace time", async () => {
    const connections: Connection[] = [];
    const accept = accepting((connection) => {
      connection.listen(ignore);
      connection.send(new Frame("open"));
      connections.push(connection);
    });
    const handler: Handler = (request, peer) =>
      request.headers.has("upgrade") ? accept(request, peer) : new Response("stopping");
    for (const peerAnswers of [true, false]) {
      await using server = await start(listen, handler);
      using peer = await RawSocket.open(server.port);
      assertEquals(await peer.readText(), "open");
      connections.pop()!.close(1001, "bye");
      let isStopped = false;
      const stopped = server.listener.stop(peerAnswers ? 60_000 : 200)
        .then(() => isStopped = true);
      assertEquals((await peer.readClose()).code, 1001);
      // Only the handler knows the close code that makes the client reconnect.
      const late = await fetch(`http://127.0.0.1:${server.port}/`);
      assertEquals(await late.text(), "stopping");
      await assertRejects(() => RawSocket.open(server.port), Error, "503");
      assert(!isStopped);
      if (peerAnswers) await peer.write(encodeFrame(OPCODE.close, Uint8Array.of(3, 233)));
      await stopped;
    }
  });

  test("streams frames, each with a newline behind it, until it is closed", async () => {
    const { stream, handler } = streaming();
    await using server = await start(listen, handler);
    const answer = fetch(`http://127.0.0.1:${server.port}/`);
    const connection = await stream.opened;
    const frames = ["one", "é\nline", "x".repeat(100_000)].map((text) => new Frame(text));
    for (const frame of frames) connection.send(frame);
    const response = await answer;
    assertEquals(response.headers.get("content-type"), "text/event-stream");
    connection.close(1001, "bye");
    connection.close(1001, "twice does no harm");
    // Stopping waits for queued frames.
    const stopped = server.listener.stop(60_000);
    assertEquals(await response.text(), frames.map(({ text }) => `${text}\n`).join(""));
    await within(5_000, "the end", stopped);
    assertEquals(stream.closes, 1);
    connection.send(frames[0]!); // nor does this
    assertEquals([connection.bufferedAmount, server.logged.length], [0, 0]);
  });

  test("reports when the reader of a stream leaves", async () => {
    const { stream, handler } = streaming();
    await using server = await start(listen, handler);
    const abort = new AbortController();
    const answer = fetch(`http://127.0.0.1:${server.port}/`, { signal: abort.signal });
    (await stream.opened).send(new Frame("one"));
    const response = await answer;
    abort.abort();
    await within(5_000, "the close", stream.closed);
    await response.body?.cancel().catch(() => {});
    assertEquals([stream.closes, server.logged.length], [1, 0]);
  });

  test("counts unread bytes of a stream, and cuts a stream that is terminated", async () => {
    const { stream, handler } = streaming();
    await using server = await start(listen, handler);
    using reader = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await reader.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    const connection = await stream.opened;
    const chunk = new Frame("x".repeat(64 * 1024));
    for (let sent = 0; sent < 1000 && connection.bufferedAmount < 1024 * 1024; sent++) {
      connection.send(chunk);
      if (sent % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert(connection.bufferedAmount >= 1024 * 1024);
    connection.terminate(1008, "stalled");
    await within(5_000, "the close", stream.closed);
    assertEquals([stream.closes, connection.bufferedAmount], [1, 0]);
    let isCut = false;
    const buffer = new Uint8Array(1024 * 1024);
    await within(
      5_000,
      "the cut",
      (async () => {
        while (!isCut) isCut = await reader.read(buffer).then((size) => size === null, () => true);
      })(),
    );
    assertEquals(server.logged, []);
  });

  test("answers requests under way when it stops", async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    await using server = await start(listen, async () => {
      asked.resolve();
      await answer.promise;
      return new Response("durable");
    });
    const response = fetch(`http://127.0.0.1:${server.port}/`, { method: "POST", body: "x" });
    await asked.promise;
    const stopped = server.listener.stop(60_000);
    answer.resolve();
    assertEquals(await (await response).text(), "durable");
    await within(5_000, "the end", stopped);
  });

  test("reports the end of a stream that is queued behind another when their connection ends", async () => {
    const connections: Connection[] = [];
    const closed = Promise.withResolvers<void>();
    let closes = 0;
    const onClose = () => {
      if (++closes === connections.length) closed.resolve();
    };
    await using server = await start(listen, (_request, peer) =>
      peer.stream({}, (connection) => {
        connections.push(connection);
        connection.listen({ onMessage: () => {}, onClose });
        connection.send(new Frame("open"));
      }));
    const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const reader = await RawSocket.connect(server.port, request + request);
    await reader.readHead();
    reader.drop();
    await within(5_000, "the close", closed.promise);
    await within(5_000, "the end", server.listener.stop(60_000));
  });

  test("sends frames with each length of head, and one frame to several connections", async () => {
    const frames = [0, 125, 126, 65535, 65536].map((length) =>
      new Frame(
        "é".repeat(length / 2)
          .padEnd(length - (length / 2 | 0)),
      )
    );
    const handler = accepting((connection) => {
      connection.listen(ignore);
      for (const frame of frames) connection.send(frame);
    });
    await using server = await start(listen, handler);
    for (let peers = 0; peers < 2; peers++) {
      using peer = await RawSocket.open(server.port);
      for (const { text } of frames) assertEquals(await peer.readText(), text);
    }
  });

  test("throws a TypeError to the handler for an incomplete upgrade and for a plain request", async () => {
    await using server = await start(listen, (_request, peer) => {
      try {
        return peer.upgrade("", () => {});
      } catch (error) {
        assert(error instanceof TypeError);
        return new Response("incomplete", { status: 400 });
      }
    });
    const whole = upgradeRequest(server.port, "/");
    for (const missing of ["Upgrade", "Connection", "Sec-WebSocket-Key"]) {
      const head = whole.split("\r\n").filter((line) => !line.startsWith(missing)).join("\r\n");
      using peer = await RawSocket.connect(server.port, head);
      assertMatch(await peer.readHead(), /^HTTP\/1.1 400 /, missing);
    }
  });

  test("hangs up after refusing an upgrade, and stops even if the peer stays", async () => {
    await using server = await start(listen, () => new Response("no", { status: 403 }));
    using peer = await RawSocket.connect(server.port, upgradeRequest(server.port, "/"));
    assertMatch(await peer.readHead(), /^HTTP\/1.1 403 /);
    await within(5000, "stop", server.listener.stop(0));
  });

  test("upgrades many simultaneous requests", async () => {
    await using server = await start(
      listen,
      accepting((connection) => {
        connection.listen(ignore);
        connection.send(new Frame("welcome"));
      }),
    );
    const peers = await Promise.all(Array.from({ length: 50 }, () => RawSocket.open(server.port)));
    for (const peer of peers) assertEquals(await peer.readText(), "welcome");
    for (const peer of peers) peer.drop();
  });

  // Deno's own server never ends if a message of an upgrade arrived too late.
  const ends = { sanitizeOps: name !== "deno", sanitizeResources: name !== "deno" };
  test("reports the end of every upgrade and stream, whenever its peer leaves", async () => {
    let places = 0;
    const left = Promise.withResolvers<void>();
    const leave = () => void (--places === 0 && left.resolve());
    const asked = [new Channel<void>({ capacity: 9 }), new Channel<void>({ capacity: 9 })] as const;
    await using server = await start(listen, async (request, peer) => {
      places++;
      const isLate = new URL(request.url).pathname === "/late";
      if (isLate) {
        asked[0].trySend();
        await asked[1].receive(); // the peer leaves meanwhile
      }
      const onOpen = (connection: Connection) => {
        connection.listen(ignore);
        connection.send(new Frame("welcome"));
      };
      return request.headers.has("upgrade")
        ? peer.upgrade("", onOpen, leave)
        : peer.stream({}, onOpen, leave);
    });
    const { port } = server;
    using upgraded = await RawSocket.open(port);
    using polite = await RawSocket.open(port);
    const get = `GET / HTTP/1.1\r\nHost: a\r\n\r\n`;
    using stream = await RawSocket.connect(port, get);
    await stream.readHead();
    for (const head of [upgradeRequest(port, "/late"), get.replace("/ ", "/late ")]) {
      using late = await RawSocket.connect(port, head);
      await asked[0].receive();
      late.drop();
      await new Promise((resolve) => setTimeout(resolve, 20)); // with luck until the server has noticed
      asked[1].trySend();
    }
    assertEquals(places >= 3, true);
    upgraded.drop();
    stream.drop();
    await polite.write(encodeFrame(OPCODE.close, Uint8Array.of(3, 232)));
    await within(10_000, "the last place", left.promise);
    assertEquals(places, 0);
  }, ends);

  test("passes on every header, and accepts a target that names the host", async () => {
    await using server = await start(listen, (request) => {
      return new Response(request.headers.get("x-last") + new URL(request.url).pathname);
    });
    const padding = Array.from({ length: 60 }, (_, n) => `x-${n}: 1\r\n`).join("");
    const head = `GET http://127.0.0.1:${server.port}/path HTTP/1.1\r\nHost: 127.0.0.1\r\n`;
    const last = "x-last: seen\r\nConnection: close\r\n\r\n";
    using peer = await RawSocket.connect(server.port, head + padding + last);
    let text = "";
    for (let chunk; (chunk = await peer.readChunk());) text += new TextDecoder().decode(chunk);
    assertStringIncludes(text, "seen/path");
  });

  test("keeps a peer that sends messages, even if it answers no ping", async () => {
    let closes = 0;
    const handler = accepting((connection) =>
      connection.listen({ onMessage: () => {}, onClose: () => closes++ })
    );
    await using server = await start(listen, handler, { pongWaitMs: PONG_WAIT_MS });
    using peer = await RawSocket.open(server.port);
    for (let said = 0; said < 20; said++) {
      await peer.send("still here");
      await new Promise((resolve) => setTimeout(resolve, PONG_WAIT_MS / 8));
    }
    assertEquals(closes, 0);
  });

  test("refuses a port that is in use", async () => {
    await using server = await start(listen, () => new Response());
    const log: Log = () => {};
    const options = { ...OPTIONS, port: server.port, log };
    await assertRejects(() => listen(() => new Response(), options), Deno.errors.AddrInUse);
  });

  test("selects the subprotocol that the handler names", async () => {
    const handler: Handler = (_request, peer) =>
      peer.upgrade("this.v1", (connection) => connection.listen(ignore));
    await using server = await start(listen, handler);
    const headers = ["Sec-WebSocket-Protocol: other, this.v1"];
    using peer = await RawSocket.connect(
      server.port,
      upgradeRequest(server.port, "/", headers),
    );
    assertMatch(await peer.readHead(), /^sec-websocket-protocol: this\.v1\r$/mi);
  });

  test("passes on the peer's address, and selects no subprotocol by itself", async () => {
    let address = "";
    const handler: Handler = (_request, peer) => {
      address = peer.remoteAddress;
      return peer.upgrade("", (connection) => connection.listen(ignore));
    };
    await using server = await start(listen, handler);
    using peer = await RawSocket.connect(
      server.port,
      upgradeRequest(server.port, "/", ["Sec-WebSocket-Protocol: other"]),
    );
    const head = await peer.readHead();
    assertStringIncludes(head, "HTTP/1.1 101");
    assert(!/sec-websocket-protocol/i.test(head));
    assertEquals(address, "127.0.0.1");
  });
}
