// What a request shows to be let in, and the cookie that a browser shows from then on.
import { Buffer } from "node:buffer";
import { deleteCookie, getCookies, setCookie } from "@std/http/cookie";
import type { Credentials } from "../access/gate.ts";
import { SESSION_MS } from "../access/store.ts";

const COOKIE_NAME = "confab_session";

/** No other site's page, and no script of ours, may make use of it. */
const ATTRIBUTES = { path: "/", httpOnly: true, sameSite: "Strict" } as const;

export function credentialsOf(headers: Headers): Credentials {
  const [, bearer] = /^Bearer +(.+)$/i.exec(headers.get("authorization") ?? "") ?? [];
  return {
    bearer: bearer && Buffer.from(bearer, "latin1").toString(), // a header's characters are its bytes
    cookie: getCookies(headers)[COOKIE_NAME],
  };
}

/** Has the browser show this session's token. */
export function giveCookie(headers: Headers, token: string, isHttps: boolean): void {
  const maxAge = SESSION_MS / 1000;
  setCookie(headers, { ...ATTRIBUTES, name: COOKIE_NAME, value: token, maxAge, secure: isHttps });
}

/** Has the browser forget it. */
export function takeCookie(headers: Headers, isHttps: boolean): void {
  deleteCookie(headers, COOKIE_NAME, { ...ATTRIBUTES, secure: isHttps });
}
