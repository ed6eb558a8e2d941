// Idle clients: many that are in the room, or in many rooms, and say nothing. What a server needs for them shows in its
// memory, which whoever runs this reads between the two lines that it prints.
import type { Target } from "./client.ts";
import { Crowd } from "./crowd.ts";

export interface IdleOptions {
  readonly target: Target;
  readonly clients: number;
  /** The clients are spread over so many rooms. */
  readonly rooms?: number;
  /** The path of a room, with `%d` where its number goes. */
  readonly pathTemplate?: string;
  /** Called when all of them are in their rooms. */
  readonly onReady: (report: IdleReady) => void;
  /** Resolves when they may go. */
  readonly until: Promise<unknown>;
}

export interface IdleReady {
  readonly clients: number;
  /** What it took until all were there. */
  readonly seconds: number;
}

export interface IdleReport {
  /** Clients whose connection ended before they were to go. */
  readonly evicted: number;
}

/** Opens the clients, holds them, and resolves with what became of them. @throws when one cannot join. */
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
