// A result for tests to look at: that of three rounds, with nothing in it but what is given.
import type { BenchResult } from "./result.ts";

export function makeSampleResult(more: Partial<BenchResult>): BenchResult {
  return {
    date: "2026-01-02",
    commit: "abc1234+",
    machine: { cpu: "Some CPU", cores: 2, memoryGiB: 7.8, os: "Linux 6.1" },
    versions: { Deno: "2.9.6", ws: "8.23.0" },
    load: {
      clients: 100,
      senders: 20,
      inFlight: 8,
      seconds: 5,
      rounds: 3,
      perSecond: 500,
      idleConnections: 5000,
    },
    rows: [],
    ...more,
  };
}
