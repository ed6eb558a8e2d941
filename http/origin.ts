// The Origin header decides which web pages may use the server: its own, and those of origins that the operator allows.
// A script sends no Origin and is allowed. Upgrades, requests that change something and CORS ask this module; a plain GET is
// not checked.
import { hostOf, parseAuthority } from "./host.ts";

/** Origins that are allowed beside the server's own, and the scheme of the request. */
export interface Allowance {
  readonly allowOrigins: readonly string[];
  readonly isHttps: boolean;
}

/**
 * Returns whether the request comes from no page, from one of the server's own, or from an allowed one. A page loaded by http
 * may have been changed on the way, so that it does not count as the server's own by https. A page loaded by https counts by
 * http as well: behind a proxy that the server does not know of, every request arrives by http.
 */
export function isAllowedOrigin(request: Request, { allowOrigins, isHttps }: Allowance): boolean {
  const origin = request.headers.get("origin");
  if (origin === null || allowOrigins.includes(origin)) return true;
  const { protocol = "", host = "" } = URL.parse(origin) ?? {};
  if (protocol !== "https:" && (protocol !== "http:" || isHttps)) return false;
  const own = parseAuthority(hostOf(request), protocol);
  return own !== undefined && own.host === parseAuthority(host, protocol)?.host;
}

/** Returns headers that let an allowed page of another origin read the response, and send more than simple requests. */
export function corsHeaders(request: Request, allowed: readonly string[]): Record<string, string> {
  const origin = request.headers.get("origin");
  if (origin === null || !allowed.includes(origin)) return {};
  return {
    "access-control-allow-origin": origin,
    "access-control-expose-headers": "Link, Location, Retry-After",
    ...request.method === "OPTIONS"
      ? {
        "access-control-allow-methods": "GET, HEAD, POST",
        "access-control-allow-headers":
          "Authorization, Content-Type, Idempotency-Key, Confab-Key, Last-Event-ID",
        "access-control-max-age": "600",
      }
      : {},
  };
}
