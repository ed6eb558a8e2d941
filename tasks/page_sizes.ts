// Measures the page: the bytes of each embedded file as gzip, and their sums, which have limits. Every browser that can show
// the page accepts gzip; most also accept brotli, which is smaller.
import { ASSETS } from "../page/assets.ts";

/** Maximum size of the document with all that it loads by itself, in bytes on the wire without headers. */
export const MAX_PAGE_BYTES = 32 * 1024;

/** Files that are loaded only when somebody needs them, and the maximum of all of them, in the same bytes. */
const ON_DEMAND = ["/page/account.js", "/page/save.js", "/sdk/lookalikes.js"];
export const MAX_ON_DEMAND_BYTES = 4 * 1024;

/** Resolves with the bytes of each file: as gzip, or uncompressed if the file is served that way. */
export async function measurePage(): Promise<Map<string, number>> {
  const rows = [...ASSETS].map(async ([path, asset]) => {
    const representations = await asset.represent();
    const { body } = representations.find(({ coding }) => coding === "gzip") ?? representations[0]!;
    return [path, body.length] as const;
  });
  return new Map(await Promise.all(rows));
}

/** Returns sizes as a table, a sum below each part. @throws {RangeError} if a sum is over its limit. */
export function listPageSizes(sizes: ReadonlyMap<string, number>): string {
  const isFirst = ([path]: [string, number]) => !ON_DEMAND.includes(path);
  const first = [...sizes].filter(isFirst);
  const later = [...sizes].filter((row) => !isFirst(row));
  return [
    listSizes(first, { name: "the page", most: MAX_PAGE_BYTES }),
    ...later.length > 0 ? [listSizes(later, { name: "on demand", most: MAX_ON_DEMAND_BYTES })] : [],
  ].join("\n");
}

function listSizes(rows: [string, number][], { name, most }: { name: string; most: number }) {
  const sum = rows.reduce((total, [, bytes]) => total + bytes, 0);
  const table = [...rows, [`${name}, at most ${most}`, sum] as const]
    .map(([path, bytes]) => `${String(bytes).padStart(7)} ${path}`).join("\n");
  if (sum <= most) return table;
  throw new RangeError(
    `${table}\nCannot embed ${name}: expected at most ${most} bytes, received ${sum}`,
  );
}
