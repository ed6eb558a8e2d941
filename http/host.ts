// What every request passes first: the name that it calls the server by, and the path that everything is below. Whatever is
// behind sees paths without the base. Called by the server's handler, for each request.
import { isLoopback } from "../base/ip_address.ts";
import type { Peer } from "../transport/transport.ts";
import { refuse } from "./problem.ts";

export interface HostOptions {
  /** Names that the server goes by, in lower case; none for any name. */
  readonly hosts: readonly string[];
  /** The path that everything is below, without a slash at its end; empty for none. */
  readonly base: string;
}

const HEALTH = "/healthz";
const METRICS = "/metrics";

/**
 * Checks the name that a request calls the server by. Returns the refusal, or undefined if the server goes by that name.
 * A program on this machine may use any name to watch the server's health and metrics; metrics have a rule of their own.
 */
export function checkHost(
  request: Request,
  peer: Peer,
  { hosts, base }: HostOptions,
): Response | undefined {
  // The URL is made of the Host header, which may be anything.
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

/** The name, perhaps with a port, that a request calls the server by; undefined without one. HTTP/2 has it in the URL only. */
export function hostOf({ headers, url }: Request): string | undefined {
  return headers.get("host") || (url.startsWith("https:") ? new URL(url).host : undefined);
}
