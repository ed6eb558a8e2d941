// What the page weighs: the bytes of each embedded file, before any compression, and their sum, which has a limit.
import { type Asset, ASSETS } from "../page/assets.ts";

/** What the page may weigh, in bytes. It is meant to be small enough to read, and to open on any connection. */
export const MAX_PAGE_BYTES = 60 * 1024;

/** The sizes as a table, the sum last. @throws when the sum is over the limit. */
export function listPageSizes(assets: ReadonlyMap<string, Asset> = ASSETS): string {
  const encoder = new TextEncoder();
  const rows = [...assets].map(([path, { body }]): [string, number] => [
    path,
    typeof body === "string" ? encoder.encode(body).length : body.length,
  ]);
  const sum = rows.reduce((total, [, bytes]) => total + bytes, 0);
  const table = [...rows, [`the page, at most ${MAX_PAGE_BYTES}`, sum] as const]
    .map(([name, bytes]) => `${String(bytes).padStart(7)} ${name}`).join("\n");
  if (sum <= MAX_PAGE_BYTES) return table;
  throw new RangeError(
    `${table}\nCannot embed the page: expected at most ${MAX_PAGE_BYTES} bytes, received ${sum}`,
  );
}
