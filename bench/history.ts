// Measures a room with much history beside one with little, in one server: the time to join, to read a page from within
// the room, and to resume. All requests are the same for both rooms, so only the length of the room can make a
// difference.
import { JsonSocket, makeKey } from "../tests/support/json_socket.ts";
import type { Bench } from "./bench.ts";
import { fillRooms, roomName } from "./filling.ts";
import { describeServer } from "./report.ts";
import { type History, median, type ShortLong } from "./result.ts";
import type { Server } from "./servers.ts";
import { serve } from "./serving.ts";

/** Number of entries that a client requests when it joins and when it reads back. */
const PAGE_ENTRIES = 50;
/** Number of entries that a resuming client has missed. */
const MISSED = 500;

/** Tries before those that count. */
const WARM_UP_TRIES = 10;

type Step = "joinMs" | "pageMs" | "resumeMs";
type Samples = Record<Step, { short: number[]; long: number[] }>;

/** A room, and the position of this try among all tries: from 0 up to, not including, 1. */
interface RoomRequest {
  readonly path: string;
  readonly share: number;
}

export async function measureHistory(bench: Bench, server: Server): Promise<History | undefined> {
  const { short, long } = bench.plan.history;
  const outcome = await bench.measure({
    name: `${describeServer(server)}, a room of ${long.toLocaleString("en")} entries`,
    isConfab: server.isConfab,
    run: () => fillAndVisit(bench, server),
    describe: ({ joinMs, pageMs, resumeMs }) =>
      `join ${joinMs.long.toFixed(2)} ms, page ${pageMs.long.toFixed(2)} ms, resume ` +
      `${resumeMs.long.toFixed(2)} ms; of ${short.toLocaleString("en")}: ` +
      [joinMs, pageMs, resumeMs].map(({ short }) => short.toFixed(2)).join(", "),
  });
  return "reason" in outcome ? undefined : outcome.result;
}

async function fillAndVisit(bench: Bench, server: Server): Promise<History> {
  const { short, long } = bench.plan.history;
  const data = await Deno.makeTempDir({ prefix: "confab-bench-" });
  try {
    await fillRooms({ folder: data, sizes: [short, long], signal: bench.signal });
    const start = () => server.start({ data, args: ["--keep", "0"] });
    const samples = await serve(start, ({ port }) => visit(bench, port));
    const medians = ({ short, long }: Samples[Step]): ShortLong => ({
      short: median(short)!,
      long: median(long)!,
    });
    return {
      entries: { short, long },
      joinMs: medians(samples.joinMs),
      pageMs: medians(samples.pageMs),
      resumeMs: medians(samples.resumeMs),
      pageEntries: PAGE_ENTRIES,
      missed: MISSED,
    };
  } finally {
    await Deno.remove(data, { recursive: true });
  }
}

/** Measures the rooms in rotation, so that other load on the machine affects both. */
async function visit({ plan, signal }: Bench, port: number): Promise<Samples> {
  const samples: Samples = {
    joinMs: { short: [], long: [] },
    pageMs: { short: [], long: [] },
    resumeMs: { short: [], long: [] },
  };
  const { tries } = plan.history;
  for (let at = -WARM_UP_TRIES; at < tries; at++) {
    for (const which of ["short", "long"] as const) {
      signal.throwIfAborted();
      const path = `/r/${roomName(plan.history[which])}/ws`;
      const times = await visitOnce(port, { path, share: Math.max(at, 0) / tries });
      if (at < 0) continue;
      for (const step of Object.keys(times) as Step[]) samples[step][which].push(times[step]);
    }
  }
  return samples;
}

async function visitOnce(
  port: number,
  { path, share }: RoomRequest,
): Promise<Record<Step, number>> {
  let place: object;
  const times = { joinMs: 0, pageMs: 0, resumeMs: 0 };
  {
    await using socket = await JsonSocket.open(port, path);
    let startedMs = performance.now();
    hello(socket, { history: PAGE_ENTRIES });
    const { head, epoch } = await readAll(socket, PAGE_ENTRIES);
    times.joinMs = performance.now() - startedMs;
    // Pages all over the middle half, because a page that was just read is in memory.
    const before = Math.round(head * (0.25 + share / 2));
    startedMs = performance.now();
    socket.send({ type: "history", before, limit: PAGE_ENTRIES });
    await readPage(socket);
    times.pageMs = performance.now() - startedMs;
    place = { after: head - MISSED, epoch };
  }
  await using socket = await JsonSocket.open(port, path);
  const startedMs = performance.now();
  hello(socket, place);
  await readAll(socket, MISSED);
  return { ...times, resumeMs: performance.now() - startedMs };
}

function hello(socket: JsonSocket, more: object): void {
  socket.send({ type: "hello", name: "Reader", key: makeKey("Reader"), ...more });
}

/** Reads the welcome and so many entries, the last of which is the newest. */
async function readAll(socket: JsonSocket, entries: number) {
  const welcome = await socket.read("welcome");
  let seq = 0;
  for (let entry = 0; entry < entries; entry++) seq = (await socket.read("entry"))?.seq ?? 0;
  if (welcome && seq === welcome.head) return welcome;
  throw new Error(`Cannot join: expected entries up to ${welcome?.head}, received ${seq}`);
}

async function readPage(socket: JsonSocket): Promise<void> {
  const count = (await socket.read("page"))?.entries.length;
  if (count === PAGE_ENTRIES) return;
  throw new Error(`Cannot read a page: expected ${PAGE_ENTRIES} entries, received ${count}`);
}
