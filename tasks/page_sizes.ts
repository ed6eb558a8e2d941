// What the page weighs: the bytes of each embedded file, before any compression, and their sums, which have limits.
import { type Asset, ASSETS } from "../page/assets.ts";

/** What the page may weigh, in bytes. It is meant to be small enough to read, and to open on any connection. */
export const MAX_PAGE_BYTES = 60 * 1024;

/** What is loaded only when somebody needs it, and what all of that may weigh. */
const ON_DEMAND = ["/page/account.js", "/page/save.js"];
export const MAX_ON_DEMAND_BYTES = 6 * 1024;

/** The sizes as a table, a sum below each part. @throws when a sum is over its limit. */
export function listPageSizes(assets: ReadonlyMap<string, Asset> = ASSETS): string {
  const isFirst = ([path]: [string, Asset]) => !ON_DEMAND.includes(path);
  const first = [...assets].filter(isFirst);
  const later = [...assets].filter((row) => !isFirst(row));
  return [
    listSizes(first, { name: "the page", most: MAX_PAGE_BYTES }),
    ...later.length > 0 ? [listSizes(later, { name: "on demand", most: MAX_ON_DEMAND_BYTES })] : [],
  ].join("\n");
}

function listSizes(assets: [string, Asset][], { name, most }: { name: string; most: number }) {
  const encoder = new TextEncoder();
  const rows = assets.map(([path, { body }]): [string, number] => [
    path,
    typeof body === "string" ? encoder.encode(body).length : body.length,
  ]);
  const sum = rows.reduce((total, [, bytes]) => total + bytes, 0);
  const table = [...rows, [`${name}, at most ${most}`, sum] as const]
    .map(([path, bytes]) => `${String(bytes).padStart(7)} ${path}`).join("\n");
  if (sum <= most) return table;
  throw new RangeError(
    `${table}\nCannot embed ${name}: expected at most ${most} bytes, received ${sum}`,
  );
}
