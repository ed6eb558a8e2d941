// Attacks that make the server keep something: unfinished messages in every shape, answers that nobody reads, bodies that
// never end.
import { encodeFrame, OPCODE, RawSocket } from "../support/raw_socket.ts";
import type { Tactic } from "./attacker.ts";
import type { Force } from "./force.ts";

/** Size of what the server reads at a time. */
const CHUNK_BYTES = 64 * 1024;

/** Fragments, each of one byte, with as many pongs as fill a chunk. */
const FRAGMENTS = 40;

/** Single bytes that each connection drips. */
const DRIPS = 400;

/** Largest message with the default limits. */
const MESSAGE_BYTES = 128 * 1024;

/** Requests that a connection may have waiting. */
const PIPELINED = 6;

/** Chunks of pings: more than their answers that the system keeps. */
const PING_CHUNKS = 160;

/** Most of a head. */
const HEAD_BYTES = 8 * 1024 - 200;

/** Largest payload of another service. */
const BODY_BYTES = 1024 * 1024;

const BODY_PERIOD_MS = 1_000;

const encoder = new TextEncoder();

/** Returns a frame that is not final. */
function fragment(opcode: number, payload: Uint8Array): Uint8Array {
  const bytes = encodeFrame(opcode, payload);
  bytes[0] = opcode;
  return bytes;
}

/** Returns a chunk full of frames. */
function fill(frame: Uint8Array, first: Uint8Array = new Uint8Array()): Uint8Array {
  const chunk = new Uint8Array(CHUNK_BYTES);
  chunk.set(first);
  let at = first.length;
  for (; at + frame.length <= CHUNK_BYTES; at += frame.length) chunk.set(frame, at);
  return chunk.subarray(0, at);
}

const PONG = encodeFrame(OPCODE.pong, new Uint8Array(125));
const PING = encodeFrame(OPCODE.ping, new Uint8Array(125));

/** A message in fragments of one byte, each in a chunk of its own that pongs fill. */
const pinned: Tactic = (force, { count }) =>
  hoard(force, count, async (socket) => {
    const one = Uint8Array.of(120);
    for (let n = 0; n < FRAGMENTS; n++) {
      const first = fragment(n === 0 ? OPCODE.text : 0, one);
      if (!await force.send(socket, fill(PONG, first))) return;
    }
  });

/** A frame whose payload comes byte by byte. */
const dripped: Tactic = (force, { count }) =>
  hoard(force, count, async (socket) => {
    const frame = encodeFrame(OPCODE.text, new Uint8Array(MESSAGE_BYTES));
    for (let n = 0; n < DRIPS; n++) {
      if (!await force.send(socket, frame.subarray(n, n + 1))) return;
      await new Promise((resolve) => setTimeout(resolve, 1)); // each in a packet of its own
    }
  });

/** All but the last byte of the largest message. */
const unfinished: Tactic = (force, { count }) =>
  hoard(force, count, async (socket) => {
    const frame = encodeFrame(OPCODE.text, new Uint8Array(MESSAGE_BYTES));
    await force.send(socket, frame.subarray(0, -1));
  });

/** Pings whose answers nobody reads. */
const pings: Tactic = (force, { count }) =>
  hoard(force, count, async (socket) => {
    const chunk = fill(PING);
    for (let n = 0; n < PING_CHUNKS; n++) if (!await force.send(socket, chunk)) return;
  });

/** Pages of history that nobody reads. */
const unreadPages: Tactic = (force, { count }) => {
  const request = [
    "GET /r/hoard?limit=500 HTTP/1.1",
    "Host: 127.0.0.1",
    "Accept: application/json",
    "\r\n",
  ].join("\r\n");
  const open = () => RawSocket.connect(force.port, request.repeat(PIPELINED));
  return hoard(force, count, async () => {}, open);
};

/** Streams of a long room that nobody reads, each from another position. */
const unreadStreams: Tactic = (force, { count }) =>
  hoard(force, count, async () => {}, (n) =>
    RawSocket.connect(
      force.port,
      [
        `GET /r/hoard?after=${n} HTTP/1.1`,
        "Host: 127.0.0.1",
        "Accept: application/x-ndjson",
        "\r\n",
      ].join("\r\n"),
    ));

/** WebSockets of a busy room that nobody reads. */
const unreadLive: Tactic = (force, { count }) =>
  hoard(force, count, async () => {}, () => RawSocket.open(force.port, "/r/hoard/ws"));

/** Heads without their last line. */
const heads: Tactic = (force, { count }) =>
  hoard(force, count, async () => {}, () => {
    const head = `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nx: ${"x".repeat(HEAD_BYTES)}\r\n`;
    return RawSocket.connect(force.port, head);
  });

/** Payloads of another service without their last byte. */
const largeBodies: Tactic = (force, { count }) => {
  const head = [
    "POST /r/hoard?format=github HTTP/1.1",
    "Host: 127.0.0.1",
    "Content-Type: application/json",
    `Content-Length: ${BODY_BYTES}`,
    "\r\n",
  ].join("\r\n");
  return hoard(
    force,
    count,
    async (socket) => void await force.send(socket, new Uint8Array(BODY_BYTES - 1)),
    () => RawSocket.connect(force.port, head),
  );
};

/** Requests whose bodies never end: half of them POST, half GET. */
const endlessBodies: Tactic = async (force, { count }) => {
  const sockets = await force.open(count, (n) => {
    const [method, path] = n % 2 === 0 ? ["POST", "/r/hoard"] : ["GET", "/r/hoard"];
    const head = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n`;
    return RawSocket.connect(force.port, head);
  });
  const byte = encoder.encode("x");
  const open = new Set(sockets);
  const timer = setInterval(() => {
    for (const socket of open) {
      force.send(socket, byte).then((isOpen) => isOpen || open.delete(socket));
    }
  }, BODY_PERIOD_MS);
  force.begin();
  await Promise.race([
    Promise.all(sockets.map((socket) => force.drain(socket))),
    force.calledBack,
  ]);
  clearInterval(timer);
};

/** Opens connections that read nothing, acts on each, and keeps them. */
async function hoard(
  force: Force,
  count: number,
  act: (socket: RawSocket) => Promise<void>,
  open: (n: number) => Promise<RawSocket> = () => RawSocket.open(force.port),
): Promise<void> {
  const sockets = await force.open(count, open);
  await Promise.race([Promise.all(sockets.map(act)), force.calledBack]);
  force.begin();
  await force.calledBack;
}

export const HOARD_ATTACKS = {
  pinned,
  dripped,
  unfinished,
  pings,
  unreadPages,
  unreadStreams,
  unreadLive,
  heads,
  largeBodies,
  endlessBodies,
};
