import { assert, assertEquals } from "@std/assert";
import { makeJson, makeMarkdownTable, makeTextTable } from "./report.ts";
import { median, type Row } from "./result.ts";
import { makeSampleResult } from "./sample_result.ts";

const CONFAB: Row = {
  id: "confab",
  name: "Confab",
  detail: "transport ws",
  isConfab: true,
  dialect: "confab.v1",
  stores: "disk, synced",
  samples: {
    deliveredPerSecond: [6_100_000, 5_900_000, 6_300_000],
    deliveredPerCpuSecond: [5_000_000],
    p50Ms: [0.44],
    p99Ms: [1.25, 3.5],
    cpuAtRate: [0.0512],
    evicted: [1, 0, 2],
    idleKiB: [12.34],
    startUpMs: [118.6],
  },
};
const OTHER: Row = {
  ...CONFAB,
  id: "other",
  name: "a|b",
  detail: "",
  isConfab: false,
  dialect: "lines",
  stores: "not known",
  samples: { deliveredPerSecond: [50_000], evicted: [0] },
  missing: { cpuAtRate: "not ours", idleKiB: "not ours", p50Ms: "too slow" },
  faults: { lost: 7, disordered: 1 },
};
const SKIPPED: Row = {
  ...OTHER,
  id: "gone",
  name: "Gone",
  dialect: "socket.io",
  samples: {},
  missing: {},
  skipped: "no npm",
};
const RESULT = makeSampleResult({
  clientAlonePerSecond: 14_000_000,
  rows: [CONFAB, OTHER, SKIPPED],
});

Deno.test("median() returns the middle of the sorted samples, or the mean of the two middle ones", () => {
  assertEquals(median([9, 10, 1]), 9);
  assertEquals(median([10, 9, 1, 2]), 5.5);
  assertEquals(median([3]), 3);
  assertEquals(median([]), undefined);
});

Deno.test("makeTextTable() aligns columns, marks missing figures, and gives the reasons", () => {
  const lines = makeTextTable(RESULT).split("\n");
  const cells = lines.map((line) => line.split(/ {2,}/));
  assertEquals(cells[3], [
    "Confab, confab.v1, transport ws",
    "6.10 (5.90–6.30)",
    "5.00",
    "0.44",
    "2.4",
    "5.1",
    "3",
    "12.3",
    "119",
    "disk, synced",
  ]);
  assertEquals(
    cells[4],
    ["a|b, lines", "0.05¹", "–", "–²", "–", "–³", "0", "–³", "–", "not known"],
  );
  assertEquals(cells[5], ["Gone⁴", ..."––––––––", "not known"]);
  assertEquals(lines.slice(7, 11), [
    "¹ lost 7 lines, and 1 came out of order or twice",
    "² too slow",
    "³ not ours",
    "⁴ not measured: no npm",
  ]);
  // The last column begins at the same place everywhere, and so does its head.
  const ends = lines.slice(1, 6).map((line) => line.search(/(stored|─+|disk, synced|not known)$/));
  assertEquals(new Set(ends).size, 1);
  // Figures end at the same place.
  assertEquals(lines[5]!.lastIndexOf("–"), lines[3]!.lastIndexOf("9"));
});

Deno.test("makeTextTable() names machine, versions, commit and date", () => {
  const table = makeTextTable(RESULT);
  const origin =
    "Some CPU, 2 cores, 7.8 GiB, Linux 6.1; Deno 2.9.6, ws 8.23.0; commit abc1234+, 2026-01-02.";
  assert(table.includes(origin), table);
  assert(table.includes("the client alone takes 14.00 M lines a second"), table);
  assert(
    table.includes("20 of them saying lines of 64 bytes, 8 each in flight; median of 3 × 5 s"),
  );
});

Deno.test("makeMarkdownTable() has the same number of cells in each row, and escapes names", () => {
  const lines = makeMarkdownTable(RESULT).split("\n");
  const table = lines.slice(0, 5).map((line) => line.split(/(?<!\\)\|/).slice(1, -1));
  assertEquals(table.map((cells) => cells.length), [10, 10, 10, 10, 10]);
  assertEquals(table[0]![1], " M lines delivered a second (min–max) ");
  assertEquals(table[0]![4], " p99, ms at 500/s ");
  assertEquals(table[3]![0], " a\\|b, lines ");
  assertEquals(table[4]![0], " Gone⁴ ");
  assert(lines.includes("⁴ not measured: no npm"));
});

Deno.test("makeJson() keeps every round and every reason", () => {
  assertEquals(JSON.parse(makeJson(RESULT)), RESULT);
});
