// The router checks the host name of every request first, then removes the base path. The other modules see paths without it.
import { isLoopback } from "../base/ip_address.ts";
import type { Peer } from "../transport/transport.ts";
import { refuse } from "./problem.ts";

export interface HostOptions {
  /** Host names that the server accepts, in lower case; empty for any name. */
  readonly hosts: readonly string[];
  /** Path that all URLs are below, without a slash at its end; empty for none. */
  readonly base: string;
}

const HEALTH = "/healthz";
const METRICS = "/metrics";

/**
 * Checks the host name of a request. Returns the refusal, or undefined if the name is accepted. Monitoring on this machine
 * may read health and metrics by any name; metrics have a check of their own.
 */
export function checkHost(
  request: Request,
  peer: Peer,
  { hosts, base }: HostOptions,
): Response | undefined {
  // The URL is built from the Host header, which may be anything.
  if (!URL.canParse(request.url)) return refuse("bad_request");
  if (hosts.length === 0) return undefined;
  if (isLoopback(peer.remoteAddress) && isMonitoring(request, base)) return undefined;
  const host = hostOf(request);
  if (host === undefined) return refuse("bad_request");
  const hostname = URL.parse(`http://${host}`)?.hostname ?? "";
  return hosts.includes(hostname) ? undefined : refuse("wrong_host");
}

function isMonitoring(request: Request, base: string): boolean {
  const path = stripBasePath(request, base);
  return path === HEALTH || path === METRICS;
}

/**
 * Returns the request's path without the base. `/healthz` is also found without it. Any other path gets a response: the
 * base without its slash is redirected, and the rest is not found.
 */
export function stripBasePath({ url }: Request, base: string): string | Response {
  const { pathname, search } = new URL(url);
  if (pathname === HEALTH) return HEALTH;
  if (pathname.startsWith(`${base}/`)) return pathname.slice(base.length);
  if (pathname !== base) return refuse("not_found");
  return new Response(null, { status: 307, headers: { location: `${base}/${search}` } });
}

/** Returns the host name of a request, with its port if it has one; undefined for none. HTTP/2 has it in the URL only. */
export function hostOf({ headers, url }: Request): string | undefined {
  return headers.get("host") || (url.startsWith("https:") ? new URL(url).host : undefined);
}
