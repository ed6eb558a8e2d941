// Routes: who answers each request. Knows HTTP, not how it is served.
import { accepts } from "@std/http/negotiation";
import { ANYONE, type Principal } from "../auth/principal.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import { ChatError } from "../protocol/errors.ts";
import { requireAccess } from "./auth/authenticate.ts";
import { findPath, type HostOptions } from "./host.ts";
import { serveHealth } from "./health.ts";
import { serveInvites } from "./auth/invites.ts";
import { type MetricsDeps, serveMetrics } from "./metrics.ts";
import { serveAsset } from "./assets.ts";
import { problemOf, refuse } from "./problem.ts";
import { Proxies } from "./client_address.ts";
import { serveRoom, typeFor } from "./room/room.ts";
import { serveAccess } from "./auth/sign_in.ts";
import { serveWs } from "./room/upgrade.ts";
import { ConnectionLimit } from "./connection_limit.ts";
import type { RoomRequest } from "./room/request.ts";
import { clientAddressOf } from "./visitor.ts";
import type { Hub } from "../hub.ts";
import { DEFAULT_LIMITS, type Limits, PAGES_PER_MESSAGE } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { LOBBY, parseRoomName } from "../protocol/names.ts";
import { ASSETS } from "../page/assets.ts";
import { Buckets, rateOf } from "../base/rate_limit.ts";
import type { Handler, Peer } from "../transport/transport.ts";

export interface ServerDeps {
  readonly hub: Hub;
  readonly log: Log;
  /** Origins of other sites' pages that may speak with us. */
  readonly allowOrigins?: readonly string[];
  readonly hostOptions?: HostOptions;
  /** Who may come in. Everybody, where there is none. */
  readonly authenticator?: Authenticator | undefined;
  readonly limits?: Limits;
  readonly proxies?: Proxies;
  /** Undefined: there are none to be had. */
  readonly metrics?: MetricsDeps | undefined;
}

/** Addresses that post, or read, and are remembered for it. */
const MAX_ADDRESSES = 10_000;

/** Any name, and no path before ours. */
const ANYWHERE: HostOptions = { hosts: [], base: "" };

/** Makes the handler for every request: rooms, their sockets, the page's files, and a coded error for all else. */
export function makeHandler(options: ServerDeps): Handler {
  const { hub, log, allowOrigins = [], hostOptions = ANYWHERE, authenticator, metrics } = options;
  const { limits = DEFAULT_LIMITS, proxies = new Proxies([]) } = options;
  const connectionLimit = new ConnectionLimit(limits);
  const posts = new Buckets(rateOf(limits), MAX_ADDRESSES);
  const reads = new Buckets(rateOf(limits, PAGES_PER_MESSAGE), MAX_ADDRESSES);
  for (const asset of ASSETS.values()) void asset.represent(); // compressed before anybody asks
  const shared = { hub, log, allowOrigins, limits, connectionLimit, posts, reads };
  return (request, nearest) => {
    const peer = proxies.resolvePeer(request, nearest);
    const path = findPath(request, peer, hostOptions);
    if (path instanceof Response) return path;
    const clientAddress = clientAddressOf(request, peer, { base: hostOptions.base });
    const access = authenticator && { authenticator, allowOrigins, clientAddress, path };
    const place = findRoute(path);
    if (place) {
      const serve = (principal: Principal) => {
        const trackConnection: RoomRequest["trackConnection"] = authenticator &&
          ((client) => authenticator.trackConnection(principal, client));
        const { address, isHttps } = clientAddress;
        const addressKey = proxies.keyOf(address);
        const from = { principal, address, addressKey, isHttps };
        const roomRequest = { ...shared, room: place.room, ...from, trackConnection };
        return place.isSocket
          ? serveWs(request, peer, roomRequest)
          : servePlace(request, peer, { ...roomRequest, isRoot: path === "/" });
      };
      // What a browser asks beforehand it asks without saying who it is.
      if (!access || request.method === "OPTIONS") return serve(ANYONE);
      const isPage = !place.isSocket && typeFor(request, path === "/") === "text/html";
      return requireAccess(request, { ...access, room: place.room, isPage }, serve);
    }
    if (path === "/healthz") return serveHealth(request, hub);
    if (path === "/metrics" && metrics) return serveMetrics(request, clientAddress, metrics);
    const answer = access &&
      (serveAccess(request, access) ?? serveInvites(request, access));
    if (answer) return answer;
    // The page names its files relative to itself, so they are below `/r/` as well.
    const asset = ASSETS.get(path.replace(/^\/r\/(?=page\/|sdk\/)/, "/"));
    return asset ? serveAsset(request, asset) : serveNothing(request, path);
  };
}

/** Answers a request for a room that is not for its socket. */
function servePlace(
  request: Request,
  peer: Peer,
  roomRequest: RoomRequest & { readonly isRoot: boolean },
) {
  const servePage = () => {
    roomRequest.log("info", "page", { url: request.url });
    return serveAsset(request, ASSETS.get("/")!);
  };
  return serveRoom(request, peer, { ...roomRequest, servePage });
}

/** The room that a path leads to, or its socket: `/`, `/ws`, `/r/ROOM`, `/r/ROOM/ws`. */
function findRoute(path: string): { room: string; isSocket: boolean } | undefined {
  const match = /^(?:\/r\/([^/]+))?(\/ws)?$/.exec(path === "/" ? "" : path);
  if (!match) return undefined;
  const room = match[1] === undefined ? LOBBY : parseRoomName(match[1]);
  return room === undefined ? undefined : { room, isSocket: match[2] !== undefined };
}

/** What is not there. Whoever misspells a room is told how rooms are spelled. */
function serveNothing(request: Request, path: string): Response {
  if (!path.startsWith("/r/") || accepts(request, "text/plain", "text/html") === "text/html") {
    return refuse("not_found");
  }
  const message =
    "Not found: a room is /r/NAME, with 1 to 64 lower-case letters, digits, hyphens or underscores";
  return problemOf(new ChatError("not_found", { message }));
}
