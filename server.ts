// Routes and the upgrade: what each request gets. Knows HTTP, not how it is served.
import { accepts } from "@std/http/negotiation";
import { type Admission, OPEN } from "./access/admission.ts";
import type { Gate } from "./access/gate.ts";
import { Client, type Hold } from "./client.ts";
import { JsonDialog, LinesDialog, type MakeDialog } from "./dialog.ts";
import { ChatError } from "./errors.ts";
import { letIn } from "./http/entrance.ts";
import { serveHealth } from "./http/health.ts";
import { serveInvites } from "./http/invites.ts";
import { isAllowedOrigin } from "./http/origin.ts";
import { serveAsset } from "./http/page.ts";
import { problemOf, refuse } from "./http/problem.ts";
import { serveRoom, typeFor } from "./http/room.ts";
import { serveAccess } from "./http/sign_in.ts";
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
  /** Who may come in. Everybody, where there is none. */
  readonly gate?: Gate | undefined;
}

/** Where a request for a room goes, and by whom it is made. */
interface PlaceDeps extends Required<ServerDeps> {
  readonly room: string;
  readonly isSocket: boolean;
  readonly admission: Admission;
  readonly hold: Hold | undefined;
}

/** Makes the handler for every request: rooms, their sockets, the page's files, and a coded error for all else. */
export function makeHandler({ allowOrigins = [], gate, ...deps }: ServerDeps): Handler {
  return (request, peer) => {
    // The URL is made of the Host header, which may be anything.
    if (!URL.canParse(request.url)) return refuse("bad_request");
    const { pathname } = new URL(request.url);
    const place = findPlace(pathname);
    if (place) {
      const serve = (admission: Admission) => {
        const hold: Hold | undefined = gate && ((client) => gate.hold(admission, client));
        return servePlace(request, peer, {
          ...deps,
          ...place,
          allowOrigins,
          gate,
          admission,
          hold,
        });
      };
      // What a browser asks beforehand it asks without saying who it is.
      if (!gate || request.method === "OPTIONS") return serve(OPEN);
      const isPage = !place.isSocket && typeFor(request, pathname === "/") === "text/html";
      const visitor = visitorOf(request, peer);
      return letIn(request, { gate, allowOrigins, visitor, room: place.room, isPage }, serve);
    }
    if (pathname === "/healthz") return serveHealth(request, deps.hub);
    if (gate) {
      const entrance = { gate, allowOrigins, visitor: visitorOf(request, peer) };
      const answer = serveAccess(request, entrance) ?? serveInvites(request, entrance);
      if (answer) return answer;
    }
    // The page names its files relative to itself, so they are below `/r/` as well.
    const asset = ASSETS.get(pathname.replace("/r/page/", "/page/"));
    return asset ? serveAsset(request, asset) : serveNothing(request, pathname);
  };
}

/** Answers a request for a room, or for its socket. */
function servePlace(
  request: Request,
  peer: Peer,
  deps: PlaceDeps,
): Response | Promise<Response> {
  if (deps.isSocket) return serveWs(request, peer, deps);
  const isRoot = new URL(request.url).pathname === "/";
  const servePage = () => {
    deps.log("info", "page", { url: request.url });
    return serveAsset(request, ASSETS.get("/")!);
  };
  return serveRoom(request, peer, { ...deps, servePage, isRoot });
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
function serveWs(request: Request, peer: Peer, deps: PlaceDeps): Response {
  const { log, hold } = deps;
  if (request.method !== "GET") return refuse("method_not_allowed", { allow: "GET" });
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return refuse("upgrade_required", { upgrade: "websocket", connection: "Upgrade" });
  }
  if (!isAllowedOrigin(request.headers, deps.allowOrigins)) return refuse("foreign_origin");
  const offered = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
  const isJson = offered.some((protocol) => protocol.trim() === JSON_LINES.protocol);
  const makeDialog: MakeDialog = (speaker) =>
    isJson ? new JsonDialog(speaker, deps) : new LinesDialog(speaker, deps);
  try {
    return peer.upgrade(isJson ? JSON_LINES.protocol : "", (connection) => {
      new Client({ hub: deps.hub, connection, makeDialog, log, hold }).run();
    });
  } catch (error) {
    if (error instanceof TypeError) return refuse("bad_upgrade"); // a header is missing or wrong
    throw error;
  }
}
