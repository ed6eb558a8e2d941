// The page's files, as they are served.
import { ifNoneMatch } from "@std/http/etag";
import type { Asset } from "../page/assets.ts";
import { refuse } from "./problem.ts";

/** Answers with a file of the page, or that the client has it already. */
export function serveAsset(request: Request, asset: Asset): Response {
  const { method } = request;
  if (method !== "GET" && method !== "HEAD") {
    return refuse("method_not_allowed", { allow: "GET, HEAD" });
  }
  const headers = {
    "content-type": asset.type,
    "cache-control": "no-cache", // ask each time, with the ETag: a new version shows at once
    etag: asset.etag,
    ...securityHeaders(request),
  };
  if (!ifNoneMatch(request.headers.get("if-none-match"), asset.etag)) {
    return new Response(null, { status: 304, headers });
  }
  return new Response(method === "HEAD" ? null : asset.body, { headers });
}

/** What keeps other sites out of a page of ours, and anything of theirs out of it. */
export function securityHeaders(request: Request): Record<string, string> {
  const { host } = new URL(request.url);
  return {
    // Safari before 15.4 takes 'self' for the page's own scheme only, hence the socket's origin by name.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; " +
      `img-src 'self'; manifest-src 'self'; connect-src 'self' ws://${host} wss://${host}; ` +
      "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  };
}
