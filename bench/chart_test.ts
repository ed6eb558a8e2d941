import { assert, assertEquals, assertMatch } from "@std/assert";
import { makeChart } from "./chart.ts";
import type { Row } from "./result.ts";
import { makeSampleResult } from "./sample_result.ts";

/** Creates a row of this name, with rounds of so many million lines a second. */
function makeRow(name: string, rounds: number[], more: Partial<Row> = {}): Row {
  return {
    id: name,
    name,
    detail: "",
    isConfab: false,
    dialect: "lines",
    stores: "nothing",
    samples: { deliveredPerSecond: rounds.map((round) => round * 1e6), p99Ms: [2] },
    ...more,
  };
}

/** Returns class and width of the bars, from the top. The paper and the key do not count. */
function bars(svg: string): { shape: string; width: number }[] {
  return [...svg.matchAll(/<rect class="([^"]+)" x="206" y="\d+" width="([\d.]+)"/g)]
    .map(([, shape, width]) => ({ shape: shape!, width: Number(width) }));
}

Deno.test("makeChart() draws bars in proportion, fastest first, and Confab as itself", () => {
  const svg = makeChart(makeSampleResult({
    rows: [
      makeRow("slow", [1.9, 2, 2.5]),
      makeRow("Confab", [4, 4, 4], { isConfab: true, stores: "disk, synced" }),
      makeRow("quick", [8, 8, 8]),
    ],
  }));
  const [first, second, third] = bars(svg);
  assertEquals([first!.shape, second!.shape, third!.shape], ["others open", "ours", "others open"]);
  assertEquals(second!.width, first!.width / 2);
  assertEquals(third!.width, first!.width / 4);
  const values = [...svg.matchAll(/>(\d\.\d\d)</g)].map(([, value]) => value);
  assertEquals(values, ["8.00", "4.00", "2.00"]);
  assertMatch(svg, /<text class="strong"[^>]*>Confab</);
  assertMatch(svg, /<text x=[^>]*>quick</);
});

Deno.test("makeChart() names missing measurements and failures", () => {
  const rows = [
    makeRow("good", [2], { samples: { deliveredPerSecond: [2e6] } }),
    makeRow("lossy", [1], { faults: { lost: 3, disordered: 0 } }),
    makeRow("absent", [], { skipped: "no npm" }),
  ];
  const svg = makeChart(makeSampleResult({ rows }));
  assertEquals(bars(svg).length, 2);
  assert(svg.includes("Not measured: absent, lines."), svg);
  assert(svg.includes("lossy, lines: lost 3 lines"), svg);
  assertMatch(svg, /<text class="muted"[^>]*>–</);
});

Deno.test("makeChart() describes its content in words, and escapes names", () => {
  const svg = makeChart(makeSampleResult({ rows: [makeRow("<b>&", [1.5])] }));
  assertMatch(svg, /^<svg [^>]*role="img" aria-labelledby="title desc"/);
  assertMatch(svg, /<title id="title">[^<]+<\/title>/);
  const words = "&lt;b&gt;&amp;, lines; stored: nothing: 1.50 million lines a second, 99 % within";
  assert(svg.includes(`<desc id="desc">${words} 2.0 ms.</desc>`), svg);
  assert(!svg.includes("<b>"));
});

Deno.test("makeChart() works in light and dark, and loads nothing", () => {
  const svg = makeChart(makeSampleResult({ rows: [makeRow("a", [1])] }));
  assertMatch(svg, /@media\(prefers-color-scheme:dark\)/);
  const addresses = [...svg.matchAll(/\w+:\/\/[^"' ]+/g)].map(([address]) => address);
  assertEquals(addresses, ["http://www.w3.org/2000/svg"]);
  assert(!/<script|href|@import|url\(/.test(svg));
});

Deno.test("makeChart() draws no row without a figure, and no bar for a figure of 0", () => {
  const empty = makeChart(makeSampleResult({ rows: [makeRow("absent", [])] }));
  assertEquals(bars(empty), []);
  const zeros = { samples: { deliveredPerSecond: [0], p99Ms: [0] } };
  const flat = makeChart(makeSampleResult({ rows: [makeRow("still", [0], zeros)] }));
  assertEquals(bars(flat), [{ shape: "others open", width: 0 }]);
  for (const svg of [empty, flat]) assert(!/NaN|Infinity|undefined/.test(svg), svg);
});

Deno.test("makeChart() breaks long notes and cuts long names", () => {
  const result = makeSampleResult({ rows: [makeRow("a name that goes on and on and on", [1])] });
  const versions = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`name${at}`, "1.0"]));
  const svg = makeChart({ ...result, versions });
  const notes = [...svg.matchAll(/<text class="note"[^>]*>([^<]*)</g)].map(([, note]) => note!);
  assert(notes.length > 3, `${notes.length} lines`);
  assert(notes.every((note) => note.length <= 118), notes.join("\n"));
  assert(notes.join(" ").includes("name19 1.0; commit abc1234"), notes.join("\n"));
  assert(svg.includes(">a name that goes on and on …<"), svg);
});
