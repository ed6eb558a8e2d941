// What an operator does, seen from outside: over both wires, both transports, HTTP, and a restart.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openSqliteJournal } from "../journal/sqlite/sqlite_journal.ts";
import { listenDeno } from "../transport/deno.ts";
import { listenWs } from "../transport/ws.ts";
import { JsonSocket, makeKey } from "./support/json_socket.ts";
import { makeOperatorGate, OPERATOR_KEY } from "./support/operator_gate.ts";
import { runProgram } from "./support/program.ts";
import { serve, type Serving, type ServingOptions } from "./support/serving.ts";

const TRANSPORTS = { deno: listenDeno, ws: listenWs };
const BANNED = /^You are banned from this server until \d{4}-\d\d-\d\d \d\d:\d\d UTC$/;

function serveOperator(options: ServingOptions = {}): Promise<Serving> {
  return serve({ authenticator: makeOperatorGate(), ...options });
}

/** Posts as an operator. */
function act(url: string, body: object, key?: string) {
  return post(url, body, key, { authorization: `Bearer ${OPERATOR_KEY}` });
}

async function post(url: string, body: object, key?: string, others: Record<string, string> = {}) {
  const headers = {
    "content-type": "application/json",
    ...key === undefined ? {} : { "confab-key": key },
    ...others,
  };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const { status } = response;
  return { status, ...await response.json() };
}

async function readEntries(url: string) {
  const response = await fetch(url, { headers: { accept: "application/json" } });
  return (await response.json()).entries;
}

for (const [name, listen] of Object.entries(TRANSPORTS)) {
  Deno.test(`operator on transport ${name} closes a room and bans an author on an open connection`, async () => {
    await using server = await serveOperator({ listen });
    const { port } = server;
    const ann = await JsonSocket.join(port, {
      name: "Ann",
      path: "/r/ops/ws",
      bearer: OPERATOR_KEY,
    });
    await using annSocket = ann.socket;
    assertEquals(ann.welcome["account"], { operator: true });
    const ben = await JsonSocket.join(port, { name: "Ben", path: "/r/ops/ws" });
    await using benSocket = ben.socket;
    assertEquals(ben.welcome["account"], undefined);
    benSocket.send({ type: "say", id: "1", text: "spam" });
    await benSocket.read("ack");
    annSocket.send({ type: "close", id: "2" });
    await annSocket.read("ack");
    benSocket.send({ type: "say", id: "3", text: "spam" });
    assertEquals((await benSocket.read("error"))?.code, "room_closed");
    benSocket.send({ type: "name", name: "Spam" });
    assertEquals((await benSocket.read("error"))?.code, "room_closed");
    annSocket.send({ type: "ban", id: "4", ref: 1, minutes: 5, address: false });
    const error = await benSocket.read("error");
    assertEquals(error?.code, "banned");
    assertMatch(String(error?.["message"]), BANNED);
    assertEquals((await benSocket.read("bye"))?.code, "banned");
    assertEquals((await benSocket.closed).code, 1008);
    await using again = await JsonSocket.open(port, "/r/other/ws");
    again.send({ type: "hello", name: "Ben", key: makeKey("Ben") });
    assertEquals((await again.read("welcome", "error"))?.code, "banned");
    assertEquals((await again.closed).code, 1008);
  });

  Deno.test(`operator on transport ${name} bans an address: no lines, no stream, no POST from it`, async () => {
    await using server = await serveOperator({ listen });
    const { port, url } = server;
    const { socket } = await JsonSocket.join(port, { name: "Ben", path: "/r/ops/ws" });
    await using _ben = socket;
    socket.send({ type: "say", id: "1", text: "spam" });
    await socket.read("ack");
    const banned = await act(url, { type: "ban", ref: 1, address: true });
    assertEquals(banned.status, 201);
    await socket.closed;
    const refused = await post(url, { text: "again" });
    assertEquals([refused.status, refused.code], [403, "banned"]);
    assertMatch(refused.detail, BANNED);
    const stream = await fetch(url, { headers: { accept: "text/event-stream" } });
    assertEquals([stream.status, (await stream.json()).code], [403, "banned"]);
    const socketUrl = `http://127.0.0.1:${port}/ws`;
    const upgrade = await rawUpgrade(socketUrl);
    assertStringIncludes(upgrade, " 403 ");
    assertStringIncludes(upgrade, '"code":"banned"');
    // Neither the entry nor anything else tells the address.
    const entries = await readEntries(url);
    assertEquals(entries[1].who, { name: "Ben", tag: entries[0].from.tag });
    assert(!JSON.stringify(entries).includes("127.0.0.1"));
    assertEquals((await act(url, { type: "ban", ref: 1, on: false })).status, 201);
    assertEquals((await post(url, { text: "again" })).status, 201);
  });
}

/** What a client of lines is answered that asks for an upgrade. */
async function rawUpgrade(url: string): Promise<string> {
  const { hostname, port, pathname, host } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const head = [
    `GET ${pathname} HTTP/1.1`,
    `Host: ${host}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
  ];
  await connection.write(new TextEncoder().encode(`${head.join("\r\n")}\r\n\r\n`));
  const decoder = new TextDecoder();
  let answer = "";
  for (const buffer = new Uint8Array(4096); !/ 101 |\}/.test(answer);) {
    const read = await connection.read(buffer);
    if (read === null) break;
    answer += decoder.decode(buffer.subarray(0, read));
  }
  return answer;
}

Deno.test("POST by an operator without a key is the operator's, and by nobody else", async () => {
  await using server = await serveOperator();
  const { url } = server;
  assertEquals((await post(url, { text: "spam" })).status, 201);
  assertEquals((await act(url, { type: "delete", ref: 1 })).status, 201);
  assertEquals((await act(url, { type: "close", name: "Ann" })).status, 201);
  const byKey = await act(url, { type: "close", on: false, name: "Ann" }, makeKey("Ann"));
  assertEquals(byKey.status, 201);
  const entries: { from: { name: string; tag: string } }[] = await readEntries(url);
  const keyed = entries.pop()!.from;
  assertEquals(entries.map(({ from }) => from), [
    { name: "", tag: "0000" },
    { name: "operator", tag: "oper" },
    { name: "Ann", tag: "oper" },
  ]);
  assertMatch(keyed.tag, /^[0-9a-hjkmnp-tv-z]{6}$/);
  for (const body of [{ type: "close" }, { type: "ban", ref: 1 }]) {
    for (const key of [undefined, makeKey("Ben")]) {
      const { status, code } = await post(url, { ...body, name: "operator" }, key);
      assertEquals([status, code], [403, "not_operator"]);
    }
  }
  const { status, code, detail } = await act(url, { type: "ban", ref: 1 });
  assertEquals([status, code], [400, "bad_field"]);
  assertStringIncludes(detail, "without a key");
});

Deno.test("operator: a restart opens no room and lifts no ban, and neither does retention", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "confab-operator-" });
  try {
    for (const round of [1, 2]) {
      using journal = openSqliteJournal(folder);
      await using server = await serveOperator({ journal, keep: 1 });
      const { url } = server;
      if (round === 1) {
        await post(url, { text: "spam", name: "Ben" }, makeKey("Ben"));
        await act(url, { type: "ban", ref: 1 });
        await act(url, { type: "close" });
        const later = Array.from({ length: 300 }, () => act(url, { text: "later" }));
        await Promise.all(later);
        assertEquals((await readEntries(`${url}?after=0`))[0].seq, 303);
      }
      const ben = await post(url, { text: "spam", name: "Ben" }, makeKey("Ben"));
      const cat = await post(url, { text: "hi" });
      assertEquals([ben.code, cat.code], ["banned", "room_closed"]);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("confab chat, send and tail of somebody who is banned say so, and end; in a closed room send says why", async () => {
  await using server = await serveOperator();
  const { port, url } = server;
  const folder = await Deno.makeTempDir({ prefix: "confab-operator-" });
  const run = (...args: string[]) =>
    runProgram(args, { input: "hi\n", env: { XDG_STATE_HOME: folder } });
  try {
    const { socket } = await JsonSocket.join(port, { name: "Ben", path: "/r/ops/ws" });
    await using _ben = socket;
    socket.send({ type: "say", id: "1", text: "spam" });
    await socket.read("ack");
    await act(url, { type: "close" });
    assertStringIncludes((await run("send", url, "hi")).stderr, "The room is closed");
    await act(url, { type: "ban", ref: 1, address: true });
    const ended = await Promise.all([
      run("chat", url, "--name", "Ann"),
      run("send", url, "hi"),
      run("tail", url),
    ]);
    for (const { code, stderr } of ended) {
      assertEquals(code, 1, stderr);
      assertMatch(stderr, /You are banned from this server until \d{4}-\d\d-\d\d \d\d:\d\d UTC\n/);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
