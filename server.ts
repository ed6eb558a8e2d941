// Routes and the upgrade: what each request gets. Knows HTTP, not how it is served.
import { accepts } from "@std/http/negotiation";
import { type Admission, OPEN } from "./access/admission.ts";
import { Client } from "./client.ts";
import { JsonDialog, LinesDialog, type MakeDialog } from "./dialog.ts";
import { ChatError } from "./errors.ts";
import { findPath, type Front } from "./http/front.ts";
import { serveHealth } from "./http/health.ts";
import { type MetricsDeps, serveMetrics } from "./http/metrics.ts";
import { isAllowedOrigin } from "./http/origin.ts";
import { serveAsset } from "./http/page.ts";
import { problemOf, refuse } from "./http/problem.ts";
import { serveRoom } from "./http/room.ts";
import { visitorOf } from "./http/visitor.ts";
import type { Hub } from "./hub.ts";
import type { Log } from "./log.ts";
import { LOBBY, parseRoomName } from "./names.ts";
import { ASSETS } from "./page/assets.ts";
import type { Handler, Peer } from "./transport/transport.ts";
import { JSON_LINES } from "./wire/json_lines.ts";

export interface ServerDeps {
  readonly hub: Hub;
  readonly log: Log;
  /** Origins of other sites' pages that may speak with us. */
  readonly allowOrigins?: readonly string[];
  readonly front?: Front;
  /** Who may come in, and how far. Everybody, unless told otherwise. */
  readonly admit?: (request: Request) => Admission | Promise<Admission>;
  /** Undefined: there are none to be had. */
  readonly metrics?: MetricsDeps | undefined;
}

/** Any name, and no path before ours. */
const ANYWHERE: Front = { hosts: [], base: "" };

/** Makes the handler for every request: rooms, their sockets, the page's files, and a coded error for all else. */
export function makeHandler(
  { allowOrigins = [], front = ANYWHERE, admit = () => OPEN, metrics, ...deps }: ServerDeps,
): Handler {
  const { hub, log } = deps;
  return async (request, peer) => {
    const pathname = findPath(request, peer, front);
    if (pathname instanceof Response) return pathname;
    const place = findPlace(pathname);
    const admission = place ? await admit(request) : OPEN;
    const { address } = visitorOf(request, peer);
    const visit = { ...deps, allowOrigins, admission, address };
    if (place?.isSocket) return serveWs(request, peer, { ...visit, room: place.room });
    if (place) {
      const isRoot = pathname === "/";
      const servePage = () => {
        log("info", "page", { url: request.url });
        return serveAsset(request, ASSETS.get("/")!);
      };
      return serveRoom(request, peer, { ...visit, ...place, servePage, isRoot });
    }
    if (pathname === "/healthz") return serveHealth(request, hub);
    if (pathname === "/metrics" && metrics) {
      return serveMetrics(request, visitorOf(request, peer), metrics);
    }
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

interface SocketDeps extends Required<Pick<ServerDeps, "hub" | "log" | "allowOrigins">> {
  readonly room: string;
  readonly admission: Admission;
  readonly address: string;
}

/** Makes the connection a client of the hub, as the seed's function of this name does. */
function serveWs(request: Request, peer: Peer, deps: SocketDeps): Response {
  if (request.method !== "GET") return refuse("method_not_allowed", { allow: "GET" });
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return refuse("upgrade_required", { upgrade: "websocket", connection: "Upgrade" });
  }
  if (!isAllowedOrigin(request, deps.allowOrigins)) return refuse("foreign_origin");
  const offered = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
  const isJson = offered.some((protocol) => protocol.trim() === JSON_LINES.protocol);
  // This wire has no words for why; on the other a page is told, which sees nothing of a refused upgrade.
  const ban = isJson ? undefined : deps.hub.findBan(deps);
  if (ban) return problemOf(ban);
  const makeDialog: MakeDialog = (speaker) =>
    isJson ? new JsonDialog(speaker, deps) : new LinesDialog(speaker, deps);
  try {
    return peer.upgrade(isJson ? JSON_LINES.protocol : "", (connection) => {
      const { log, room, address } = deps;
      log("debug", "client opened", { room, remote: address });
      new Client({ ...deps, connection, makeDialog }).run();
    });
  } catch (error) {
    if (error instanceof TypeError) return refuse("bad_upgrade"); // a header is missing or wrong
    throw error;
  }
}
