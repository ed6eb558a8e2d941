// Routes and the upgrade: what each request gets. Knows HTTP, not how it is served.
import { ifNoneMatch } from "@std/http/etag";
import { Client } from "./client.ts";
import { closeFor, type ErrorCode, type ErrorRow, ERRORS } from "./errors.ts";
import type { Hub } from "./hub.ts";
import type { Log } from "./log.ts";
import { type Asset, ASSETS } from "./page/assets.ts";
import type { Handler, Peer } from "./transport/transport.ts";

export interface ServerDeps {
  readonly hub: Hub;
  readonly log: Log;
}

/** Makes the handler for every request: the page and its assets, `/ws`, and a coded error for all else. */
export function makeHandler(deps: ServerDeps): Handler {
  return (request, peer) => {
    // The URL is made of the Host header, which may be anything.
    if (!URL.canParse(request.url)) return refuse("bad_request");
    const { pathname } = new URL(request.url);
    if (pathname === "/ws") return serveWs(request, peer, deps);
    const asset = ASSETS.get(pathname);
    if (!asset) return refuse("not_found");
    if (pathname === "/") deps.log("info", "page", { url: request.url });
    return servePage(request, asset);
  };
}

/** Makes the connection a client of the hub, as the seed's function of this name does. */
function serveWs(request: Request, peer: Peer, { hub, log }: ServerDeps): Response {
  if (request.method !== "GET") return refuse("method_not_allowed", { allow: "GET" });
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return refuse("upgrade_required", { upgrade: "websocket", connection: "Upgrade" });
  }
  if (!isSameOrigin(request.headers)) return refuse("foreign_origin");
  try {
    return peer.upgrade((connection) => {
      new Client({ hub, connection, log }).run().catch((error) => {
        log("error", "client failed", { error });
        const { closeCode, reason } = closeFor("internal");
        connection.close(closeCode, reason);
      });
    });
  } catch (error) {
    if (error instanceof TypeError) return refuse("bad_upgrade"); // a header is missing or wrong
    throw error;
  }
}

function servePage(request: Request, asset: Asset): Response {
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
  return new Response(method === "HEAD" ? null : asset.text, { headers });
}

/** Scripts, too, may connect: they send no Origin. A page may only where its host is ours. */
function isSameOrigin(headers: Headers): boolean {
  const origin = headers.get("origin");
  if (origin === null) return true;
  return URL.canParse(origin) && new URL(origin).host === headers.get("host")?.toLowerCase();
}

function securityHeaders(request: Request): Record<string, string> {
  const { host } = new URL(request.url);
  return {
    // Safari before 15.4 takes 'self' for the page's own scheme only, hence the socket's origin by name.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; " +
      `img-src 'self' data:; connect-src 'self' ws://${host} wss://${host}; ` +
      "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  };
}

function refuse(code: ErrorCode, headers: Record<string, string> = {}): Response {
  const row: ErrorRow = ERRORS[code];
  return new Response(`${row.sentence}\n`, {
    status: row.status ?? 500,
    headers: { "content-type": "text/plain; charset=utf-8", ...headers },
  });
}
