// Which pages may speak with us. A script sends no Origin and may; a page may where it is ours, or where the operator
// allows its origin.
import { hostOf } from "./host.ts";

/** Origins beside our own that may, and how the request has come. */
export interface Allowance {
  readonly allowOrigins: readonly string[];
  readonly isHttps: boolean;
}

/**
 * Whether the request comes from no page, from one of ours, or from one that is allowed. A page that came by http may be
 * anybody's on the way, so that it is not ours by https. The other way round it is: behind a proxy that we do not know of
 * all comes by http.
 */
export function isAllowedOrigin(request: Request, { allowOrigins, isHttps }: Allowance): boolean {
  const origin = request.headers.get("origin");
  if (origin === null || allowOrigins.includes(origin)) return true;
  const { protocol, host } = URL.parse(origin) ?? {};
  return (protocol === "https:" || protocol === "http:" && !isHttps) &&
    host === hostOf(request)?.toLowerCase();
}

/** What lets an allowed page of another origin read the answer, and send what is more than a plain request. */
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
