import { assertEquals } from "@std/assert";
import { deleteCookie, getCookies, setCookie } from "@std/http/cookie";

Deno.test("getCookies() gives values by name, none without a header, and no name of an object's own", () => {
  const cookies = getCookies(new Headers({ cookie: "a=1; b=x%20y; a=2; __proto__=z" }));
  assertEquals([cookies["a"], cookies["b"], cookies["toString"]], ["1", "x%20y", undefined]);
  assertEquals(Object.keys(getCookies(new Headers())), []);
});

Deno.test("setCookie() and deleteCookie() write the attributes", () => {
  const headers = new Headers();
  const attributes = { path: "/", httpOnly: true, sameSite: "Strict" } as const;
  setCookie(headers, { name: "a", value: "1", maxAge: 60, secure: true, ...attributes });
  deleteCookie(headers, "a", attributes);
  assertEquals(headers.getSetCookie(), [
    "a=1; Max-Age=60; Path=/; HttpOnly; Secure; SameSite=Strict",
    "a=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict",
  ]);
});
