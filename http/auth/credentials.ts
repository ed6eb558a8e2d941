// What a request shows to be let in, and the cookie that a browser shows from then on.
import { Buffer } from "node:buffer";
import { deleteCookie, getCookies, setCookie } from "@std/http/cookie";
import type { Credentials } from "../../auth/authenticator.ts";
import { SESSION_MS } from "../../auth/session_store.ts";
import type { ClientAddress } from "../client_address.ts";

/** By https a browser lets nothing but this host, by https, set one that begins so: no other name of the domain, nobody on the way. */
function nameFor({ base, isHttps }: ClientAddress): string {
  const prefix = base === "" ? "__Host-" : "__Secure-"; // the first one is for the path "/" only
  return `${isHttps ? prefix : ""}confab_session`;
}

/** No other site's page, and no script of ours, may make use of it. */
function attributesFor({ base, isHttps }: ClientAddress) {
  return { path: `${base}/`, httpOnly: true, sameSite: "Strict", secure: isHttps } as const;
}

export function credentialsOf(headers: Headers, clientAddress: ClientAddress): Credentials {
  return { bearer: bearerOf(headers), cookie: cookieOf(headers, nameFor(clientAddress)) };
}

/**
 * Returns the last cookie of the name, or undefined when there is none or the header cannot be parsed. Empty parts are
 * skipped: many clients end the header with a semicolon.
 */
function cookieOf(headers: Headers, name: string): string | undefined {
  const parts = (headers.get("cookie") ?? "").split(";").filter((part) => part.trim() !== "");
  if (parts.length === 0) return undefined;
  try {
    return getCookies(new Headers({ cookie: parts.join(";") }))[name];
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // anybody may send one: no fault of the server
    throw error;
  }
}

/** What `Authorization: Bearer` shows; undefined for nothing. */
export function bearerOf(headers: Headers): string | undefined {
  const [, bearer] = /^Bearer +(.+)$/i.exec(headers.get("authorization") ?? "") ?? [];
  return bearer && Buffer.from(bearer, "latin1").toString(); // a header's characters are its bytes
}

/** Has the browser show this session's token. */
export function giveCookie(headers: Headers, token: string, clientAddress: ClientAddress): void {
  const maxAge = SESSION_MS / 1000;
  setCookie(headers, {
    ...attributesFor(clientAddress),
    name: nameFor(clientAddress),
    value: token,
    maxAge,
  });
}

/** Has the browser show the token of the request for as long again, from now on. No cache may keep that for others. */
export function renewCookie(
  request: Request,
  { headers }: Response,
  clientAddress: ClientAddress,
): void {
  const { cookie } = credentialsOf(request.headers, clientAddress);
  if (cookie === undefined) return;
  giveCookie(headers, cookie, clientAddress);
  headers.set("cache-control", "private, no-cache");
}

/** Has the browser forget it. */
export function takeCookie(headers: Headers, clientAddress: ClientAddress): void {
  deleteCookie(headers, nameFor(clientAddress), attributesFor(clientAddress));
}
