// Routes and the upgrade: what each request gets. Knows HTTP, not how it is served.
import { accepts } from "@std/http/negotiation";
import { Client } from "./client.ts";
import { JsonDialog, LinesDialog, type MakeDialog } from "./dialog.ts";
import { ChatError } from "./errors.ts";
import { serveHealth } from "./http/health.ts";
import { isAllowedOrigin } from "./http/origin.ts";
import { serveAsset } from "./http/page.ts";
import { problemOf, refuse } from "./http/problem.ts";
import { Proxies } from "./http/proxies.ts";
import { type RoomDeps, serveRoom } from "./http/room.ts";
import type { StreamOptions } from "./http/stream.ts";
import { type Leave, Turnstile } from "./http/turnstile.ts";
import { visitorOf } from "./http/visitor.ts";
import type { Hub } from "./hub.ts";
import { BURST_S, DEFAULT_LIMITS, type Limits } from "./limits.ts";
import type { Log } from "./log.ts";
import { LOBBY, parseRoomName } from "./names.ts";
import { ASSETS } from "./page/assets.ts";
import { Buckets } from "./rate.ts";
import type { Handler, Peer } from "./transport/transport.ts";
import { JSON_LINES } from "./wire/json_lines.ts";

/** Addresses that post and are remembered for it. */
const MAX_POSTERS = 10_000;

export interface ServerDeps {
  readonly hub: Hub;
  readonly log: Log;
  /** Origins of other sites' pages that may speak with us. */
  readonly allowOrigins?: readonly string[];
  readonly limits?: Limits;
  readonly proxies?: Proxies;
}

/** Makes the handler for every request: rooms, their sockets, the page's files, and a coded error for all else. */
export function makeHandler({ allowOrigins = [], ...rest }: ServerDeps): Handler {
  const { hub, log, limits = DEFAULT_LIMITS, proxies = new Proxies([]) } = rest;
  const turnstile = new Turnstile(limits);
  const perS = limits.messagesPerS;
  const posts = new Buckets({ perS, burst: BURST_S * perS }, MAX_POSTERS);
  return (request, nearest) => {
    // The URL is made of the Host header, which may be anything.
    if (!URL.canParse(request.url)) return refuse("bad_request");
    const peer = proxies.look(request, nearest);
    const { address } = visitorOf(request, peer);
    const addressKey = proxies.keyOf(address);
    const deps = { hub, log, allowOrigins, limits, turnstile, posts, address, addressKey };
    const { pathname } = new URL(request.url);
    const place = findPlace(pathname);
    if (place?.isSocket) return serveWs(request, peer, { ...deps, room: place.room });
    if (place) {
      const isRoot = pathname === "/";
      const servePage = () => {
        log("info", "page", { url: request.url });
        return serveAsset(request, ASSETS.get("/")!);
      };
      return serveRoom(request, peer, { ...deps, ...place, servePage, isRoot });
    }
    if (pathname === "/healthz") return serveHealth(request, hub);
    // The page names its files relative to itself, so they are below `/r/` as well.
    const asset = ASSETS.get(pathname.replace("/r/page/", "/page/"));
    return asset ? serveAsset(request, asset) : serveNothing(request, pathname);
  };
}

/** The room that a path leads to, or its socket: `/`, `/ws`, `/r/ROOM`, `/r/ROOM/ws`. */
function findPlace(pathname: string): { room: string; isSocket: boolean } | undefined {
  const match = /^(?:\/r\/([^/]+))?(\/ws)?$/.exec(pathname === "/" ? "" : pathname);
  if (!match) return undefined;
  const room = match[1] === undefined ? LOBBY : parseRoomName(match[1]);
  return room === undefined ? undefined : { room, isSocket: match[2] !== undefined };
}

/** What is not there. Whoever misspells a room is told how rooms are spelled. */
function serveNothing(request: Request, pathname: string): Response {
  if (!pathname.startsWith("/r/") || accepts(request, "text/plain", "text/html") === "text/html") {
    return refuse("not_found");
  }
  const message = "A room is /r/NAME: 1 to 64 lower-case letters, digits, hyphens or underscores";
  return problemOf(new ChatError("not_found", { message }));
}

/** Makes the connection a client of the hub, as the seed's function of this name does. */
function serveWs(
  request: Request,
  peer: Peer,
  deps: Omit<StreamOptions, "query" | "type"> & Pick<RoomDeps, "allowOrigins">,
): Response {
  const { hub, log, limits, address } = deps;
  if (request.method !== "GET") return refuse("method_not_allowed", { allow: "GET" });
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return refuse("upgrade_required", { upgrade: "websocket", connection: "Upgrade" });
  }
  if (!isAllowedOrigin(request.headers, deps.allowOrigins)) return refuse("foreign_origin");
  const offered = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
  const isJson = offered.some((protocol) => protocol.trim() === JSON_LINES.protocol);
  const makeDialog: MakeDialog = (speaker) =>
    isJson ? new JsonDialog(speaker, deps) : new LinesDialog(speaker, deps);
  let leave: Leave | undefined;
  try {
    leave = deps.turnstile.enter(deps.addressKey);
    return peer.upgrade(isJson ? JSON_LINES.protocol : "", (connection) => {
      new Client({ hub, connection, makeDialog, log, limits, address }).run();
    }, leave);
  } catch (error) {
    leave?.();
    if (error instanceof ChatError) return problemOf(error);
    if (error instanceof TypeError) return refuse("bad_upgrade"); // a header is missing or wrong
    throw error;
  }
}
