import { assert, assertEquals } from "@std/assert";
import { FaultyProxy, type Link } from "./faulty_proxy.ts";

const HOST = "127.0.0.1";

/** Bytes that are all different from their neighbours. */
const BYTES = Uint8Array.from({ length: 200_000 }, (_, n) => n % 251);

/** So much an echo reads before it waits for its reader. */
const READ_BY_THEN = 60_000;

interface Target extends AsyncDisposable {
  readonly port: number;
  /** What each connection has sent, once it has ended. */
  readonly received: Promise<Uint8Array>[];
}

/** Sends back whatever comes. */
function openEcho(): Target {
  const listener = Deno.listen({ hostname: HOST, port: 0 });
  const received: Promise<Uint8Array>[] = [];
  const accepting = (async () => {
    for await (const conn of listener) received.push(echo(conn));
  })();
  return {
    port: listener.addr.port,
    received,
    async [Symbol.asyncDispose]() {
      listener.close();
      await Promise.all([accepting, ...received]);
    },
  };
}

async function echo(conn: Deno.Conn): Promise<Uint8Array> {
  const reply = async (bytes: Uint8Array) => {
    await write(conn, bytes).catch(() => {}); // who cuts does not listen
  };
  const all = await readAll(conn, reply);
  conn.close();
  return all;
}

async function write(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

/** Reads to the end, or until there are `enough` bytes. */
async function readAll(
  conn: Deno.Conn,
  onPart: (part: Uint8Array) => Promise<void> = async () => {},
  enough = Infinity,
): Promise<Uint8Array> {
  const parts: number[] = [];
  const buffer = new Uint8Array(16 * 1024);
  while (parts.length < enough) {
    const count = await conn.read(buffer).catch(() => null);
    if (count === null) break;
    parts.push(...buffer.subarray(0, count));
    await onPart(buffer.subarray(0, count));
  }
  return Uint8Array.from(parts);
}

async function send(port: number, bytes: Uint8Array): Promise<Deno.Conn> {
  const conn = await Deno.connect({ hostname: HOST, port });
  write(conn, bytes).catch(() => {}); // cut off, as some tests mean it to be
  return conn;
}

Deno.test("FaultyProxy passes bytes unchanged in both directions, and ends where either ends", async () => {
  await using target = openEcho();
  await using proxy = new FaultyProxy(target.port);
  using conn = await send(proxy.port, BYTES);
  assertEquals(await readAll(conn, undefined, BYTES.length), BYTES);
  await conn.closeWrite();
  assertEquals((await readAll(conn)).length, 0);
  assertEquals(await target.received[0], BYTES);
});

Deno.test("Pipe.cutAfter() cuts after exactly that many bytes of its direction", async () => {
  await using target = openEcho();
  await using proxy = new FaultyProxy(target.port);
  for (const count of [1, 2, 1000, 65_536, 65_537, 199_999, 200_000]) {
    proxy.onLink = (link) => link.up.cutAfter(count);
    using up = await send(proxy.port, BYTES);
    const heard = await readAll(up);
    assertEquals(await target.received.at(-1), BYTES.subarray(0, count));
    assert(heard.length <= count);
    proxy.onLink = (link) => link.down.cutAfter(count);
    using down = await send(proxy.port, BYTES);
    assertEquals(await readAll(down), BYTES.subarray(0, count));
  }
  proxy.onLink = (link) => link.up.cutAfter(0);
  using none = await send(proxy.port, BYTES);
  assertEquals((await readAll(none)).length, 0);
});

Deno.test("Link.cut() ends both sides of a connection that is open, cutAfter counts from when it is called", async () => {
  await using target = openEcho();
  await using proxy = new FaultyProxy(target.port);
  using conn = await send(proxy.port, BYTES.subarray(0, 10));
  assertEquals((await readAll(conn, undefined, 10)).length, 10);
  proxy.links[0]!.up.cutAfter(5);
  await write(conn, BYTES.subarray(10, 30));
  await readAll(conn);
  assertEquals(await target.received[0], BYTES.subarray(0, 15));

  using other = await send(proxy.port, BYTES.subarray(0, 10));
  assertEquals((await readAll(other, undefined, 10)).length, 10);
  proxy.links.at(-1)!.cut();
  assertEquals((await readAll(other)).length, 0);
  assertEquals(await target.received[1], BYTES.subarray(0, 10));
});

Deno.test("Pipe.stall() holds bytes back until goOn(), slowTo() lets them through at its rate", async () => {
  await using target = openEcho();
  await using proxy = new FaultyProxy(target.port);
  const made = Promise.withResolvers<Link>();
  proxy.onLink = (link) => {
    link.down.stall();
    made.resolve(link);
  };
  using conn = await send(proxy.port, BYTES);
  const { up, down } = await made.promise;
  let isFlowing = false;
  const heard = readAll(conn, () => Promise.resolve(void (isFlowing = true)), BYTES.length);
  // The target answers as it reads, so this many bytes are on their way by then.
  while (up.passed < READ_BY_THEN) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals([down.passed, isFlowing], [0, false]);
  down.slowTo(1_000_000);
  const started = performance.now();
  down.goOn();
  assertEquals(await heard, BYTES);
  assert(performance.now() - started > 100, "200,000 bytes at a million a second");
});

Deno.test("Link.blackhole() accepts and swallows; nothing comes back, nothing reaches the target", async () => {
  await using target = openEcho();
  const proxy = new FaultyProxy(target.port);
  const made = Promise.withResolvers<Link>();
  proxy.onLink = (link) => {
    link.blackhole();
    made.resolve(link);
  };
  using conn = await Deno.connect({ hostname: HOST, port: proxy.port });
  await write(conn, BYTES); // more than nobody's reading would take
  await write(conn, BYTES);
  const heard = readAll(conn);
  await proxy[Symbol.asyncDispose]();
  assertEquals((await heard).length, 0);
  assertEquals(target.received.length, 0);
});

Deno.test("FaultyProxy leads to another port when the target has moved", async () => {
  await using first = openEcho();
  await using second = openEcho();
  await using proxy = new FaultyProxy(first.port);
  proxy.targetPort = second.port;
  using conn = await send(proxy.port, BYTES);
  assertEquals(await readAll(conn, undefined, BYTES.length), BYTES);
  assertEquals([first.received.length, second.received.length], [0, 1]);
});
