// Files of the page are served compressed, and with an entity tag so that a browser asks again but does not load again.
import { ifNoneMatch } from "@std/http/etag";
import type { Asset } from "../page/assets.ts";
import { chooseCoding, respondInCoding } from "./coding.ts";
import { hostOf } from "./host.ts";
import { isRead, refuseMethod } from "./respond.ts";

/** Headers of every file. */
const FILE_HEADERS = { "referrer-policy": "no-referrer", "x-content-type-options": "nosniff" };

/**
 * Types that a browser shows as a document. Only a document has a policy of its own: that of a script or a style would be
 * ignored, and 23 of them add 7 KB to the first load of the page.
 */
const DOCUMENTS = new Set(["text/html; charset=utf-8", "image/svg+xml"]);

/** Responds with a file of the page in a coding that the client accepts, or with 304 if the client has it already. */
export async function serveAsset(request: Request, asset: Asset): Promise<Response> {
  if (!isRead(request)) return refuseMethod("GET, HEAD");
  const representations = await asset.represent();
  const wanted = chooseCoding(
    request.headers.get("accept-encoding"),
    representations.map(({ coding }) => coding),
  );
  const { coding, body, etag } = representations.find(({ coding }) => coding === wanted)!;
  const headers = {
    "content-type": asset.type,
    "cache-control": "no-cache", // revalidated each time, so that a new version shows at once
    etag,
    ...representations.length > 1 ? { vary: "Accept-Encoding" } : {},
    ...DOCUMENTS.has(asset.type) ? securityHeaders(request) : FILE_HEADERS,
  };
  if (!ifNoneMatch(request.headers.get("if-none-match"), etag)) {
    return new Response(null, { status: 304, headers });
  }
  return respondInCoding(request, { body, coding, headers });
}

/** Returns headers that keep a document from loading anything of another site, and from being shown inside of one. */
export function securityHeaders(request: Request): Record<string, string> {
  const host = hostOf(request);
  return {
    ...FILE_HEADERS,
    // Other sites still get no referrer. With "no-referrer" a browser sends "Origin: null" with the document's forms.
    "referrer-policy": "same-origin",
    // Safari before 15.4 restricts 'self' to the page's own scheme, so the socket's origin is named.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; " +
      `img-src 'self'; manifest-src 'self'; connect-src 'self' ws://${host} wss://${host}; ` +
      "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  };
}
