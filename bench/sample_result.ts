// Creates a result for tests: one of three rounds that contains only what the test provides.
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
