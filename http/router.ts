// Routes: who answers each request. Knows HTTP, not how it is served.
import { accepts } from "@std/http/negotiation";
import { type Admission, OPEN } from "../auth/principal.ts";
import type { Gate } from "../auth/authenticator.ts";
import { ChatError } from "../protocol/errors.ts";
import { letIn } from "./auth/authenticate.ts";
import { findPath, type Front } from "./host.ts";
import { serveHealth } from "./health.ts";
import { serveInvites } from "./auth/invites.ts";
import { type MetricsDeps, serveMetrics } from "./metrics.ts";
import { serveAsset } from "./assets.ts";
import { problemOf, refuse } from "./problem.ts";
import { Proxies } from "./client_address.ts";
import { serveRoom, typeFor } from "./room/room.ts";
import { serveAccess } from "./auth/sign_in.ts";
import { serveWs } from "./room/upgrade.ts";
import { Turnstile } from "./connection_limit.ts";
import type { Visit } from "./room/request.ts";
import { visitorOf } from "./visitor.ts";
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
  readonly front?: Front;
  /** Who may come in. Everybody, where there is none. */
  readonly gate?: Gate | undefined;
  readonly limits?: Limits;
  readonly proxies?: Proxies;
  /** Undefined: there are none to be had. */
  readonly metrics?: MetricsDeps | undefined;
}

/** Addresses that post, or read, and are remembered for it. */
const MAX_ADDRESSES = 10_000;

/** Any name, and no path before ours. */
const ANYWHERE: Front = { hosts: [], base: "" };

/** Makes the handler for every request: rooms, their sockets, the page's files, and a coded error for all else. */
export function makeHandler(options: ServerDeps): Handler {
  const { hub, log, allowOrigins = [], front = ANYWHERE, gate, metrics } = options;
  const { limits = DEFAULT_LIMITS, proxies = new Proxies([]) } = options;
  const turnstile = new Turnstile(limits);
  const posts = new Buckets(rateOf(limits), MAX_ADDRESSES);
  const reads = new Buckets(rateOf(limits, PAGES_PER_MESSAGE), MAX_ADDRESSES);
  for (const asset of ASSETS.values()) void asset.represent(); // compressed before anybody asks
  const shared = { hub, log, allowOrigins, limits, turnstile, posts, reads };
  return (request, nearest) => {
    const peer = proxies.look(request, nearest);
    const path = findPath(request, peer, front);
    if (path instanceof Response) return path;
    const visitor = visitorOf(request, peer, { base: front.base });
    const entrance = gate && { gate, allowOrigins, visitor, path };
    const place = findPlace(path);
    if (place) {
      const serve = (admission: Admission) => {
        const hold: Visit["hold"] = gate && ((client) => gate.hold(admission, client));
        const { address, isHttps } = visitor;
        const addressKey = proxies.keyOf(address);
        const from = { admission, address, addressKey, isHttps };
        const visit = { ...shared, room: place.room, ...from, hold };
        return place.isSocket
          ? serveWs(request, peer, visit)
          : servePlace(request, peer, { ...visit, isRoot: path === "/" });
      };
      // What a browser asks beforehand it asks without saying who it is.
      if (!entrance || request.method === "OPTIONS") return serve(OPEN);
      const isPage = !place.isSocket && typeFor(request, path === "/") === "text/html";
      return letIn(request, { ...entrance, room: place.room, isPage }, serve);
    }
    if (path === "/healthz") return serveHealth(request, hub);
    if (path === "/metrics" && metrics) return serveMetrics(request, visitor, metrics);
    const answer = entrance &&
      (serveAccess(request, entrance) ?? serveInvites(request, entrance));
    if (answer) return answer;
    // The page names its files relative to itself, so they are below `/r/` as well.
    const asset = ASSETS.get(path.replace("/r/page/", "/page/"));
    return asset ? serveAsset(request, asset) : serveNothing(request, path);
  };
}

/** Answers a request for a room that is not for its socket. */
function servePlace(request: Request, peer: Peer, visit: Visit & { readonly isRoot: boolean }) {
  const servePage = () => {
    visit.log("info", "page", { url: request.url });
    return serveAsset(request, ASSETS.get("/")!);
  };
  return serveRoom(request, peer, { ...visit, servePage });
}

/** The room that a path leads to, or its socket: `/`, `/ws`, `/r/ROOM`, `/r/ROOM/ws`. */
function findPlace(path: string): { room: string; isSocket: boolean } | undefined {
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
