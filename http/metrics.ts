// /metrics serves monitoring on this machine, and clients with the token. For all others it does not exist. prometheus.ts
// writes its text.
import { timingSafeEqual } from "node:crypto";
import { isLoopback } from "../base/ip_address.ts";
import { sha256 } from "../base/sha256.ts";
import type { Metrics } from "./prometheus.ts";
import { respondWithText } from "./coding.ts";
import { hostnameOf } from "./host.ts";
import { bearerOf } from "./auth/credentials.ts";
import { refuse } from "./problem.ts";
import { isRead, refuseMethod } from "./respond.ts";
import type { ClientAddress } from "./client_address.ts";

/** Headers that proxies add. Such a request is not from this machine, although its connection is. */
const FORWARDED = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

export interface MetricsDeps {
  readonly metrics: Metrics;
  /** Undefined allows requests from this machine only. */
  readonly token: string | undefined;
}

/** Responds with the metrics, or with 404. */
export function serveMetrics(
  request: Request,
  clientAddress: ClientAddress,
  { metrics, token }: MetricsDeps,
): Response | Promise<Response> {
  if (!isLocal(request, clientAddress) && !hasToken(request.headers, token)) {
    return refuse("not_found");
  }
  if (!isRead(request)) return refuseMethod("GET, HEAD");
  return respondWithText(request, metrics.text(), {
    "content-type": "text/plain; version=0.0.4; charset=utf-8",
    "cache-control": "no-store",
  });
}

/**
 * Returns whether the request is from this machine, and for one of its own names. A web page could make a browser on this
 * machine send a request for another name.
 */
function isLocal(request: Request, { address }: ClientAddress): boolean {
  const hostname = hostnameOf(request)?.replace(/^\[(.*)\]$/, "$1") ?? "";
  return isLoopback(address) && (hostname === "localhost" || isLoopback(hostname)) &&
    !FORWARDED.some((name) => request.headers.has(name));
}

function hasToken(headers: Headers, token: string | undefined): boolean {
  const given = bearerOf(headers);
  // Hashed, because the comparison requires two values of one length.
  return token !== undefined && given !== undefined &&
    timingSafeEqual(sha256(given), sha256(token));
}
