// Measures the memory of idle connections: many in one room, and one in each of many rooms.
import { delay } from "@std/async/delay";
import type { Bench } from "./bench.ts";
import { aim, holdIdle, pidOf } from "./load_process.ts";
import { Unavailable } from "./peers.ts";
import { residentKiB } from "../tests/support/processes.ts";
import { describeServer } from "./report.ts";
import type { Rooms } from "./result.ts";
import type { RunningServer, Server, ServerInfo } from "./servers.ts";
import { serve } from "./serving.ts";
import type { Sheet } from "./sheet.ts";

const ELSEWHERE = "measured with the journal on disk";

/** Adds the memory of an idle connection to the sheets. */
export async function measureIdle(bench: Bench, sheets: readonly Sheet[]): Promise<void> {
  for (const sheet of sheets) {
    const { server, skipped } = sheet;
    if (skipped !== undefined) continue;
    if (server.isConfab && server.stores === "nothing") {
      sheet.lack(["idleKiB"], ELSEWHERE);
      continue;
    }
    const { connections } = bench.plan.idle;
    const outcome = await measureMemory(bench, { server, start: () => sheet.start(), connections });
    if ("reason" in outcome) sheet.lack(["idleKiB"], outcome.reason);
    else sheet.add("idleKiB", outcome.result);
  }
}

/** Measures the memory of a room with one connection. */
export async function measureRooms(bench: Bench, server: Server): Promise<Rooms | undefined> {
  const { rooms } = bench.plan;
  const outcome = await measureMemory(bench, {
    server,
    start: () => server.start(),
    connections: rooms,
    rooms,
  });
  return "reason" in outcome ? undefined : { rooms, kiBPerRoom: outcome.result };
}

interface Load {
  readonly server: ServerInfo;
  readonly start: () => Promise<RunningServer>;
  readonly connections: number;
  /** Number of rooms that the connections are spread over. Default 1. */
  readonly rooms?: number;
}

function measureMemory(bench: Bench, load: Load) {
  const { server, connections, rooms } = load;
  const what = rooms === undefined ? "an idle connection" : "a room of one";
  return bench.measure({
    name: `${describeServer(server)}, ${connections} ${rooms === undefined ? "idle" : "rooms"}`,
    isConfab: server.isConfab,
    run: () => serve(load.start, (running) => holdAndLook(bench, { load, running })),
    describe: (kiB) => `${kiB.toFixed(1)} KiB for ${what}`,
  });
}

/** Measures how much memory each connection adds to the server, in KiB. */
async function holdAndLook(
  bench: Bench,
  { load, running }: { load: Load; running: RunningServer },
): Promise<number> {
  const { server, connections, rooms } = load;
  const { before, settle } = bench.plan.idle;
  const pid = pidOf(running);
  if (pid === undefined) {
    throw new Unavailable(
      running.pid === undefined ? "not started by the benchmark" : "needs Linux",
    );
  }
  const look = async () => {
    await delay(settle * 1000);
    return residentKiB(pid);
  };
  const flags = aim(server, running);
  const nothing = () => Promise.resolve();
  // Code that is loaded and compiled for the first connections is not counted.
  await holdIdle(bench, { flags: { ...flags, clients: before, rooms }, whileOpen: nothing });
  const emptyKiB = await look();
  let fullKiB = 0;
  const { evicted } = await holdIdle(bench, {
    flags: { ...flags, clients: connections, rooms },
    whileOpen: async () => void (fullKiB = await look()),
  });
  if (evicted > 0) throw new Error(`${evicted} of ${connections} connections did not last`);
  return (fullKiB - emptyKiB) / connections;
}
