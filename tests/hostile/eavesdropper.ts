// Somebody in a room who wants to hear what is said in another one: every way in, every representation, and the seqs and
// ids of the other room in every field. Keeps all bytes that come back.
import { RawSocket, upgradeRequest } from "../support/raw_socket.ts";

/** How long is listened behind what was last said in the other room. */
const LISTEN_MS = 700;

const REPRESENTATIONS = [
  "text/plain",
  "text/html",
  "application/json",
  "text/event-stream",
  "application/x-ndjson",
];

/** What may follow the name of a room. */
const QUERIES = [
  "",
  "?after=0",
  "?before=100",
  "?limit=500",
  "?history=500",
  "?after=0&history=500",
  "?follow&room=vault",
];

/** Other places, and roads that lead to no other room. */
const PATHS = [
  "/",
  "/?room=vault",
  "/healthz",
  "/metrics",
  "/r/vault%2f",
  "/r/vault%00",
  "/r/VAULT",
  "/r/kitchen/vault",
  "/r/kitchen%2f..%2fvault",
  "/r/",
  "/page/vault",
];

const KEY = "a key that nobody else has";
const HELLO = `{"type":"hello","name":"Eve","key":"${KEY}",`;

/** Every command that names a seq, an id or a person, with those of the other room. */
const COMMANDS = [
  '{"type":"history","before":100,"limit":500}',
  '{"type":"history","before":9007199254740991,"limit":500,"room":"vault"}',
  '{"type":"say","id":"a","text":"reply","replyTo":5,"room":"vault"}',
  '{"type":"edit","id":"b","ref":5,"text":"mine"}',
  '{"type":"delete","id":"c","ref":5}',
  '{"type":"react","id":"d","ref":5,"emoji":"x","on":true}',
  '{"type":"typing","room":"vault"}',
  '{"type":"name","name":"Eva"}',
  '{"type":"ping","n":1}',
];

/** All that came, by the way on which it did. `speak` has something said in the other room. */
export async function eavesdrop(
  port: number,
  { speak }: { speak: () => Promise<void> },
): Promise<Map<string, Uint8Array>> {
  const ways = new Map<string, () => Promise<RawSocket>>();
  for (const [name, head] of listRequests(port)) {
    ways.set(name, () => RawSocket.connect(port, head));
  }
  const json = upgradeRequest(port, "/r/kitchen/ws", ["Sec-WebSocket-Protocol: confab.v1"]);
  const hellos = [
    '"history":500}',
    '"after":0}',
    '"after":5,"most":500}',
    '"history":0,"room":"vault"}',
  ];
  for (const hello of hellos) {
    ways.set(`confab.v1 with ${hello}`, async () => {
      const socket = await RawSocket.connect(port, json);
      for (const line of [HELLO + hello, ...COMMANDS]) await socket.send(line);
      return socket;
    });
  }
  for (const path of ["/ws", "/r/kitchen/ws", "/r/kitchen/ws?room=vault"]) {
    ways.set(`lines at ${path}`, async () => {
      const socket = await RawSocket.connect(port, upgradeRequest(port, path));
      await socket.send("what is said next door?");
      return socket;
    });
  }
  const listeners = await Promise.all([...ways].map(async ([name, open]) => {
    return { name, socket: await open(), parts: [] as Uint8Array[] };
  }));
  const ended = listeners.map(async ({ socket, parts }) => {
    for (let chunk; (chunk = await socket.readChunk());) parts.push(chunk.slice());
  });
  await speak();
  await Promise.race([
    Promise.all(ended),
    new Promise((resolve) => setTimeout(resolve, LISTEN_MS)),
  ]);
  await speak();
  await new Promise((resolve) => setTimeout(resolve, LISTEN_MS));
  for (const { socket } of listeners) socket.drop();
  await Promise.all(ended);
  const heard = new Map<string, Uint8Array>();
  for (const { name, parts } of listeners) {
    heard.set(
      name,
      new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer()),
    );
  }
  return heard;
}

/** Name and head of every request. */
function* listRequests(port: number): Iterable<[string, string]> {
  const host = `Host: 127.0.0.1:${port}`;
  for (const accept of REPRESENTATIONS) {
    for (const target of [...QUERIES.map((query) => `/r/kitchen${query}`), ...PATHS]) {
      const head = [`GET ${target} HTTP/1.1`, host, `Accept: ${accept}`, "Last-Event-ID: 3"];
      yield [`GET ${target} as ${accept}`, `${head.join("\r\n")}\r\n\r\n`];
    }
  }
  const body = '{"text":"hi","id":"canary","name":"Eve","replyTo":5}';
  for (const type of ["edit", "delete", "react", "say"]) {
    const ref = body.replace("{", `{"type":"${type}","ref":5,"emoji":"x",`);
    const fields = [host, `Confab-Key: ${KEY}`, "Content-Type: application/json"];
    const head = [
      "POST /r/kitchen?room=vault HTTP/1.1",
      ...fields,
      `Content-Length: ${ref.length}`,
    ];
    yield [`POST of ${type}`, `${head.join("\r\n")}\r\n\r\n${ref}`];
  }
}
