// Attacks with what no client would say: random frames, bytes and JSON that is almost right. From a seed.
import { Random } from "../support/random.ts";
import { encodeFrame, type Frame, OPCODE, RawSocket } from "../support/raw_socket.ts";
import type { Tactic } from "./attacker.ts";
import type { Force } from "./force.ts";
import { makeGarbage } from "./mutation.ts";

/** Attackers at a time. Each has a room of its own for its texts: nobody is meant to be drowned by their number. */
const ATTACKERS = 32;

const FRAMES_AT_ONCE = 32;

/** Payload of the ping behind them; no other one is as long. */
const PING = new Uint8Array(125);
const ANSWER_WAIT_MS = 1_000;

/** `count` frames by all attackers together. */
const garbage: Tactic = async (force, { count, seed }) => {
  force.begin();
  let left = count;
  await Promise.all(Array.from({ length: ATTACKERS }, async (_, n) => {
    const random = new Random(seed + n);
    while (left > 0 && !force.isCalledBack) {
      await attackOnce(force, { n, random, take: () => left-- > 0 && !force.isCalledBack });
    }
  }));
};

interface Attacker {
  readonly n: number;
  readonly random: Random;
  /** Whether another frame is to be sent. */
  readonly take: () => boolean;
}

/** One connection, until the server has had enough of it. */
async function attackOnce(force: Force, { n, random, take }: Attacker): Promise<void> {
  const isJson = n % 4 !== 0;
  const headers = isJson ? ["Sec-WebSocket-Protocol: confab.v1"] : [];
  const [socket] = await force.open(1, () => RawSocket.open(force.port, `/r/g${n}/ws`, headers));
  if (!socket) return;
  let isClosed = false;
  let goOn = () => {};
  const lookAt = ({ opcode, payload }: Frame) => {
    if (opcode === OPCODE.close) isClosed = true;
    if (isClosed || opcode === OPCODE.pong && payload.length === PING.length) goOn();
  };
  void force.readToEnd(socket, lookAt).then(() => {
    isClosed = true;
    goOn();
  });
  const hello = { type: "hello", name: `G${n}`, key: `the key of number ${n}`, history: 0 };
  if (isJson && random.next() < 0.9) await force.send(socket, encode(hello), 0);
  while (!isClosed) {
    const frames: Uint8Array[] = [];
    while (frames.length < FRAMES_AT_ONCE && take()) frames.push(makeGarbage(random));
    if (frames.length === 0) break;
    // What is sent behind a mistake nobody looks at: hence few at a time, and the pong.
    const answered = new Promise<void>((resolve) => goOn = resolve);
    const bytes = join([...frames, encodeFrame(OPCODE.ping, PING)]);
    if (!await force.send(socket, bytes, frames.length)) break;
    const timer = setTimeout(() => {
      isClosed = true; // a length that lies has swallowed the ping
      goOn();
    }, ANSWER_WAIT_MS);
    await answered;
    clearTimeout(timer);
  }
  socket.drop();
}

function encode(line: object): Uint8Array {
  return encodeFrame(OPCODE.text, new TextEncoder().encode(JSON.stringify(line)));
}

function join(frames: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(frames.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const frame of frames) {
    bytes.set(frame, at);
    at += frame.length;
  }
  return bytes;
}

export const GARBAGE_ATTACKS = { garbage };
