// Tests the limits that only the transport `ws` has.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ConnectionLimit } from "../http/connection_limit.ts";
import { delay } from "@std/async/delay";
import { within } from "../tests/support/deadline.ts";
import { encodeFrame, OPCODE, RawSocket, upgradeRequest } from "../tests/support/raw_socket.ts";
import { Frame } from "../protocol/frame.ts";
import type { Connection, Handler, ListenOptions } from "./transport.ts";
import { listenWs } from "./ws.ts";

const MAX_MESSAGE_BYTES = 1000;
const HEAD_WAIT_MS = 500;

/** On Deno 2.6 node:http is built on another server, without these limits. */
const ignore = Deno.version.deno.startsWith("2.6.");

function start(handler: Handler, acquire?: ListenOptions["acquire"]) {
  return listenWs(handler, {
    hostname: "127.0.0.1",
    port: 0,
    pongWaitMs: 33_000,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    headWaitMs: HEAD_WAIT_MS,
    log: () => {},
    ...acquire ? { acquire } : {},
  });
}

/** Runs `use` with a server that passes every connection to it. */
async function withServer(
  use: (port: number, nextConnection: () => Promise<Connection>) => Promise<void>,
): Promise<void> {
  let opened = Promise.withResolvers<Connection>();
  const listener = await start((_request, peer) =>
    peer.upgrade("", (connection) => {
      connection.listen({ onMessage: () => {}, onClose: () => {} });
      opened.resolve(connection);
    })
  );
  const nextConnection = async () => {
    const connection = await opened.promise;
    opened = Promise.withResolvers();
    return connection;
  };
  await use(listener.port, nextConnection).finally(() => listener.stop(0));
}

/** Reads until the end, and returns the close frame. */
async function refusal(port: number, bytes: Uint8Array): Promise<{ code: number; reason: string }> {
  using peer = await RawSocket.open(port);
  await peer.write(bytes);
  return await peer.readClose();
}

async function readToEnd(peer: RawSocket): Promise<void> {
  while (await peer.readChunk());
}

Deno.test("listenWs() closes a message above the limit with 1009, whole or in fragments", async () => {
  await withServer(async (port) => {
    using whole = await RawSocket.open(port);
    await whole.send("x".repeat(1_000_000)); // still under way when it is refused
    assertEquals((await whole.readClose()).code, 1009);
    using fragments = await RawSocket.open(port);
    const frame = encodeFrame(OPCODE.text, new Uint8Array(MAX_MESSAGE_BYTES / 2 + 1));
    frame[0] = OPCODE.text; // not the final one
    await fragments.write(frame);
    frame[0] = 0x80; // the final one, a continuation
    await fragments.write(frame);
    assertEquals((await fragments.readClose()).code, 1009);
    using largest = await RawSocket.open(port);
    await largest.send("x".repeat(MAX_MESSAGE_BYTES));
    await largest.write(encodeFrame(OPCODE.ping, new Uint8Array(0)));
    assertEquals((await largest.readFrame())?.opcode, OPCODE.pong);
  });
});

Deno.test({
  name: "listenWs() ends a connection whose head is too large or does not arrive",
  ignore,
  fn: () =>
    withServer(async (port) => {
      const head = upgradeRequest(port, "/", [`X-Large: ${"x".repeat(8 * 1024)}`]);
      using large = await RawSocket.connect(port, head);
      await readToEnd(large);
      using dripping = await RawSocket.connect(port, "GET / HTTP/1.1\r\nHost: ");
      await readToEnd(dripping);
      using silent = await RawSocket.connect(port, "");
      await readToEnd(silent);
    }),
});

Deno.test("listenWs() answers 400 to an upgrade with an invalid Host header", async () => {
  await withServer(async (port) => {
    const head = upgradeRequest(port, "/").replace(/Host: .*/, "Host: a b");
    using peer = await RawSocket.connect(port, head);
    assertMatch(await peer.readHead(), /^HTTP\/1.1 400 /);
  });
});

Deno.test(
  "listenWs() cuts a peer that does not read the refusal of its upgrade",
  { ignore },
  async () => {
    const left = Promise.withResolvers<void>();
    const listener = await start(
      () => new Response(new Uint8Array(16 * 1024 * 1024), { status: 403 }), // more than the system buffers
      () => left.resolve,
    );
    try {
      using _mute = await RawSocket.connect(listener.port, upgradeRequest(listener.port, "/"));
      await within(10_000, "the end of the connection", left.promise);
    } finally {
      await listener.stop(0);
    }
  },
);

Deno.test("listenWs() ends a connection with too many unanswered requests", async () => {
  let asked = 0;
  const listener = await start(async () => {
    asked++;
    await new Promise(() => {});
    return new Response();
  });
  const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  using greedy = await RawSocket.connect(listener.port, request.repeat(20));
  assertEquals(await greedy.readChunk(), null);
  assertEquals(asked, 1); // they are handled one after another
  await listener.stop(0);
});

Deno.test("listenWs() answers any number of consecutive requests on one connection", async () => {
  const listener = await start(() => new Response("ok"));
  const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  using peer = await RawSocket.connect(listener.port, request);
  for (let n = 0; n < 30; n++) {
    assert((await peer.readHead()).startsWith("HTTP/1.1 200"));
    for (let body = ""; !body.includes("0\r\n\r\n");) {
      body += new TextDecoder().decode((await peer.readChunk())!);
    }
    await peer.write(new TextEncoder().encode(request));
  }
  peer.drop();
  await listener.stop(0);
});

Deno.test("listenWs() says why it closes a connection that breaks a rule", async () => {
  await withServer(async (port) => {
    const unmasked = Uint8Array.of(0x81, 1, 120);
    const cases: [Uint8Array, number, string][] = [
      [encodeFrame(OPCODE.text, Uint8Array.of(0xff, 0xfe)), 1007, "not_text: "],
      [encodeFrame(OPCODE.text, new Uint8Array(MAX_MESSAGE_BYTES + 1)), 1009, "too_long: "],
      [unmasked, 1002, "bad_frame: "],
    ];
    for (const [bytes, code, reason] of cases) {
      const close = await refusal(port, bytes);
      assertEquals([close.code, close.reason.slice(0, reason.length)], [code, reason]);
    }
  });
});

Deno.test("listenWs() lets the handler end a connection that breaks a rule", async () => {
  const listener = await start((_request, peer) =>
    peer.upgrade("", (connection) =>
      connection.listen({
        onMessage: () => {},
        onClose: () => {},
        onFault(code) {
          connection.send(new Frame(`bye: ${code}`));
          connection.close(4000, "by the handler");
        },
      }))
  );
  using peer = await RawSocket.open(listener.port);
  await peer.write(encodeFrame(OPCODE.text, Uint8Array.of(0xff, 0xfe)));
  assertEquals(await peer.readText(), "bye: not_text");
  assertEquals(await peer.readClose(), { code: 4000, reason: "by the handler" });
  peer.drop();
  await listener.stop(0);
});

Deno.test("listenWs() closes a message that does not end in time, and no other", async () => {
  const listener = await listenWs(
    (_request, peer) =>
      peer.upgrade("", (connection) =>
        connection.listen({
          onMessage: (data) => connection.send(new Frame(`${data}`)),
          onClose: () => {},
        })),
    {
      hostname: "127.0.0.1",
      port: 0,
      pongWaitMs: 33_000,
      maxMessageBytes: MAX_MESSAGE_BYTES,
      headWaitMs: HEAD_WAIT_MS,
      messageWaitMs: HEAD_WAIT_MS,
      log: () => {},
    },
  );
  const whole = encodeFrame(OPCODE.text, new TextEncoder().encode("whole"));
  const fragment = encodeFrame(OPCODE.text, new Uint8Array());
  fragment[0] = OPCODE.text;
  // A fragment, part of a frame, and part of a head.
  for (const part of [fragment, whole.subarray(0, -1), whole.subarray(0, 1)]) {
    using peer = await RawSocket.open(listener.port);
    await peer.write(whole);
    await peer.write(part);
    assertEquals(await peer.readText(), "whole");
    const close = await within(5_000, "the close", peer.readClose());
    assertEquals([close.code, close.reason.split(":")[0]], [1008, "message_timeout"]);
  }
  // Pongs between the fragments of a message do not extend its deadline.
  using slow = await RawSocket.open(listener.port);
  await slow.write(fragment);
  const pong = encodeFrame(OPCODE.pong, new Uint8Array());
  const pongs = setInterval(() => slow.write(pong).catch(() => {}), HEAD_WAIT_MS / 10);
  const slowClose = await within(5_000, "the close", slow.readClose()).finally(() =>
    clearInterval(pongs)
  );
  assertEquals(slowClose.reason.split(":")[0], "message_timeout");
  // Each of many messages ends within a write that begins the next one.
  using busy = await RawSocket.open(listener.port);
  await busy.write(whole.subarray(0, 3));
  const shifted = new Uint8Array([...whole.subarray(3), ...whole.subarray(0, 3)]);
  const endsAt = Date.now() + 3 * HEAD_WAIT_MS;
  while (Date.now() < endsAt) {
    await busy.write(shifted);
    assertEquals(await busy.readText(), "whole");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  busy.drop();
  await listener.stop(0);
});

Deno.test("listenWs() answers no pings of a peer that reads nothing", async () => {
  await withServer(async (port, nextConnection) => {
    using peer = await RawSocket.open(port);
    const connection = await nextConnection();
    const ping = encodeFrame(OPCODE.ping, new Uint8Array(125));
    const many = new Uint8Array(ping.length * 500);
    for (let n = 0; n < 500; n++) many.set(ping, n * ping.length);
    let mostBytes = 0;
    // 64 MiB of pings: more than the system keeps of their answers.
    for (let n = 0; n < 1000; n++) {
      await peer.write(many);
      mostBytes = Math.max(mostBytes, connection.bufferedAmount);
    }
    assert(mostBytes < 256 * 1024, `${mostBytes} bytes wait`);
  });
});

Deno.test("listenWs() ignores an upgrade to anything but a WebSocket", async () => {
  const listener = await start(async (request) => new Response(await request.text()));
  const head = [
    "POST / HTTP/1.1",
    "Host: x",
    "Connection: Upgrade",
    "Upgrade: h2c",
    "Content-Length: 2",
  ];
  using peer = await RawSocket.connect(listener.port, `${head.join("\r\n")}\r\n\r\nhi`);
  assert((await peer.readHead()).startsWith("HTTP/1.1 200"));
  assertStringIncludes(new TextDecoder().decode((await peer.readChunk())!), "hi");
  peer.drop();
  await listener.stop(0);
});

Deno.test("Connection.terminate() of listenWs() cuts a peer that reads nothing", async () => {
  await withServer(async (port, nextConnection) => {
    using peer = await RawSocket.open(port);
    const connection = await nextConnection();
    const frame = new Frame("x".repeat(64 * 1024));
    while (connection.bufferedAmount < 1024 * 1024) {
      connection.send(frame);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    connection.terminate(1008, "stalled");
    await readToEnd(peer);
    assertEquals(connection.bufferedAmount, 0);
  });
});

Deno.test("listenWs() refuses one header more than 64 with 431", async () => {
  const listener = await start(() => new Response("fine"));
  try {
    for (const [count, status] of [[64, 200], [65, 431]]) {
      const headers = Array.from({ length: count! - 2 }, (_, n) => `x-${n}: 1\r\n`).join("");
      const head = `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${headers}\r\n`;
      using peer = await RawSocket.connect(listener.port, head);
      assertStringIncludes(await peer.readHead(), `HTTP/1.1 ${status} `);
    }
  } finally {
    await listener.stop(0);
  }
});

Deno.test({
  name:
    "listenWs() acquires a slot for each TCP connection, and refuses it with 503 before its first request",
  ignore,
  async fn() {
    const connectionLimit = new ConnectionLimit({ connections: 9, connectionsPerAddress: 2 });
    let open = 0;
    const listener = await start(
      () => new Response("fine"),
      (address) => {
        const release = connectionLimit.acquire(address);
        open++;
        return () => {
          release();
          open--;
        };
      },
    );
    try {
      using first = await RawSocket.connect(listener.port, "");
      using second = await RawSocket.connect(listener.port, "");
      using third = await RawSocket.connect(listener.port, "");
      const head = await third.readHead();
      assertStringIncludes(head, "HTTP/1.1 503 ");
      assertStringIncludes(head.toLowerCase(), "\r\nretry-after: 5\r\n");
      await readToEnd(third);
      assertEquals(open, 2);
      first.drop();
      await readToEnd(second); // it says nothing, and its time for a head has passed
      while (open > 0) await new Promise((resolve) => setTimeout(resolve, 10));
      const again = `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
      using fourth = await RawSocket.connect(listener.port, again);
      assertStringIncludes(await fourth.readHead(), "HTTP/1.1 200 ");
    } finally {
      await listener.stop(0);
    }
  },
});

/** Records what happens to upgraded connections, and opens them after `delayMs`. */
async function withRecorder(
  use: (port: number, events: string[], stop: () => Promise<void>) => Promise<void>,
  { delayMs = 0 } = {},
): Promise<void> {
  const events: string[] = [];
  const listener = await start(async (_request, peer) => {
    if (delayMs > 0) await delay(delayMs);
    return peer.upgrade("", (connection) => {
      events.push("open");
      connection.listen({
        onMessage: (data) => void events.push(`${data}`),
        onFault: (code) => {
          events.push(code);
          connection.close(1002, code);
        },
        onUnfinished: (bytes) => void events.push(`${bytes > 0 ? "some" : "no"} bytes`),
        onClose: () => void events.push("close"),
      });
    }, () => void events.push("end"));
  });
  await use(listener.port, events, () => listener.stop(0)).finally(() => listener.stop(0));
}

async function untilEvent(events: readonly string[], event: string): Promise<void> {
  const seen = async () => {
    while (!events.includes(event)) await delay(5);
  };
  await within(5_000, event, seen());
}

const encoder = new TextEncoder();
const text = (data: string) => encodeFrame(OPCODE.text, encoder.encode(data));

/** Sends the request and the frames in one packet. */
async function openWith(port: number, ...frames: Uint8Array[]): Promise<RawSocket> {
  const socket = await RawSocket.connect(port, "");
  const request = encoder.encode(upgradeRequest(port, "/ws"));
  await socket.write(Uint8Array.from([request, ...frames].flatMap((bytes) => [...bytes])));
  return socket;
}

for (const delayMs of [0, 100]) {
  const when = delayMs > 0 ? "late" : "at once";
  Deno.test({
    name: `listenWs() reads frames that come with the request for an upgrade that opens ${when}`,
    ignore,
    fn: () =>
      withRecorder(async (port, events) => {
        using whole = await openWith(port, text("one"), text("two").subarray(0, 4));
        if (delayMs > 0) await delay(delayMs / 2);
        await whole.write(text("two").subarray(4));
        await whole.write(text("three"));
        await untilEvent(events, "three");
        assertEquals(events.filter((event) => !event.endsWith(" bytes")), [
          "open",
          "one",
          "two",
          "three",
        ]);
        whole.drop();
        await untilEvent(events, "end");
        events.length = 0;
        using rude = await openWith(port, Uint8Array.of(0xff, 0xff));
        assertEquals((await rude.readHead()).split("\r\n")[0], "HTTP/1.1 101 Switching Protocols");
        assertEquals(await rude.readClose(), { code: 1002, reason: "bad_frame" });
        rude.drop();
        await untilEvent(events, "end");
        assertEquals(events, ["open", "bad_frame", "close", "end"]);
      }, { delayMs }),
  });

  Deno.test({
    name: `listenWs() ends a connection whose peer has hung up, upgraded ${when}`,
    ignore,
    fn: () =>
      withRecorder(async (port, events) => {
        using peer = await openWith(port, text("whole"), text("half").subarray(0, -1));
        if (delayMs === 0) await untilEvent(events, "whole");
        await peer.endWriting();
        await within(5_000, "the end", readToEnd(peer));
        await untilEvent(events, "end");
        assert(!events.includes("half"), `${events}`);
        assertEquals(events.filter((event) => event === "end").length, 1);
        events.length = 0;
        for (let n = 0; n < 20; n++) (await openWith(port, text("gone"))).drop(); // resets the connection
        while (events.filter((event) => event === "end").length < 20) await delay(5);
        using next = await openWith(port, text("next"));
        await untilEvent(events, "next");
        next.drop();
        await untilEvent(events, "close");
      }, { delayMs }),
  });
}

Deno.test({
  name: "listenWs() stops in spite of unfinished messages, and reports what they keep",
  ignore,
  fn: () =>
    withRecorder(async (port, events, stop) => {
      using frame = await openWith(port, text("unfinished").subarray(0, -1));
      await untilEvent(events, "some bytes");
      using head = await openWith(port, text("x".repeat(300)).subarray(0, 3));
      using upgrade = await RawSocket.connect(port, upgradeRequest(port, "/ws").slice(0, -2));
      while (events.filter((event) => event === "open").length < 2) await delay(5);
      await within(5_000, "the stop", stop());
      for (const socket of [frame, head, upgrade]) {
        await within(5_000, "the end", readToEnd(socket));
      }
      assertEquals(events.filter((event) => event === "end").length, 2);
    }),
});
