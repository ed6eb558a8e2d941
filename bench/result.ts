// Defines the results of a run. Tables, chart and targets are made from them, and the JSON contains them.
import type { ServerInfo } from "./servers.ts";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  /** System and version of its kernel. */
  readonly os: string;
}

/** Parameters of the load. */
export interface LoadInfo {
  readonly clients: number;
  readonly senders: number;
  /** Lines that each sender has sent and not yet received. */
  readonly inFlight: number;
  readonly seconds: number;
  readonly rounds: number;
  /** Lines a second of all senders together, at the fixed rate. */
  readonly perSecond: number;
  /** Connections that are open while the memory of an idle one is measured; 0 if it is not measured. */
  readonly idleConnections: number;
}

/** All results of one run. Parts that were not measured are absent. */
export interface BenchResult {
  /** Date as YYYY-MM-DD. */
  readonly date: string;
  /** Short hash of the commit, with `+` if the tree was dirty. */
  readonly commit: string;
  readonly machine: Machine;
  /** Versions of the programs that took part, by name. */
  readonly versions: Readonly<Record<string, string>>;
  readonly load: LoadInfo;
  /** Lines a second that the load client receives when nothing else limits it. */
  readonly clientAlonePerSecond?: number | undefined;
  readonly rows: readonly Row[];
  readonly storms?: readonly Storm[] | undefined;
  readonly growth?: readonly Growth[] | undefined;
  readonly rooms?: Rooms | undefined;
  readonly history?: History | undefined;
  /** Duration of the whole run. */
  readonly seconds?: number | undefined;
  /** Extent of the run: everything, a selection, or so brief that it only shows that everything works. */
  readonly scope?: "whole" | "part" | "quick" | undefined;
  /** Measurements that are missing or went wrong, with the reasons. */
  readonly failures?: readonly string[] | undefined;
}

/** Figures, in lines and seconds, milliseconds, cores (1 is one busy core), KiB, clients. */
export type Figure =
  | "deliveredPerSecond"
  | "deliveredPerCpuSecond"
  | "p50Ms"
  | "p99Ms"
  | "cpuAtRate"
  | "evicted"
  | "idleKiB"
  | "startUpMs";

/** Results of one server. A figure has a sample for each round, or none if it is missing. */
export interface Row extends ServerInfo {
  readonly version?: string | undefined;
  readonly samples: Readonly<Partial<Record<Figure, readonly number[]>>>;
  /** Reasons of missing figures. */
  readonly missing?: Readonly<Partial<Record<Figure, string>>> | undefined;
  /** Reason if the server was not measured at all. */
  readonly skipped?: string | undefined;
  /** Faults in delivering lines, over all rounds. */
  readonly faults?: { readonly lost: number; readonly disordered: number } | undefined;
}

/** Results of a storm: all clients lost the connection and reconnect at one moment. */
export interface Storm {
  readonly server: ServerInfo;
  readonly clients: number;
  /** Entries that each client has missed. */
  readonly missed: number;
  /** Number of storms. The figures below are medians. */
  readonly times: number;
  /** Clients that received all missed entries: the minimum of all storms. */
  readonly caughtUp: number;
  /** Time from the moment of the storm until a client has caught up. */
  readonly p50Ms: number | undefined;
  readonly maxMs: number | undefined;
  /** Latency of lines between clients that stayed connected, during the storm and before it. */
  readonly othersP99Ms: number | undefined;
  readonly othersP99BeforeMs: number | undefined;
}

/** Results of the flood with another number of clients. */
export interface Growth {
  readonly clients: number;
  readonly senders: number;
  readonly inFlight: number;
  readonly deliveredPerSecond: number;
  readonly deliveredPerCpuSecond: number | undefined;
  readonly p99Ms: number | undefined;
}

/** Results of many rooms with one idle connection each. */
export interface Rooms {
  readonly rooms: number;
  /** Memory for each room, its connection included. */
  readonly kiBPerRoom: number;
}

/** Results of a short and a long room in one server. All are medians. */
export interface History {
  readonly entries: { readonly short: number; readonly long: number };
  /** Time from the hello until the newest entries have arrived. */
  readonly joinMs: ShortLong;
  /** Time of a page of entries from within the room. */
  readonly pageMs: ShortLong;
  /** Time from the hello until all missed entries have arrived. */
  readonly resumeMs: ShortLong;
  /** Entries with which a client joins, and entries of a page. */
  readonly pageEntries: number;
  /** Entries that a resuming client has missed. */
  readonly missed: number;
}

export interface ShortLong {
  readonly short: number;
  readonly long: number;
}

/** Returns the middle sample, or the mean of the two middle ones; undefined for no samples. */
export function median(samples: readonly number[] = []): number | undefined {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  if (Number.isInteger(middle)) {
    const [low, high] = [sorted[middle - 1], sorted[middle]];
    return low === undefined || high === undefined ? undefined : (low + high) / 2;
  }
  return sorted[Math.floor(middle)];
}
