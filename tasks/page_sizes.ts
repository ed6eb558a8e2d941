// Measures the page: the bytes of each embedded file as gzip, and their sums, which have limits. Every browser that can show
// the page accepts gzip; most also accept brotli, which is smaller.
import { ASSETS } from "../page/assets.ts";

/** Maximum size of the document with all that it loads by itself, in bytes on the wire without headers. */
export const MAX_PAGE_BYTES = 32 * 1024;

/** Maximum sizes of the files that are loaded only when somebody needs them, in the same bytes. Only an installation asks for icon.png. */
export const ON_DEMAND: ReadonlyMap<string, number> = new Map([
  ["/page/account.js", 1024],
  ["/page/alerts.js", 512],
  ["/page/copy.js", 768],
  ["/page/icon.png", 1024],
  ["/page/icon_unread.svg", 512],
  ["/page/menu.js", 1536],
  ["/page/message_toolbar.js", 1536],
  ["/page/notifications.js", 1024],
  ["/page/other_tabs.js", 512],
  ["/page/save.js", 1024],
  ["/sdk/http_fallback.js", 2048],
  ["/sdk/lookalikes.js", 1024],
]);

/** Resolves with the bytes of each file: as gzip, or uncompressed if the file is served that way. */
export async function measurePage(): Promise<Map<string, number>> {
  const rows = [...ASSETS].map(async ([path, asset]) => {
    const representations = await asset.represent();
    const { body } = representations.find(({ coding }) => coding === "gzip") ?? representations[0]!;
    return [path, body.length] as const;
  });
  return new Map(await Promise.all(rows));
}

/** Returns sizes as a table: each file of the page, their sum, then the files on demand. @throws {RangeError} above a limit */
export function listPageSizes(sizes: ReadonlyMap<string, number>): string {
  const first = [...sizes].filter(([path]) => !ON_DEMAND.has(path));
  const sum = first.reduce((total, [, bytes]) => total + bytes, 0);
  const later = [...sizes].filter(([path]) => ON_DEMAND.has(path));
  return [
    ...first.map(([path, bytes]) => formatSize(path, bytes)),
    formatSize("the page", sum, MAX_PAGE_BYTES),
    ...later.map(([path, bytes]) => formatSize(path, bytes, ON_DEMAND.get(path))),
  ].join("\n");
}

/** @throws {RangeError} if there are more bytes than `most` */
function formatSize(name: string, bytes: number, most = Infinity): string {
  if (bytes > most) {
    throw new RangeError(
      `Cannot embed ${name}: expected at most ${most} bytes, received ${bytes}`,
    );
  }
  return `${String(bytes).padStart(7)} ${name}${most < Infinity ? `, at most ${most}` : ""}`;
}
