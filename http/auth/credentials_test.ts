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
const BELOW = { ...SECURE, base: "/chat/a" };

const [A, B] = ["a".repeat(43), "b".repeat(43)] as const;

Deno.test("credentialsOf() reads all session cookies, over https only those that this server set", () => {
  const cases: [string, ClientAddress, string[]][] = [
    [`confab_session=${A}`, VISITOR, [A]],
    [`confab_session=${A}; x=1; confab_session=${B}; confab_session=${A}`, VISITOR, [A, B]],
    [`confab_session=${A};`, VISITOR, [A]],
    [`; confab_session=${A}; ;`, VISITOR, [A]],
    [`=x; confab_session=${A}; x; =; "`, VISITOR, [A]],
    [`confab_session=a; confab_session=; confab_session=${A}b`, VISITOR, []],
    ["", VISITOR, []],
    [`__Host-confab_session=${A}; confab_session=${B}`, SECURE, [A]],
    [`__Host-confab_session+chat=${A}; confab_session=${B}`, SECURE, []],
    [`__Host-confab_session=${A}; __Host-confab_session+chat+a=${B}`, BELOW, [B]],
    [`__Secure-confab_session=${A}; confab_session=${A}`, BELOW, []],
  ];
  for (const [cookie, clientAddress, expected] of cases) {
    assertEquals(credentialsOf(new Headers({ cookie }), clientAddress).cookies, expected, cookie);
  }
});

Deno.test("credentialsOf() reads a bounded number of cookies", () => {
  const cookie = Array.from(
    { length: 1_000 },
    (_, i) => `confab_session=${`${i}`.padStart(43, "x")}`,
  );
  const headers = new Headers({ cookie: cookie.join("; ") });
  assertEquals(credentialsOf(headers, VISITOR).cookies.length, 64);
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
  setSessionCookie(headers, A, BELOW);
  clearSessionCookie(headers, BELOW);
  assertEquals(headers.getSetCookie(), [
    `__Host-confab_session+chat+a=${A}; Secure; HttpOnly; Max-Age=2592000; SameSite=Strict; Path=/`,
    "__Host-confab_session+chat+a=; Secure; HttpOnly; SameSite=Strict; Path=/; " +
    "Expires=Thu, 01 Jan 1970 00:00:00 GMT",
  ]);
});
