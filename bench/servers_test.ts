import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { parsePeer, Unavailable } from "./peers.ts";
import { listServers } from "./servers.ts";

Deno.test("parsePeer() parses a name and the address of a server", () => {
  assertEquals(parsePeer("Go chat=ws://127.0.0.1:1234/chat?room=a=b"), {
    name: "Go chat",
    hostname: "127.0.0.1",
    port: 1234,
    path: "/chat?room=a=b",
  });
  assertEquals(parsePeer("six=ws://[::1]"), { name: "six", hostname: "::1", port: 80, path: "/" });
});

Deno.test("parsePeer() reports the reason and the value", () => {
  const wrong = {
    "": "NAME=URL",
    "ws://127.0.0.1:1234/ws": "NAME=URL",
    "=ws://127.0.0.1:1234/ws": "NAME=URL",
    "go=": "a URL like ws://127.0.0.1:1234/ws",
    "go=127.0.0.1:1234": "a URL like ws://127.0.0.1:1234/ws",
    "go=http://127.0.0.1:1234/ws": "a URL like ws://127.0.0.1:1234/ws",
    "go=wss://127.0.0.1:1234/ws": "a URL like ws://127.0.0.1:1234/ws",
    "go=ws://127.0.0.1:99999/ws": "a URL like ws://127.0.0.1:1234/ws",
    "go=ws://127.0.0.1:0/ws": "the port that it listens on",
    "go=ws://me:pass@127.0.0.1:1234/ws": "a URL without user and fragment",
    "go=ws://:pass@127.0.0.1:1234/ws": "a URL without user and fragment",
    "go=ws://127.0.0.1:1234/ws#a": "a URL without user and fragment",
    "a name that is rather long=ws://127.0.0.1:1": "a name of at most 24 characters that show",
    "a\u202eb=ws://127.0.0.1:1/ws": "a name of at most 24 characters that show",
  };
  for (const [text, reason] of Object.entries(wrong)) {
    const { message } = assertThrows(() => parsePeer(text), TypeError);
    assertEquals(
      message,
      `Cannot parse flag "--peer": expected ${reason}, received "${text}"`,
    );
  }
});

Deno.test("listServers() lists every variant of Confab once, and a name only once", () => {
  const servers = listServers({ peers: ["go=ws://127.0.0.1:1234/ws"] });
  const ids = servers.map(({ id }) => id);
  assertEquals(new Set(ids).size, ids.length);
  assertEquals(servers.filter(({ isConfab }) => isConfab).length, 8);
  assertEquals(ids.slice(8), ["bun", "ws", "socket.io", "go"]);
  const stored = servers.filter(({ stores }) => stores === "disk, synced").map(({ id }) => id);
  assertEquals(stored, [
    "confab-ws-sqlite-confab.v1",
    "confab-ws-sqlite-lines",
    "confab-deno-sqlite-confab.v1",
    "confab-deno-sqlite-lines",
  ]);
  const { message } = assertThrows(
    () => listServers({ peers: ["ws=ws://127.0.0.1:1234/ws"] }),
    TypeError,
  );
  assertEquals(
    message,
    'Cannot use flag "--peer": expected a name that is not taken, received "ws"',
  );
});

Deno.test("Server.start() refuses an executable that does not exist", async () => {
  const [confab] = listServers({ confab: "/nowhere/confab" });
  const { message } = await assertRejects(() => confab!.start(), TypeError);
  assertEquals(
    message,
    'Cannot use flag "--confab": expected an executable, received "/nowhere/confab"',
  );
});

Deno.test("Server.start() reaches a server that is already running, and reports one that is not", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const external = listServers({ peers: [`go=ws://127.0.0.1:${port}/chat`] }).at(-1)!;
  await using server = await external.start();
  assertEquals([server.hostname, server.port, server.path], ["127.0.0.1", port, "/chat"]);
  assertEquals([server.pid, server.startUpMs], [undefined, undefined]);
  listener.close();
  const { message } = await assertRejects(() => external.start(), Unavailable);
  assert(message.startsWith(`Cannot reach go at 127.0.0.1 port ${port}: `), message);
});
