// Rows about what 256 connections of one address can make the server keep.
import { Attack } from "./attack.ts";
import { exactly, type Figure, part, type Row, type Setting } from "./row.ts";
import { examine, residentMiB, startVictim } from "./victim.ts";
import { describeWatched, watch, watchCalm } from "./watch.ts";

const CONNECTIONS = 256;

/** Connections that their address may have, with those of the watcher: the bound of its bytes is that of the default. */
const PER_ADDRESS = CONNECTIONS + 4;

/** Connections that ping: two million pings take seconds to read. */
const PINGING = 24;

/** Memory that they may take together. */
const MOST_MORE_MIB = 128;

/** Time for the server to keep what it keeps, when everything was sent. */
const HOLD_MS = 3_000;

/** Time for a body to arrive and for its connection to end, with slack. */
const BODY_WAIT_MS = 20_000 + 5_000 + 5_000;

/** Entries of 16 KiB, each character of which JSON escapes to two bytes: without a bound, a page of them would have 3 MiB. */
const ENTRIES = 100;

/** Entries that exceed the system's buffers of a connection. */
const MANY_ENTRIES = 600;
const ENTRY_BYTES = 16 * 1024;

export const HOARD_ROWS: readonly Row[] = [
  hoarding("pinned", "messages that never end, a byte in each 64 KiB of pongs", "pinned"),
  hoarding("dripped", "frames of 128 KiB that come byte by byte", "dripped"),
  hoarding("unfinished", "messages of 128 KiB without their last byte", "unfinished"),
  {
    id: "pings",
    fault: `${PINGING} connections: 10 MiB of pings each whose answers nobody reads`,
    run: (setting) => runHoard("pings", setting, { connections: PINGING }),
  },
  hoarding("unread-pages", "six pages of history each that nobody reads", "unreadPages", {
    before: (port) => fillRoom(port, ENTRIES),
  }),
  hoarding("unread-streams", "a long replay each that nobody reads", "unreadStreams", {
    before: (port) => fillRoom(port, MANY_ENTRIES),
  }),
  hoarding("unread-live", "WebSockets of a busy room that nobody reads", "unreadLive", {
    during: (port) => fillRoom(port, MANY_ENTRIES),
  }),
  hoarding("unfinished-heads", "heads of 8 KiB that do not end", "heads"),
  hoarding("large-bodies", "bodies of 1 MiB without their last byte", "largeBodies"),
  {
    id: "endless-bodies",
    fault: "256 requests with a body of a byte a second, POST and GET",
    run: runEndlessBodies,
  },
];

function hoarding(
  id: string,
  fault: string,
  attack: string,
  others: Others = {},
): Row {
  return {
    id,
    fault: `${CONNECTIONS} connections: ${fault}`,
    run: (setting) => runHoard(attack, setting, others),
  };
}

/** Further actions of a row, with the port of the server. */
interface Others {
  readonly connections?: number;
  /** Before memory is measured. */
  readonly before?: (port: number) => Promise<void>;
  /** While the connections are open. */
  readonly during?: (port: number) => Promise<void>;
}

async function runHoard(
  name: string,
  setting: Setting,
  { connections = CONNECTIONS, before, during }: Others,
): Promise<Figure[]> {
  const count = part(connections, setting);
  await using victim = await startVictim({ ...setting, perAddress: PER_ADDRESS });
  const { port } = victim;
  await before?.(port);
  const calm = await watchCalm(port, setting);
  const beforeMiB = residentMiB(victim);
  let peak = beforeMiB;
  const sampler = setInterval(() => peak = Math.max(peak, residentMiB(victim)), 20);
  const { result, ...watched } = await watch(port, async () => {
    await using attack = await Attack.begin(name, { port, count });
    await during?.(port);
    await new Promise((resolve) => setTimeout(resolve, HOLD_MS));
    return await attack.stop();
  }).finally(() => clearInterval(sampler));
  return [
    exactly("opened", result.opened, count),
    { what: "sent", value: result.sentBytes / 1024 / 1024, unit: "MiB" },
    {
      what: "memory at most, more than before",
      value: peak - beforeMiB,
      unit: "MiB",
      most: MOST_MORE_MIB,
      onlyOn: "ws",
    },
    ...calm,
    ...describeWatched(watched),
    ...await examine(victim),
  ];
}

async function runEndlessBodies(setting: Setting): Promise<Figure[]> {
  const count = part(CONNECTIONS, setting);
  await using victim = await startVictim(setting);
  const { port } = victim;
  const attack = () => Attack.run("endlessBodies", { port, count }, BODY_WAIT_MS + HOLD_MS);
  const { result: { opened, ended, longestMs }, ...watched } = await watch(port, attack);
  return [
    exactly("opened", opened, count),
    { what: "cut", value: ended, least: count, onlyOn: "ws" },
    {
      what: "the last of them after",
      value: longestMs,
      unit: "ms",
      most: BODY_WAIT_MS,
      isTimed: true,
      onlyOn: "ws",
    },
    ...describeWatched(watched),
    ...await examine(victim),
  ];
}

/** Fills the room. */
async function fillRoom(port: number, entries: number): Promise<void> {
  for (let n = 0; n < entries; n++) {
    const body = '"'.repeat(ENTRY_BYTES);
    const response = await fetch(`http://127.0.0.1:${port}/r/hoard`, { method: "POST", body });
    if (!response.ok) throw new Error(`Cannot fill the room: received ${response.status}`);
    await response.body?.cancel();
  }
}
