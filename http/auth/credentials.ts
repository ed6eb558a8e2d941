// Credentials are read from a request's headers. A browser gets a session cookie.
import { Buffer } from "node:buffer";
import { deleteCookie, getCookies, setCookie } from "@std/http/cookie";
import type { Credentials } from "../../auth/authenticator.ts";
import { SESSION_MS } from "../../auth/session_store.ts";
import type { ClientAddress } from "../client_address.ts";

/**
 * Returns the name of the session cookie. A browser accepts these prefixes over https only, and `__Host-` from this host only:
 * neither an attacker on the network nor another host of the domain can set the cookie.
 */
function nameFor({ base, isHttps }: ClientAddress): string {
  const prefix = base === "" ? "__Host-" : "__Secure-"; // __Host- requires the path "/"
  return `${isHttps ? prefix : ""}confab_session`;
}

/** Returns attributes that keep the cookie from other sites' requests and from scripts. */
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
    if (error instanceof SyntaxError) return undefined; // any client may send an invalid header: not an error of the server
    throw error;
  }
}

/** Returns the token of `Authorization: Bearer`; undefined for none. */
export function bearerOf(headers: Headers): string | undefined {
  const [, bearer] = /^Bearer +(.+)$/i.exec(headers.get("authorization") ?? "") ?? [];
  return bearer && Buffer.from(bearer, "latin1").toString(); // a header's characters are its bytes
}

/**
 * Returns the password of `Authorization: Basic`, which programs send if their URL is `https://NAME:PASSWORD@HOST/`; undefined
 * for none. The name has no meaning. A browser's is ignored: it is for a proxy in front that has a password of its own.
 */
export function basicOf(headers: Headers): string | undefined {
  if (headers.get("accept")?.includes("text/html")) return undefined;
  const [, encoded] = /^Basic +([\w+/=-]+)$/i.exec(headers.get("authorization") ?? "") ?? [];
  const [, password] = /^[^:]*:(.+)$/s.exec(Buffer.from(encoded ?? "", "base64").toString()) ?? [];
  return password;
}

/**
 * Returns the invite's token in the URL of a POST, for services that can be given nothing but a URL; undefined for none. Proxies
 * log URLs, so it must be an invite: that can be for one room, expires and can be revoked.
 */
export function inviteOf({ method, url }: Request): string | undefined {
  const token = method === "POST" ? new URL(url).searchParams.get("invite") : null;
  return token !== null && /^inv_[\w-]{43}$/.test(token) ? token : undefined;
}

/** Sets the session cookie. */
export function setSessionCookie(
  headers: Headers,
  token: string,
  clientAddress: ClientAddress,
): void {
  const maxAge = SESSION_MS / 1000;
  setCookie(headers, {
    ...attributesFor(clientAddress),
    name: nameFor(clientAddress),
    value: token,
    maxAge,
  });
}

/** Sets the request's session cookie again, so that it lasts from now on. No shared cache may store the response. */
export function renewSessionCookie(
  request: Request,
  { headers }: Response,
  clientAddress: ClientAddress,
): void {
  const { cookie } = credentialsOf(request.headers, clientAddress);
  if (cookie === undefined) return;
  setSessionCookie(headers, cookie, clientAddress);
  headers.set("cache-control", "private, no-cache");
}

/** Deletes the session cookie. */
export function clearSessionCookie(headers: Headers, clientAddress: ClientAddress): void {
  deleteCookie(headers, nameFor(clientAddress), attributesFor(clientAddress));
}
