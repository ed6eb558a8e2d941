// What must hold under attack: every row is run against the real program on each transport, and printed with its limits.
// Bounded in count and time; loopback only; Linux, for what is asked of /proc.
//
//   deno task test:hostile [--only ID,ID] [--transport deno|ws] [--share 1] [--seed N]
//
// What the transport `deno` cannot bound is only told there: the process must live all the same.
import { parseArgs } from "node:util";
import { CONNECTION_ROWS } from "./hostile/connection_rows.ts";
import { DEAF_ROWS } from "./hostile/deaf_rows.ts";
import { FAREWELL_ROWS } from "./hostile/farewell_rows.ts";
import { FRAME_ROWS } from "./hostile/frame_rows.ts";
import { HOARD_ROWS } from "./hostile/hoard_rows.ts";
import { PROVEN_ROWS } from "./hostile/proven_rows.ts";
import { REQUEST_ROWS } from "./hostile/request_rows.ts";
import { type Figure, judge, type Row, type Transport, TRANSPORTS } from "./hostile/row.ts";
import { TRESPASS_ROWS } from "./hostile/trespass_rows.ts";
import { chooseSeed } from "./support/random.ts";

const ROWS: readonly Row[] = [
  ...PROVEN_ROWS,
  ...DEAF_ROWS,
  ...FRAME_ROWS,
  ...HOARD_ROWS,
  ...CONNECTION_ROWS,
  ...FAREWELL_ROWS,
  ...REQUEST_ROWS,
  ...TRESPASS_ROWS,
];

/** Prints what was measured, and whether all of it held. */
function print(figures: readonly Figure[], transport: Transport): boolean {
  for (const figure of figures) {
    const verdict = judge(figure, transport);
    const cells = [
      figure.what,
      `${show(figure.value)} ${figure.unit ?? ""}`,
      describeLimit(figure),
    ];
    console.log(`| ${cells.map((cell) => cell.trim()).join(" | ")} | ${verdict} |`);
  }
  return figures.every((figure) => judge(figure, transport) !== "broken");
}

function describeLimit({ most, least, onlyOn }: Figure): string {
  const where = onlyOn ? ` (${onlyOn})` : "";
  if (most !== undefined && most === least) return `${show(most)}${where}`;
  if (most !== undefined) return `at most ${show(most)}${where}`;
  return least === undefined ? "" : `at least ${show(least)}${where}`;
}

function show(value: number): string {
  return value.toLocaleString("en-GB", { maximumFractionDigits: value < 100 ? 1 : 0 });
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string" },
      transport: { type: "string" },
      share: { type: "string", default: "1" },
      seed: { type: "string" },
    },
  });
  const only = values.only?.split(",");
  const unknown = only?.find((id) => !ROWS.some((row) => row.id === id));
  if (unknown !== undefined) {
    const ids = ROWS.map(({ id }) => id).join(", ");
    throw new RangeError(`Cannot run row "${unknown}": expected one of ${ids}`);
  }
  const setting = { share: Number(values.share), seed: Number(values.seed ?? chooseSeed()) };
  const broken: string[] = [];
  for (const row of ROWS.filter(({ id }) => only?.includes(id) ?? true)) {
    for (const transport of row.transports ?? TRANSPORTS) {
      if (values.transport !== undefined && values.transport !== transport) continue;
      console.log(`\n${row.id}: ${row.fault}, --transport ${transport}`);
      const isHeld = await row.run({ ...setting, transport }).then(
        (figures) => print(figures, transport),
        (error) => void console.log(`  it did not end well: ${error.stack}`),
      );
      if (!isHeld) broken.push(`${row.id} on ${transport}`);
    }
  }
  console.log(
    `\nseed ${setting.seed}; ${broken.length > 0 ? `broken: ${broken.join(", ")}` : "all held"}`,
  );
  return broken.length > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
