// Which pages may speak with us. A script sends no Origin and may; a page may where its host is ours, or where the operator
// allows its origin.
import { hostOf } from "./front.ts";

/** Whether the request comes from no page, from one of ours, or from one that is allowed. */
export function isAllowedOrigin(request: Request, allowed: readonly string[]): boolean {
  const origin = request.headers.get("origin");
  if (origin === null || allowed.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === hostOf(request)?.toLowerCase();
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
