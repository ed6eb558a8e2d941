// Routes and the upgrade: what each request gets. Knows HTTP, not how it is served.
import { ifNoneMatch } from "@std/http/etag";
import { Client } from "./client.ts";
import { JsonDialog, LinesDialog, type MakeDialog } from "./dialog.ts";
import { type ErrorCode, type ErrorRow, ERRORS } from "./errors.ts";
import type { Hub } from "./hub.ts";
import type { Log } from "./log.ts";
import { LOBBY, parseRoomName } from "./names.ts";
import { type Asset, ASSETS } from "./page/assets.ts";
import type { Handler, Peer } from "./transport/transport.ts";
import { JSON_LINES } from "./wire/json_lines.ts";

export interface ServerDeps {
  readonly hub: Hub;
  readonly log: Log;
}

/** Makes the handler for every request: rooms, their sockets, the page's files, and a coded error for all else. */
export function makeHandler(deps: ServerDeps): Handler {
  return (request, peer) => {
    // The URL is made of the Host header, which may be anything.
    if (!URL.canParse(request.url)) return refuse("bad_request");
    const { pathname } = new URL(request.url);
    const place = findPlace(pathname);
    if (place?.isSocket) return serveWs(request, peer, { ...deps, room: place.room });
    if (place) deps.log("info", "page", { url: request.url });
    // The page names its files relative to itself, so they are below `/r/` as well.
    const asset = ASSETS.get(place ? "/" : pathname.replace("/r/page/", "/page/"));
    return asset ? serveAsset(request, asset) : refuse("not_found");
  };
}

/** The room that a path leads to, or its socket: `/`, `/ws`, `/r/ROOM`, `/r/ROOM/ws`. */
function findPlace(pathname: string): { room: string; isSocket: boolean } | undefined {
  const match = /^(?:\/r\/([^/]+))?(\/ws)?$/.exec(pathname === "/" ? "" : pathname);
  if (!match) return undefined;
  const room = match[1] === undefined ? LOBBY : parseRoomName(match[1]);
  return room === undefined ? undefined : { room, isSocket: match[2] !== undefined };
}

/** Makes the connection a client of the hub, as the seed's function of this name does. */
function serveWs(request: Request, peer: Peer, deps: ServerDeps & { room: string }): Response {
  const { log } = deps;
  if (request.method !== "GET") return refuse("method_not_allowed", { allow: "GET" });
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return refuse("upgrade_required", { upgrade: "websocket", connection: "Upgrade" });
  }
  if (!isSameOrigin(request.headers)) return refuse("foreign_origin");
  const offered = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
  const isJson = offered.some((protocol) => protocol.trim() === JSON_LINES.protocol);
  const makeDialog: MakeDialog = (speaker) =>
    isJson ? new JsonDialog(speaker, deps) : new LinesDialog(speaker, deps);
  try {
    return peer.upgrade(isJson ? JSON_LINES.protocol : "", (connection) => {
      new Client({ hub: deps.hub, connection, makeDialog, log }).run();
    });
  } catch (error) {
    if (error instanceof TypeError) return refuse("bad_upgrade"); // a header is missing or wrong
    throw error;
  }
}

function serveAsset(request: Request, asset: Asset): Response {
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
      `img-src 'self'; manifest-src 'self'; connect-src 'self' ws://${host} wss://${host}; ` +
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
