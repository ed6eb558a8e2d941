// Opens idle clients: many that are in one room, or in many rooms, and send nothing. The memory of the server shows their
// costs; the caller reads it between the two lines that this scenario prints.
import type { Target } from "./client.ts";
import { Crowd } from "./crowd.ts";

export interface IdleOptions {
  readonly target: Target;
  readonly clients: number;
  /** Number of rooms that the clients are spread over. */
  readonly rooms?: number;
  /** Path of a room, with `%d` in place of its number. */
  readonly pathTemplate?: string;
  /** Called when all clients are in their rooms. */
  readonly onReady: (report: IdleReady) => void;
  /** Resolves when the clients may leave. */
  readonly until: Promise<unknown>;
}

export interface IdleReady {
  readonly clients: number;
  /** Time until all had joined. */
  readonly seconds: number;
}

export interface IdleReport {
  /** Clients whose connection ended too early. */
  readonly evicted: number;
}

/** Opens the clients, keeps them, and resolves with the results. @throws if one cannot join */
export async function runIdle(options: IdleOptions): Promise<IdleReport> {
  const { clients, rooms, onReady, until } = options;
  const { target, pathTemplate = "/r/room-%d/ws" } = options;
  const startedMs = performance.now();
  await using crowd = await Crowd.open({
    count: clients,
    target: (index) =>
      rooms ? { ...target, path: pathTemplate.replace("%d", `${index % rooms}`) } : target,
    senders: 0,
  });
  await crowd.callRoll();
  onReady({ clients, seconds: (performance.now() - startedMs) / 1000 });
  await until;
  return { evicted: crowd.evicted };
}
