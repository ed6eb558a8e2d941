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

/** The request's path, without the base; or the answer, where it gets no further. */
export function findPath(
  request: Request,
  peer: Peer,
  { hosts, base }: HostOptions,
): string | Response {
  // The URL is made of the Host header, which may be anything.
  if (!URL.canParse(request.url)) return refuse("bad_request");
  const { pathname, search } = new URL(request.url);
  const path = pathname.startsWith(`${base}/`) ? pathname.slice(base.length) : undefined;
  const isHealth = path === HEALTH || pathname === HEALTH;
  // Whatever watches over the server from this machine may call it by any name, of which metrics have a rule of their own.
  const isWatch = isHealth || path === METRICS;
  if (hosts.length > 0 && !(isWatch && isLoopback(peer.remoteAddress))) {
    const host = hostOf(request);
    if (host === undefined) return refuse("bad_request");
    if (!hosts.includes(URL.parse(`http://${host}`)?.hostname ?? "")) return refuse("wrong_host");
  }
  if (isHealth) return HEALTH;
  if (path !== undefined) return path;
  if (pathname !== base) return refuse("not_found");
  return new Response(null, { status: 307, headers: { location: `${base}/${search}` } });
}

/** The name, perhaps with a port, that a request calls the server by; undefined without one. HTTP/2 has it in the URL only. */
export function hostOf({ headers, url }: Request): string | undefined {
  return headers.get("host") || (url.startsWith("https:") ? new URL(url).host : undefined);
}
