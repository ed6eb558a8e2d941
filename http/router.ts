// The router finds the module that serves each request. It knows HTTP, not the transport.
import { accepts } from "@std/http/negotiation";
import { ANYONE, type Principal } from "../auth/principal.ts";
import type { Authenticator } from "../auth/authenticator.ts";
import { ChatError, ERRORS } from "../protocol/errors.ts";
import { type AccessDeps, requireAccess } from "./auth/authenticate.ts";
import { addVary } from "./coding.ts";
import { checkHost, hostnameOf, type HostOptions, stripBasePath } from "./host.ts";
import { corsHeaders } from "./origin.ts";
import { refuseMethod } from "./respond.ts";
import { serveHealth } from "./health.ts";
import { serveInvites } from "./auth/invites.ts";
import { type MetricsDeps, serveMetrics } from "./metrics.ts";
import { serveAsset } from "./assets.ts";
import { problemOf, refuse } from "./problem.ts";
import { clientAddressOf, Proxies } from "./client_address.ts";
import { chooseType, serveRoom } from "./room/room.ts";
import { serveSignInPath } from "./auth/sign_in.ts";
import { serveWs } from "./room/upgrade.ts";
import { ConnectionLimit } from "./connection_limit.ts";
import type { RoomRequest } from "./room/request.ts";
import type { Hub } from "../hub.ts";
import { AddressBudgets, LimitLog } from "../base/address_budget.ts";
import { type Hold, WaitingBytes } from "../base/waiting_bytes.ts";
import { DEFAULT_LIMITS, type Limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { LOBBY, parseRoomName } from "../protocol/names.ts";
import { ASSETS, VERSION } from "../page/assets.ts";
import { Buckets, rateOf } from "../base/rate_limit.ts";
import type { Handler, Peer } from "../transport/transport.ts";

export interface ServerDeps {
  readonly hub: Hub;
  readonly log: Log;
  /** Origins of other sites' pages that may use the server. */
  readonly allowOrigins?: readonly string[];
  readonly hostOptions?: HostOptions;
  /** Authenticates clients. Undefined gives everybody access. */
  readonly authenticator?: Authenticator | undefined;
  readonly limits?: Limits;
  readonly proxies?: Proxies;
  /** Counts what waits for each address. The listener counts its answers with the same object. */
  readonly waiting?: WaitingBytes;
  /** Shared by all parts that limit something, so that each limit is logged once. */
  readonly limitLog?: LimitLog;
  /** Secret that signs payloads of GitHub. Undefined accepts payloads without a signature. */
  readonly githubSecret?: string | undefined;
  /** Undefined turns /metrics off. */
  readonly metrics?: MetricsDeps | undefined;
}

/** Authors whose rate of POSTs is remembered. */
const MAX_AUTHORS = 10_000;

/** Accepts any host name, without a base path. */
const ANY_HOST: HostOptions = { hosts: "any", base: "" };

/** Makes the handler of every request: rooms and their sockets, health, metrics, sign-in, the page's files, or 404. */
export function makeHandler(deps: ServerDeps): Handler {
  const { hub, log, allowOrigins = [], hostOptions = ANY_HOST, authenticator, metrics } = deps;
  const { limits = DEFAULT_LIMITS, proxies = new Proxies([]), githubSecret } = deps;
  const { limitLog = new LimitLog(log) } = deps;
  const { waiting = new WaitingBytes(limits, limitLog) } = deps;
  const budgets = new AddressBudgets(limits, limitLog);
  const connectionLimit = new ConnectionLimit(limits, { budgets, limitLog });
  const posts = new Buckets(rateOf(limits), MAX_AUTHORS);
  const shared = { hub, log, allowOrigins, limits, connectionLimit, posts, githubSecret };
  for (const asset of ASSETS.values()) void asset.represent(); // compressed before the first request

  let hasWarned = false;
  const warnOfHost = (request: Request) => {
    if (!hasWarned) log("warn", "host name refused", { host: hostnameOf(request), flag: "--host" });
    hasWarned = true; // once: anybody can send any name
  };

  const route: Handler = (request, nearestPeer) => {
    const peer = proxies.resolvePeer(request, nearestPeer);
    const refusal = checkHost(request, peer, hostOptions);
    if (refusal?.status === ERRORS.wrong_host.status) warnOfHost(request);
    if (refusal) return refusal;
    if (request.method === "TRACE") return refuseMethod("GET, HEAD, POST, OPTIONS, DELETE");
    const path = stripBasePath(request, hostOptions.base);
    if (path instanceof Response) return path;
    const clientAddress = clientAddressOf(request, peer, hostOptions);
    const access = authenticator && { authenticator, allowOrigins, clientAddress, path };

    const roomRoute = parseRoomPath(path); // "/", "/ws", "/r/ROOM", "/r/ROOM/ws"
    if (roomRoute) {
      const { address, isHttps } = clientAddress;
      const addressKey = proxies.keyOf(address);
      const budget = budgets.of(addressKey);
      const hold: Hold = (holder) => waiting.hold(addressKey, holder);
      const { room } = roomRoute;
      const roomDeps = { ...shared, room, address, addressKey, budget, hold, isHttps };
      return serveRoomPath(request, peer, { route: roomRoute, access, roomDeps });
    }
    if (path === "/healthz") return serveHealth(request, hub);
    if (path === "/metrics" && metrics) return serveMetrics(request, clientAddress, metrics);
    const response = access &&
      (serveSignInPath(request, access) ?? // "/sign-in", "/sign-out", "/invite/TOKEN"
        serveInvites(request, access)); // "/invites", "/invites/ID"
    return response ??
      servePageFile(request, path) ?? // "/page/FILE", "/r/page/FILE", "/v/VERSION/page/FILE"
      respondNotFound(request, path);
  };
  if (allowOrigins.length === 0) return route;
  return async (request, peer) => {
    const response = await route(request, peer);
    const path = URL.parse(request.url)?.pathname.slice(hostOptions.base.length) ?? "";
    const isUpgraded = request.headers.has("upgrade") && response.status < 400;
    if (!isUpgraded && (path === "/" || path.startsWith("/r/"))) {
      allowReading(request, response, allowOrigins);
    }
    return response;
  };
}

/** Lets pages of the allowed origins read a response, refusals included: otherwise a page cannot tell them from a failure. */
function allowReading(
  request: Request,
  { headers }: Response,
  allowOrigins: readonly string[],
): void {
  if (!/\borigin\b/i.test(headers.get("vary") ?? "")) addVary(headers, "Origin");
  const cors = Object.entries(corsHeaders(request, allowOrigins));
  for (const [name, value] of cors) headers.set(name, value);
}

interface RoomRoute {
  readonly room: string;
  readonly isSocket: boolean;
  /** Whether the path is `/`. */
  readonly isRoot: boolean;
}

interface RoomPathOptions {
  readonly route: RoomRoute;
  /** Undefined if everybody has access. */
  readonly access: AccessDeps | undefined;
  readonly roomDeps: Omit<RoomRequest, "principal" | "trackConnection">;
}

/** Authenticates a request for a room, and serves the room or its socket. */
function serveRoomPath(
  request: Request,
  peer: Peer,
  { route, access, roomDeps }: RoomPathOptions,
): Response | Promise<Response> {
  const { room, isSocket, isRoot } = route;
  const type = isSocket ? undefined : chooseType(request, isRoot);
  const serve = (principal: Principal) => {
    const trackConnection: RoomRequest["trackConnection"] = access &&
      ((client) => access.authenticator.trackConnection(principal, client));
    const roomRequest = { ...roomDeps, principal, trackConnection };
    return isSocket
      ? serveWs(request, peer, roomRequest)
      : serveRoom(request, peer, { ...roomRequest, isRoot, type });
  };
  // A browser sends no credentials with its preflight request.
  if (!access || request.method === "OPTIONS") return serve(ANYONE);
  return requireAccess(request, { ...access, room, isPage: type === "text/html" }, serve);
}

/** Parses the path of a room or of its socket. Returns undefined for any other path. */
function parseRoomPath(path: string): RoomRoute | undefined {
  const isRoot = path === "/";
  const match = /^(?:\/r\/([^/]+))?(\/ws)?$/.exec(isRoot ? "" : path);
  if (!match) return undefined;
  const room = match[1] === undefined ? LOBBY : parseRoomName(match[1]);
  return room === undefined ? undefined : { room, isSocket: match[2] !== undefined, isRoot };
}

/** Serves a file of the page; undefined if there is none at the path. */
function servePageFile(request: Request, path: string): Promise<Response> | undefined {
  // The page names its files relative to itself, so they are below `/r/` as well. A page of an older version, which may load
  // more on demand, gets the files of today.
  const [, version, file = ""] = /^(?:\/r)?(?:\/v\/(\w+))?(\/(?:page|sdk)\/.*)$/.exec(path) ?? [];
  const asset = ASSETS.get(file);
  return asset && serveAsset(request, asset, { isVersioned: version === VERSION });
}

/** Responds with 404. A program that misspells a room is told how rooms are spelled. */
function respondNotFound(request: Request, path: string): Response {
  if (!path.startsWith("/r/") || accepts(request, "text/plain", "text/html") === "text/html") {
    return refuse("not_found");
  }
  const message =
    "Not found: a room is /r/NAME, with 1 to 64 lower-case letters, digits, hyphens or underscores";
  return problemOf(new ChatError("not_found", { message }));
}
