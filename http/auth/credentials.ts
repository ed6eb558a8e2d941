// Credentials are read from a request's headers. A browser gets a session cookie.
import { Buffer } from "node:buffer";
import { deleteCookie, setCookie } from "@std/http/cookie";
import type { Credentials } from "../../auth/authenticator.ts";
import { SESSION_MS } from "../../auth/session_store.ts";
import type { ClientAddress } from "../client_address.ts";

const COOKIE_NAME = "confab_session";

/** Value of a session cookie. No other value is looked up. */
const TOKEN = /^[\w-]{43}$/;

/** Maximum session cookies of a request that are looked up. With 8 KiB of a request head, about twice as many fit. */
const MAX_COOKIES = 64;

/**
 * Returns the name of the session cookie. A browser accepts the prefix `__Host-` over https, from this host and with the path
 * "/" only: neither an attacker on the network nor another host of the domain can set the cookie. The path cannot tell two
 * servers on one host apart then, so the base path is part of the name. It contains no "+".
 */
function nameFor({ base, isHttps }: ClientAddress): string {
  return isHttps ? `__Host-${COOKIE_NAME}${base.replaceAll("/", "+")}` : COOKIE_NAME;
}

/** Returns attributes that keep the cookie from other sites' requests and from scripts. */
function attributesFor({ base, isHttps }: ClientAddress) {
  const path = isHttps ? "/" : `${base}/`;
  return { path, httpOnly: true, sameSite: "Strict", secure: isHttps } as const;
}

export function credentialsOf(headers: Headers, clientAddress: ClientAddress): Credentials {
  return { bearer: bearerOf(headers), cookies: cookiesOf(headers, nameFor(clientAddress)) };
}

/**
 * Returns the values of all cookies of the name. Other sites of the domain may have set more of them, and parts that are not
 * valid: neither may hide ours.
 */
function cookiesOf(headers: Headers, name: string): string[] {
  const values = (headers.get("cookie") ?? "").split(";")
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${name}=`))
    .map((part) => part.slice(name.length + 1))
    .filter((value) => TOKEN.test(value));
  return [...new Set(values)].slice(0, MAX_COOKIES);
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

/** Sets the accepted session cookie again, so that it lasts from now on. No shared cache may store the response. */
export function renewSessionCookie(
  { headers }: Response,
  cookie: string,
  clientAddress: ClientAddress,
): void {
  setSessionCookie(headers, cookie, clientAddress);
  headers.set("cache-control", "private, no-cache");
}

/** Deletes the session cookie. */
export function clearSessionCookie(headers: Headers, clientAddress: ClientAddress): void {
  deleteCookie(headers, nameFor(clientAddress), attributesFor(clientAddress));
}
