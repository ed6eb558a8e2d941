import { assertEquals } from "@std/assert";
import type { BenchResult, Figure, Row, Storm } from "./result.ts";
import { makeSampleResult } from "./sample_result.ts";
import { evaluateTargets } from "./targets.ts";

type Samples = Partial<Record<Figure, number[]>>;

function makeRow(id: string, samples: Samples): Row {
  const detail = id.includes("deno") ? "transport deno" : "transport ws";
  const isConfab = id !== "bun";
  return { id, name: id, detail, isConfab, dialect: "lines", stores: "nothing", samples };
}

/** Creates a run that meets every target exactly, except for the given changes. */
function makeResult(change: Record<string, Samples> = {}, more: Partial<BenchResult> = {}) {
  const rows: Record<string, Samples> = {
    "confab-ws-sqlite-lines": {
      deliveredPerSecond: [9, 1300, 1301],
      p50Ms: [1.3],
      cpuAtRate: [0.15],
      evicted: [0, 0, 0],
      idleKiB: [8],
    },
    "confab-ws-sqlite-confab.v1": { deliveredPerSecond: [780] },
    "confab-deno-sqlite-lines": {
      deliveredPerSecond: [1000],
      p50Ms: [9],
      cpuAtRate: [9],
      idleKiB: [20],
    },
    "confab-deno-sqlite-confab.v1": { deliveredPerSecond: [600] },
    bun: { deliveredPerSecond: [1, 1000, 5000], p50Ms: [1], cpuAtRate: [0.1] },
    ...change,
  };
  return makeSampleResult({
    rows: Object.entries(rows).map(([id, samples]) => makeRow(id, samples)),
    storms: [makeStorm("ws"), makeStorm("deno")],
    history: {
      entries: { short: 10, long: 1000 },
      joinMs: { short: 1, long: 2 },
      pageMs: { short: 2, long: 1 },
      resumeMs: { short: 1, long: 9 },
      pageEntries: 50,
      missed: 500,
    },
    seconds: 480,
    scope: "whole",
    ...more,
  });
}

function makeStorm(transport: string, more: Partial<Storm> = {}): Storm {
  return {
    server: makeRow(transport, {}),
    clients: 1000,
    missed: 1000,
    times: 3,
    caughtUp: 1000,
    p50Ms: 4000,
    maxMs: 5000,
    othersP99Ms: 250,
    othersP99BeforeMs: 1,
    ...more,
  };
}

/** Returns the indexes of the targets that are not met, beginning with 1. */
function missed(result: BenchResult): number[] {
  return evaluateTargets(result).flatMap(({ holds }, at) => holds === true ? [] : [at + 1]);
}

Deno.test("evaluateTargets() compares the medians, and reports the figures", () => {
  const targets = evaluateTargets(makeResult());
  assertEquals(missed(makeResult()), []);
  assertEquals(targets.map(({ measured }) => measured), [
    "ws: 1.30 ×; 0 evicted",
    "deno: 1.00 ×",
    "ws: p50 1.30 ×; ws: CPU 1.50 × (deno: p50 9.00 ×; deno: CPU 90.00 ×)",
    "ws: 0.60 ×; deno: 0.60 ×",
    "ws: 8.0 KiB; deno: 20.0 KiB",
    "ws: 1000 of 1000; all within 5.00 s; others 250 ms; " +
    "deno: 1000 of 1000; all within 5.00 s; others 250 ms",
    "join 2.00 ×; page 0.50 ×",
    "8.0 minutes",
  ]);
});

Deno.test("evaluateTargets() finds each missed target, and no other", () => {
  const ws = makeResult().rows[0]!.samples as Samples;
  const deno = makeResult().rows[2]!.samples as Samples;
  const cases: [Record<string, Samples>, number[]][] = [
    [{ "confab-ws-sqlite-lines": { ...ws, deliveredPerSecond: [1299] } }, [1]],
    [{ "confab-ws-sqlite-lines": { ...ws, evicted: [0, 1, 0] } }, [1]],
    [{ "confab-deno-sqlite-lines": { ...deno, deliveredPerSecond: [999] } }, [2]],
    [{ "confab-ws-sqlite-lines": { ...ws, p50Ms: [1.31] } }, [3]],
    [{ "confab-ws-sqlite-lines": { ...ws, cpuAtRate: [0.16] } }, [3]],
    [{ "confab-ws-sqlite-confab.v1": { deliveredPerSecond: [779] } }, [4]],
    [{ "confab-deno-sqlite-confab.v1": { deliveredPerSecond: [599] } }, [4]],
    [{ "confab-ws-sqlite-lines": { ...ws, idleKiB: [8.1] } }, [5]],
    [{ "confab-deno-sqlite-lines": { ...deno, idleKiB: [20.1] } }, [5]],
  ];
  for (const [change, expected] of cases) {
    assertEquals(missed(makeResult(change)), expected, JSON.stringify(change));
  }
  const { history } = makeResult();
  const others: [Partial<BenchResult>, number[]][] = [
    [{ storms: [makeStorm("ws"), makeStorm("deno", { caughtUp: 999 })] }, [6]],
    [{ storms: [makeStorm("ws", { maxMs: 5001 })] }, [6]],
    [{ storms: [makeStorm("ws", { othersP99Ms: 251 })] }, [6]],
    [{ history: { ...history!, joinMs: { short: 1, long: 2.1 } } }, [7]],
    [{ history: { ...history!, pageMs: { short: 1, long: 2.1 } } }, [7]],
    [{ seconds: 481 }, [8]],
  ];
  for (const [more, expected] of others) {
    assertEquals(missed(makeResult({}, more)), expected, JSON.stringify(more));
  }
});

Deno.test("evaluateTargets() returns undefined for missing measurements, unless another check fails", () => {
  const nothing = makeResult({}, {
    rows: [],
    storms: undefined,
    history: undefined,
    scope: "part",
  });
  assertEquals(evaluateTargets(nothing).map(({ holds }) => holds), Array(8).fill(undefined));
  const half = { idleKiB: [9] };
  const verdicts = (change: Record<string, Samples>) =>
    evaluateTargets(makeResult({ "confab-deno-sqlite-lines": {}, ...change }))[4];
  assertEquals(verdicts({})?.holds, undefined);
  assertEquals(verdicts({ "confab-ws-sqlite-lines": half }), {
    name: "An idle connection: at most 8 KiB on ws, 20 KiB on deno",
    measured: "ws: 9.0 KiB",
    holds: false,
  });
});
