import { assertEquals } from "@std/assert";
import {
  basicOf,
  clearSessionCookie,
  credentialsOf,
  inviteOf,
  setSessionCookie,
} from "./credentials.ts";
import type { ClientAddress } from "../client_address.ts";

const VISITOR: ClientAddress = { address: "192.0.2.7", key: "192.0.2.7", isHttps: false, base: "" };
const SECURE = { ...VISITOR, isHttps: true };

Deno.test("credentialsOf() reads the last session cookie, over https only one that this host set", () => {
  const cases: [string, ClientAddress, string | undefined][] = [
    ["confab_session=a", VISITOR, "a"],
    ["confab_session=a; x=1; confab_session=b", VISITOR, "b"],
    ["confab_session=a;", VISITOR, "a"],
    ["; confab_session=a; ;", VISITOR, "a"],
    ["__Host-confab_session=a; confab_session=b", SECURE, "a"],
    ["confab_session=b", SECURE, undefined],
  ];
  for (const [cookie, clientAddress, expected] of cases) {
    assertEquals(credentialsOf(new Headers({ cookie }), clientAddress).cookie, expected, cookie);
  }
});

Deno.test("credentialsOf() finds no cookie in a header that cannot be parsed, but still the bearer token", () => {
  for (const cookie of ["", ";", "=x; confab_session=a"]) {
    const headers = new Headers({ cookie, authorization: "Bearer b" });
    assertEquals(credentialsOf(headers, VISITOR), { bearer: "b", cookie: undefined }, cookie);
  }
});

Deno.test("basicOf() returns the password of a program, whatever the name", () => {
  const encode = (text: string) =>
    `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(text)))}`;
  const cases: [authorization: string, password: string | undefined][] = [
    [encode("ci:pässwörd:with:colons"), "pässwörd:with:colons"],
    [encode(":secret"), "secret"],
    [encode("name:"), undefined],
    [encode("name"), undefined],
    [encode("a:b").replace("Basic", "bAsIc "), "b"],
    ["Basic", undefined],
    ["Basic ###", undefined],
    ["Bearer b", undefined],
  ];
  for (const [authorization, password] of cases) {
    assertEquals(basicOf(new Headers({ authorization })), password, authorization);
  }
  const browser = { authorization: encode("a:b"), accept: "text/html,*/*;q=0.8" };
  assertEquals(basicOf(new Headers(browser)), undefined); // for the proxy in front
});

Deno.test("inviteOf() finds an invite in the URL of a POST, and nothing else there", () => {
  const find = (query: string, method = "POST") =>
    inviteOf(new Request(`http://x/r/ops${query}`, { method }));
  const token = `inv_a-b_${"x".repeat(39)}`;
  assertEquals(find(`?format=slack&invite=${token}`), token);
  assertEquals(find(`?invite=${token}`, "GET"), undefined);
  for (
    const query of ["", "?invite=", "?invite=password", "?invite=inv_a", `?invite=${token}%20`]
  ) {
    assertEquals(find(query), undefined, query);
  }
});

Deno.test("setSessionCookie() and clearSessionCookie() use the same cookie, with the same attributes", () => {
  const headers = new Headers();
  const below = { ...SECURE, base: "/chat" };
  setSessionCookie(headers, "a", below);
  clearSessionCookie(headers, below);
  assertEquals(headers.getSetCookie(), [
    "__Secure-confab_session=a; Secure; HttpOnly; Max-Age=2592000; SameSite=Strict; Path=/chat/",
    "__Secure-confab_session=; Secure; HttpOnly; SameSite=Strict; Path=/chat/; " +
    "Expires=Thu, 01 Jan 1970 00:00:00 GMT",
  ]);
});
