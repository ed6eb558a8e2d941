// Rows about connections that never become anything, and about more of them than there are descriptors.
import { JsonSocket } from "../support/json_socket.ts";
import type { Program } from "../support/program.ts";
import { RawSocket } from "../support/raw_socket.ts";
import { Attack } from "./attack.ts";
import { exactly, type Figure, part, type Row, type Setting } from "./row.ts";
import { examine, startVictim, waitUntil } from "./victim.ts";
import { describeWatched, watch, watchCalm } from "./watch.ts";

/** Time for a head, and that between two looks at the heads that are overdue; the same for a hello. */
const HEAD_WAIT_MS = 5_000 + 1_000;
const HELLO_WAIT_MS = 10_000;

/** Time for a peer to answer a close, where the transport counts it. */
const CLOSE_WAIT_MS = 5_000;

/** A thousand are opened, and their ends are heard of, within this. */
const SLACK_MS = 3_000;

const LIMITS = { mostHealthMs: 50 };

export const CONNECTION_ROWS: readonly Row[] = [
  {
    id: "silent",
    fault: "1,000 connections that say nothing",
    run: (setting) => runIdle("silent", setting, HEAD_WAIT_MS),
  },
  {
    id: "dripping",
    fault: "1,000 connections that send a byte of a head a second",
    run: (setting) => runIdle("dripping", setting, HEAD_WAIT_MS),
  },
  {
    id: "half-upgraded",
    fault: "1,000 connections with half a request for an upgrade",
    run: (setting) => runIdle("halfUpgraded", setting, HEAD_WAIT_MS),
  },
  {
    id: "mute",
    fault: "1,000 connections that are upgraded and never say hello",
    run: (setting) => runIdle("mute", setting, HELLO_WAIT_MS + CLOSE_WAIT_MS),
  },
  { id: "descriptors", fault: "256 file descriptors and a flood, 5 times", run: runDescriptors },
];

async function runIdle(name: string, setting: Setting, deadlineMs: number): Promise<Figure[]> {
  const count = part(1000, setting);
  await using victim = await startVictim(setting);
  const { port } = victim;
  const calm = await watchCalm(port, setting);
  // Where nothing is ever cut there is nothing to wait for.
  const mostMs = deadlineMs + SLACK_MS;
  const attack = () => Attack.run(name, { port, count }, mostMs);
  const { result, ...watched } = await watch(port, attack);
  const { opened, ended, longestMs, codes } = result;
  return [
    exactly("opened", opened, count),
    // Who is upgraded is told, on either transport; who does not answer keeps a socket on one of them.
    ...name === "mute" ? [exactly("told to go", codes["1008"] ?? 0, count)] : [],
    { what: "cut", value: ended, least: count, onlyOn: "ws" },
    {
      what: "the last of them after",
      value: longestMs,
      unit: "ms",
      most: mostMs,
      isTimed: true,
      onlyOn: "ws",
    },
    ...calm,
    ...describeWatched(watched, LIMITS),
    ...await examine(victim),
  ];
}

const DESCRIPTORS = 256;
const FLOODS = 5;

/** More than there are descriptors, and than the system queues for a program that does not accept. */
const FLOOD = 900;
const FLOOD_MS = 400;

/** Somebody asks this often whether it accepts again. */
const ASK_PERIOD_MS = 100;

/** Until it accepts again. */
const MOST_DEAF_MS = 2_000;
const RECOVER_WAIT_MS = 10_000;

async function runDescriptors(setting: Setting): Promise<Figure[]> {
  await using victim = await startVictim({ ...setting, descriptors: DESCRIPTORS });
  const floods = part(FLOODS, setting);
  await using member = (await JsonSocket.join(victim.port, { name: "Member" })).socket;
  let longestMs = 0;
  let recovered = 0;
  let answered = 0;
  for (let n = 0; n < floods; n++) {
    const conns = await flood(victim.port);
    answered += await say(member, `flood ${n}`);
    const released = Promise.all(conns.map(async (conn) => (await conn)?.close()));
    const deafMs = await measureDeafness(victim);
    if (deafMs < RECOVER_WAIT_MS) recovered++;
    longestMs = Math.max(longestMs, deafMs);
    await released;
  }
  return [
    exactly("floods in which who was there could talk", answered, floods),
    exactly("floods after which it accepts again", recovered, floods),
    {
      what: "until it does, at most",
      value: longestMs,
      unit: "ms",
      most: MOST_DEAF_MS,
      isTimed: true,
    },
    {
      what: "times that accepting failed",
      value: victim.log().split("accept failed").length - 1,
      least: 1,
    },
    ...await examine(victim),
  ];
}

/**
 * Connections, or null for each that the server refuses. Many are still being opened when this returns: the system asks
 * again for a second and more.
 */
async function flood(port: number): Promise<Promise<Deno.Conn | null>[]> {
  const conns = Array.from(
    { length: FLOOD },
    () => Deno.connect({ hostname: "127.0.0.1", port }).catch(() => null),
  );
  await new Promise((resolve) => setTimeout(resolve, FLOOD_MS));
  return conns;
}

/** 1 when it was acknowledged. */
async function say(member: JsonSocket, id: string): Promise<number> {
  member.send({ type: "say", id, text: id });
  return await member.read("ack", "error").then((line) => line?.type === "ack" ? 1 : 0, () => 0);
}

/** How long it takes until a new connection is answered. */
async function measureDeafness({ port }: Program): Promise<number> {
  const request = `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`;
  const startedMs = performance.now();
  const sockets: Promise<RawSocket | null>[] = [];
  let isAnswered = false;
  while (!isAnswered && performance.now() - startedMs < RECOVER_WAIT_MS) {
    // Not to wait for it: where it was not heard of, the system says so again only after a second.
    const socket = RawSocket.connect(port, request).catch(() => null);
    sockets.push(socket);
    socket.then((opened) => opened?.readHead()).then((head) => {
      isAnswered ||= head?.startsWith("HTTP/1.1 200") ?? false;
    }, () => {});
    await waitUntil(() => isAnswered, ASK_PERIOD_MS);
  }
  const deafMs = performance.now() - startedMs;
  for (const socket of sockets) (await socket)?.drop();
  return deafMs;
}
