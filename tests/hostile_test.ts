// What must hold under attack, in short: rows of `deno task test:hostile` that are cheap, with a small share of their load.
// What depends on the clock is only printed, for whoever else uses the machine changes it.
import { assertEquals } from "@std/assert";
import { CONNECTION_ROWS } from "./hostile/connection_rows.ts";
import { FAREWELL_ROWS } from "./hostile/farewell_rows.ts";
import { FRAME_ROWS } from "./hostile/frame_rows.ts";
import { HOARD_ROWS } from "./hostile/hoard_rows.ts";
import { REQUEST_ROWS } from "./hostile/request_rows.ts";
import { type Figure, judge, type Row, type Transport, TRANSPORTS } from "./hostile/row.ts";
import { TRESPASS_ROWS } from "./hostile/trespass_rows.ts";
import { chooseSeed } from "./support/random.ts";

/** Shares of the whole load. */
const SHARES: Readonly<Record<string, number>> = {
  "huge-frame": 0.2,
  "empty-fragments": 0.1,
  garbage: 0.005,
  pinned: 0.1,
  "unread-pages": 0.1,
  "half-upgraded": 0.03,
  descriptors: 0.2,
  farewell: 0.05,
  bombs: 0.16,
  hosts: 0.05,
  foreign: 1,
  canary: 1,
};

const ROWS: readonly Row[] = [
  ...FRAME_ROWS,
  ...HOARD_ROWS,
  ...CONNECTION_ROWS,
  ...FAREWELL_ROWS,
  ...REQUEST_ROWS,
  ...TRESPASS_ROWS,
];

/** Deno 2.6 has node:http over another server: what it bounds there is not what is promised. */
const transports = Deno.version.deno.startsWith("2.6.") ? ["deno"] as const : TRANSPORTS;

/** What is asked of /proc. */
const ignore = Deno.build.os !== "linux";

for (const { id, fault, run } of ROWS.filter((row) => Object.hasOwn(SHARES, row.id))) {
  Deno.test({
    name: `hostile: ${fault}, in short` + (ignore ? " (ignored: needs /proc)" : ""),
    ignore,
    async fn(t) {
      const seed = chooseSeed();
      // At the same time: most of it is waiting.
      const figures = await Promise.all(
        transports.map((transport) => run({ transport, share: SHARES[id]!, seed })),
      );
      for (const [n, transport] of transports.entries()) {
        await t.step(`--transport ${transport}`, () => {
          const broken = figures[n]!.filter((figure) => isBroken(figure, transport));
          assertEquals(broken, [], `seed ${seed}`);
        });
      }
    },
  });
}

function isBroken(figure: Figure, transport: Transport): boolean {
  return !figure.isTimed && judge(figure, transport) === "broken";
}

Deno.test("judge() holds a figure within its limits, and binds only where the transport can", () => {
  const cut = { what: "cut", value: 0, least: 1, onlyOn: "ws" } as const;
  assertEquals(judge(cut, "ws"), "broken");
  assertEquals(judge(cut, "deno"), "told");
  assertEquals(judge({ what: "exits", value: 0, most: 0 }, "deno"), "held");
  assertEquals(judge({ what: "p99", value: NaN, most: 1 }, "ws"), "broken");
  assertEquals(judge({ what: "memory", value: 5 }, "ws"), "told");
});
