// Attacks that send little or read nothing: what they cost is what the server keeps for each of them.
import { RawSocket, upgradeRequest } from "../support/raw_socket.ts";
import type { Tactic } from "./attacker.ts";
import type { Force } from "./force.ts";

const JSON_PROTOCOL = "Sec-WebSocket-Protocol: confab.v1";

/** Between two bytes of who drips. */
const DRIP_PERIOD_MS = 1_000;

/** Nothing is ever sent. */
const silent: Tactic = (force, { count }) =>
  waitForEnds(force, { count, open: () => RawSocket.connect(force.port, "") });

/** Half a request for an upgrade, and then nothing. */
const halfUpgraded: Tactic = (force, { count }) => {
  const head = upgradeRequest(force.port, "/ws").slice(0, -2); // its empty line
  return waitForEnds(force, { count, open: () => RawSocket.connect(force.port, head) });
};

/** Upgraded, and then never a hello. */
const mute: Tactic = (force, { count }) =>
  waitForEnds(force, {
    count,
    open: () => RawSocket.open(force.port, "/ws", [JSON_PROTOCOL]),
    isUpgraded: true,
  });

/** A byte of a head a second, and no end of it. */
const dripping: Tactic = async (force, { count }) => {
  const sockets = new Set<RawSocket>();
  const byte = new TextEncoder().encode("x");
  const timer = setInterval(() => {
    for (const socket of sockets) {
      force.send(socket, byte).then((isOpen) => isOpen || sockets.delete(socket));
    }
  }, DRIP_PERIOD_MS);
  const open = async () => {
    const socket = await RawSocket.connect(force.port, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
    sockets.add(socket);
    return socket;
  };
  await waitForEnds(force, { count, open });
  clearInterval(timer);
};

/** Members of the room that never read, half of them on each wire. They are never seen to end, since nothing is read. */
const deaf: Tactic = async (force, { count }) => {
  await force.open(count, (n) => join(force.port, n));
  force.begin();
  await force.calledBack;
};

/** The same number of members, who read. */
const attentive: Tactic = async (force, { count }) => {
  const sockets = await force.open(count, (n) => join(force.port, n));
  for (const socket of sockets) void force.drain(socket);
  force.begin();
  await force.calledBack;
};

async function join(port: number, n: number): Promise<RawSocket> {
  const isJson = n % 2 === 0;
  const socket = await RawSocket.open(port, "/ws", isJson ? [JSON_PROTOCOL] : []);
  const key = `the key of number ${n}`;
  if (isJson) await socket.send(JSON.stringify({ type: "hello", key, history: 0 }));
  return socket;
}

async function waitForEnds(
  force: Force,
  { count, open, isUpgraded = false }: {
    readonly count: number;
    readonly open: () => Promise<RawSocket>;
    /** Whether frames come, by which it may be told why it is closed. */
    readonly isUpgraded?: boolean;
  },
): Promise<void> {
  const ends: Promise<void>[] = [];
  await force.open(count, async () => {
    const socket = await open();
    ends.push(isUpgraded ? force.readToEnd(socket) : force.drain(socket));
    return socket;
  });
  force.begin();
  await Promise.race([Promise.all(ends), force.calledBack]);
}

export const CONNECTION_ATTACKS = { silent, halfUpgraded, mute, dripping, deaf, attentive };
