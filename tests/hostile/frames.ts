// Attacks with messages larger than any limit: in one frame, in fragments, and in a million fragments of nothing.
import { encodeFrame, OPCODE, RawSocket } from "../support/raw_socket.ts";
import type { Tactic } from "./attacker.ts";
import type { Force } from "./force.ts";

const CHUNK_BYTES = 64 * 1024;

/** Time for the server to say why it closes, after everything was sent. */
const CLOSE_WAIT_MS = 2_000;

/** First bytes of a frame: text that is not final, and its continuation. */
const FIRST = OPCODE.text;
const CONTINUATION = 0;

/** One frame of so many bytes. */
const hugeFrame: Tactic = (force, { bytes }) =>
  attack(force, async (send) => {
    const head = encodeFrame(OPCODE.text, new Uint8Array(CHUNK_BYTES)).slice(0, -CHUNK_BYTES);
    new DataView(head.buffer).setUint32(6, bytes); // a length of 64 bits, of which these are the lower half
    if (!await send(head)) return;
    const chunk = new Uint8Array(CHUNK_BYTES).fill(0x78);
    for (let sent = 0; sent < bytes; sent += CHUNK_BYTES) if (!await send(chunk)) return;
  });

/** One message of so many bytes, in fragments, without an end. */
const fragments: Tactic = (force, { bytes }) =>
  attack(force, async (send) => {
    const fragment = encodeFrame(FIRST, new Uint8Array(CHUNK_BYTES).fill(0x78));
    for (let sent = 0; sent < bytes; sent += CHUNK_BYTES) {
      fragment[0] = sent === 0 ? FIRST : CONTINUATION;
      if (!await send(fragment)) return;
    }
  });

/** One message of so many fragments, all of them empty, without an end. */
const emptyFragments: Tactic = (force, { count }) =>
  attack(force, async (send) => {
    const first = encodeFrame(FIRST, new Uint8Array());
    first[0] = FIRST;
    if (!await send(first)) return;
    const empty = encodeFrame(CONTINUATION, new Uint8Array());
    empty[0] = CONTINUATION;
    const atOnce = 1_000;
    const many = new Uint8Array(empty.length * atOnce);
    for (let n = 0; n < atOnce; n++) many.set(empty, n * empty.length);
    for (let sent = 0; sent < count; sent += atOnce) if (!await send(many, atOnce)) return;
  });

/** Sends until everything is sent, the server has had enough or the force is called back. */
async function attack(
  force: Force,
  fight: (send: (bytes: Uint8Array, messages?: number) => Promise<boolean>) => Promise<void>,
): Promise<void> {
  using socket = await RawSocket.open(force.port);
  force.begin();
  let isClosed = false;
  const closed = new Promise<void>((resolve) => {
    const close = () => {
      isClosed = true;
      resolve();
    };
    void force.readToEnd(socket, ({ opcode }) => opcode === OPCODE.close && close()).then(close);
  });
  await fight(async (bytes, messages) =>
    !isClosed && !force.isCalledBack && await force.send(socket, bytes, messages)
  );
  const timer = setTimeout(() => force.callBack(), CLOSE_WAIT_MS);
  await Promise.race([closed, force.calledBack]);
  clearTimeout(timer);
}

export const FRAME_ATTACKS = { hugeFrame, fragments, emptyFragments };
