// Stand-in for jsr:@std/http/cookie: the part that Confab uses, over npm:cookie.
import { parseCookie, stringifySetCookie } from "cookie";

/** A cookie, with the attributes that Confab sets. */
export interface Cookie {
  name: string;
  value: string;
  /** In seconds. */
  maxAge?: number;
  path?: string;
  secure?: boolean;
  httpOnly?: boolean;
  sameSite?: "Strict" | "Lax" | "None";
}

/** The cookies of a request by their names. */
export function getCookies(headers: Headers): Record<string, string> {
  return parseCookie(headers.get("cookie") ?? "", { decode: (text) => text }) as Record<
    string,
    string
  >;
}

/** Adds a `Set-Cookie` header to those of a response. */
export function setCookie(headers: Headers, { sameSite, ...cookie }: Cookie): void {
  const lower = sameSite?.toLowerCase() as Lowercase<NonNullable<typeof sameSite>> | undefined;
  headers.append("set-cookie", stringifySetCookie({ ...cookie, ...lower && { sameSite: lower } }));
}

/** Adds a `Set-Cookie` header that removes a cookie with this name and these attributes. */
export function deleteCookie(
  headers: Headers,
  name: string,
  attributes: Omit<Cookie, "name" | "value" | "maxAge"> = {},
): void {
  setCookie(headers, { ...attributes, name, value: "", maxAge: 0 });
}
