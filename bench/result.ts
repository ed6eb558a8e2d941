// What a run of the benchmark has found. Tables, chart and targets are made of it, and it is what the JSON holds.
import type { ServerInfo } from "./servers.ts";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  /** System and version of its kernel. */
  readonly os: string;
}

/** What the load was. */
export interface LoadInfo {
  readonly clients: number;
  readonly senders: number;
  /** Lines that each sender has said and not yet seen. */
  readonly inFlight: number;
  readonly seconds: number;
  readonly rounds: number;
  /** Lines a second, all senders together, at the fixed rate. */
  readonly perSecond: number;
  /** Connections that are open while the memory of an idle one is measured; 0 when it is not. */
  readonly idleConnections: number;
}

/** Everything that one run of the benchmark has found. What was not measured is left out. */
export interface BenchResult {
  /** YYYY-MM-DD. */
  readonly date: string;
  /** Short hash, with `+` when the tree was dirty. */
  readonly commit: string;
  readonly machine: Machine;
  /** Of the programs that took part, by name. */
  readonly versions: Readonly<Record<string, string>>;
  readonly load: LoadInfo;
  /** Lines a second that the load client takes when nothing else limits it. */
  readonly clientAlonePerSecond?: number | undefined;
  readonly rows: readonly Row[];
  readonly storms?: readonly Storm[] | undefined;
  readonly growth?: readonly Growth[] | undefined;
  readonly rooms?: Rooms | undefined;
  readonly history?: History | undefined;
  /** What all of it took. */
  readonly seconds?: number | undefined;
  /** Everything, what was chosen of it, or so short a run that it only shows that all works. */
  readonly scope?: "whole" | "part" | "quick" | undefined;
  /** What could not be measured, or went wrong, and why. */
  readonly failures?: readonly string[] | undefined;
}

/** What is measured: lines and seconds, milliseconds, cores (1 is one busy core), KiB, clients. */
export type Figure =
  | "deliveredPerSecond"
  | "deliveredPerCpuSecond"
  | "p50Ms"
  | "p99Ms"
  | "cpuAtRate"
  | "evicted"
  | "idleKiB"
  | "startUpMs";

/** One server. A figure has a sample for each round, or none when it is missing. */
export interface Row extends ServerInfo {
  readonly version?: string | undefined;
  readonly samples: Readonly<Partial<Record<Figure, readonly number[]>>>;
  /** Why a figure is missing. */
  readonly missing?: Readonly<Partial<Record<Figure, string>>> | undefined;
  /** Why the server was not measured at all. */
  readonly skipped?: string | undefined;
  /** What went wrong with the lines, over all rounds. */
  readonly faults?: { readonly lost: number; readonly disordered: number } | undefined;
}

/** Everybody lost the connection and comes back at one moment. */
export interface Storm {
  readonly server: ServerInfo;
  readonly clients: number;
  /** Entries that each of them has missed. */
  readonly missed: number;
  /** How often; what follows are medians. */
  readonly times: number;
  /** Clients that have all that they had missed; the fewest of all times. */
  readonly caughtUp: number;
  /** From the moment of the storm until a client has it. */
  readonly p50Ms: number | undefined;
  readonly maxMs: number | undefined;
  /** What lines take meanwhile between those who had not been away, and before. */
  readonly othersP99Ms: number | undefined;
  readonly othersP99BeforeMs: number | undefined;
}

/** The flood with another number of clients. */
export interface Growth {
  readonly clients: number;
  readonly senders: number;
  readonly inFlight: number;
  readonly deliveredPerSecond: number;
  readonly deliveredPerCpuSecond: number | undefined;
  readonly p99Ms: number | undefined;
}

/** Many rooms of one idle connection each. */
export interface Rooms {
  readonly rooms: number;
  /** For each room, its connection included. */
  readonly kiBPerRoom: number;
}

/** A short room and a long one, in one server. All medians. */
export interface History {
  readonly entries: { readonly short: number; readonly long: number };
  /** From the hello until the newest entries are there. */
  readonly joinMs: ShortLong;
  /** A page of entries from within the room. */
  readonly pageMs: ShortLong;
  /** From the hello until everything missed is there. */
  readonly resumeMs: ShortLong;
  /** Entries that one joins with and that a page has. */
  readonly pageEntries: number;
  /** Entries that one who resumes has missed. */
  readonly missed: number;
}

export interface ShortLong {
  readonly short: number;
  readonly long: number;
}

/** The middle sample, between the two middle ones when their number is even; undefined of none. */
export function median(samples: readonly number[] = []): number | undefined {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  if (Number.isInteger(middle)) {
    const [low, high] = [sorted[middle - 1], sorted[middle]];
    return low === undefined || high === undefined ? undefined : (low + high) / 2;
  }
  return sorted[Math.floor(middle)];
}
