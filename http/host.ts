// The router checks the host name of every request first, then removes the base path. The other modules see paths without it.
import { isLoopback } from "../base/ip_address.ts";
import type { Peer } from "../transport/transport.ts";
import { refuse } from "./problem.ts";

export interface HostOptions {
  /**
   * Host names that the server accepts, in lower case. Empty: IP addresses, and names that no public name server resolves.
   * `any`: every name.
   */
  readonly hosts: readonly string[] | "any";
  /** Path that all URLs are below, without a slash at its end; empty for none. */
  readonly base: string;
}

const HEALTH = "/healthz";
const METRICS = "/metrics";

/** A host and perhaps a port (RFC 9110, section 7.2), without the characters that browsers never send in either. */
const AUTHORITY = /^(?:[\w-][\w.-]{0,252}|\[[\da-f:.]{2,45}\])(?::\d{0,5})?$/i;

/** Domains that are reserved for one machine or one network (RFC 6761, 6762, 8375, and ICANN's for private use). */
const LOCAL_DOMAINS = [".localhost", ".local", ".internal", ".home.arpa"];

/**
 * Checks the host name of a request. Returns the refusal, or undefined if the name is accepted. Monitoring on this machine
 * may read health and metrics by any name or none; metrics have a check of their own.
 */
export function checkHost(
  request: Request,
  peer: Peer,
  { hosts, base }: HostOptions,
): Response | undefined {
  const hostname = hostnameOf(request);
  // The URL is built from the Host header. It is the request's only if that header is a host and a port, and nothing else.
  if (hostname === undefined || !isHttpUrl(request.url)) return refuse("bad_request");
  if (isMonitoring(request, peer, base)) return undefined;
  if (peer.isHostless) return refuse("bad_request");
  if (hosts === "any" || hosts.includes(hostname)) return undefined;
  if (hosts.length > 0) return refuse("wrong_host");
  // With https, a browser rejects the server's certificate for the name of an attacker.
  if (isLocalName(hostname) || request.url.startsWith("https:")) return undefined;
  return refuse("wrong_host", {}, `To accept it, start the server with --host ${hostname}`);
}

function isHttpUrl(url: string): boolean {
  return /^https?:\/\//.test(url) && URL.canParse(url);
}

/** Returns whether nobody can make the name point at a server of somebody else: only the local network resolves it. */
function isLocalName(hostname: string): boolean {
  // `URL` writes every spelling of an IPv4 address as four numbers.
  const isIp = hostname.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(hostname);
  return isIp || !hostname.includes(".") ||
    LOCAL_DOMAINS.some((domain) => hostname.endsWith(domain));
}

function isMonitoring(request: Request, peer: Peer, base: string): boolean {
  const path = stripBasePath(request, base);
  // A health check by HTTP/1.0 often names no host. No browser sends such a request.
  if (path === HEALTH && peer.isHostless) return true;
  return (path === HEALTH || path === METRICS) && isLoopback(peer.remoteAddress);
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

/** Returns the host that a request names, with its port if it has one. HTTP/2 has it in the URL only. */
export function hostOf({ headers, url }: Request): string {
  return headers.get("host") ?? URL.parse(url)?.host ?? "";
}

/** Returns the name in {@linkcode hostOf}, in lower case and without a dot at its end; undefined if there is none. */
export function hostnameOf(request: Request): string | undefined {
  return parseAuthority(hostOf(request), "http:")?.hostname;
}

/**
 * Parses a host and its port into the one spelling in which authorities are compared: in lower case, without a dot at the end
 * of the name, and without the port that is the default of the scheme. Undefined if the text is anything else.
 */
export function parseAuthority(
  text: string,
  protocol: string,
): { host: string; hostname: string } | undefined {
  const url = AUTHORITY.test(text) ? URL.parse(`${protocol}//${text}`) : null;
  if (!url) return undefined;
  const hostname = url.hostname.replace(/\.$/, "");
  return { hostname, host: url.port ? `${hostname}:${url.port}` : hostname };
}
