// Loads that do nothing wrong: people who talk at a steady rate, and read.
import { encodeFrame, OPCODE, RawSocket } from "../support/raw_socket.ts";
import type { Tactic } from "./attacker.ts";

/** `count` people on the wire of lines who say texts of `bytes` bytes, `perSecond` of them all together. */
const talk: Tactic = async (force, { count, bytes, perSecond }) => {
  const sockets = await force.open(count, () => RawSocket.open(force.port));
  for (const socket of sockets) void force.drain(socket);
  const line = encodeFrame(OPCODE.text, new Uint8Array(bytes).fill(0x78));
  force.begin();
  const startedMs = performance.now();
  for (let said = 0; !force.isCalledBack;) {
    const due = (performance.now() - startedMs) / 1000 * perSecond;
    while (said < due) await force.send(sockets[said++ % count]!, line);
    await new Promise((resolve) => setTimeout(resolve, 1000 / perSecond));
  }
};

export const TALKS = { talk };
