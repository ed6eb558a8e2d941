// What a request shows to be let in, and the cookie that a browser shows from then on.
import { Buffer } from "node:buffer";
import { deleteCookie, getCookies, setCookie } from "@std/http/cookie";
import type { Credentials } from "../access/gate.ts";
import { SESSION_MS } from "../access/store.ts";
import type { Visitor } from "./visitor.ts";

const COOKIE_NAME = "confab_session";

/** No other site's page, and no script of ours, may make use of it. */
function attributesFor({ base, isHttps }: Visitor) {
  return { path: `${base}/`, httpOnly: true, sameSite: "Strict", secure: isHttps } as const;
}

export function credentialsOf(headers: Headers): Credentials {
  const [, bearer] = /^Bearer +(.+)$/i.exec(headers.get("authorization") ?? "") ?? [];
  return {
    bearer: bearer && Buffer.from(bearer, "latin1").toString(), // a header's characters are its bytes
    cookie: getCookies(headers)[COOKIE_NAME],
  };
}

/** Has the browser show this session's token. */
export function giveCookie(headers: Headers, token: string, visitor: Visitor): void {
  const maxAge = SESSION_MS / 1000;
  setCookie(headers, { ...attributesFor(visitor), name: COOKIE_NAME, value: token, maxAge });
}

/** Has the browser forget it. */
export function takeCookie(headers: Headers, visitor: Visitor): void {
  deleteCookie(headers, COOKIE_NAME, attributesFor(visitor));
}
