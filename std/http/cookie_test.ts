import { assertEquals, assertThrows } from "@std/assert";
import { deleteCookie, getCookies, setCookie } from "@std/http/cookie";

Deno.test("getCookies() returns values by name, none without a header, and no property of Object", () => {
  const cookies = getCookies(new Headers({ cookie: "a=1; b=x%20y; c==1=; d; __proto__=z" }));
  assertEquals(
    [cookies["a"], cookies["b"], cookies["c"], cookies["d"], cookies["toString"]],
    ["1", "x%20y", "=1=", "", undefined],
  );
  assertEquals(Object.keys(getCookies(new Headers())), []);
});

Deno.test("getCookies() keeps the last value of a cookie that is sent twice", () => {
  assertEquals(getCookies(new Headers({ cookie: "a=1; b=2; a=3" }))["a"], "3");
});

Deno.test("getCookies() refuses a header with a part that has no name", () => {
  for (const cookie of ["=1", "a=1;", "a=1;;b=2", ""]) {
    assertThrows(() => getCookies(new Headers({ cookie })), SyntaxError);
  }
});

Deno.test("setCookie() and deleteCookie() write the attributes", () => {
  const headers = new Headers();
  const attributes = { path: "/", httpOnly: true, sameSite: "Strict" } as const;
  setCookie(headers, { name: "a", value: "1", maxAge: 60, secure: true, ...attributes });
  setCookie(headers, { name: "b", value: "2", maxAge: 0 });
  setCookie(headers, { name: "", value: "3" });
  deleteCookie(headers, "a", attributes);
  assertEquals(headers.getSetCookie(), [
    "a=1; Secure; HttpOnly; Max-Age=60; SameSite=Strict; Path=/",
    "b=2; Max-Age=0",
    "a=; HttpOnly; SameSite=Strict; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
  ]);
});

Deno.test("setCookie() adds the attributes that a name's prefix demands", () => {
  const headers = new Headers();
  setCookie(headers, { name: "__Host-a", value: "1", path: "/b" });
  setCookie(headers, { name: "__Secure-a", value: "1", path: "/b", secure: false });
  assertEquals(headers.getSetCookie(), [
    "__Host-a=1; Secure; Path=/",
    "__Secure-a=1; Secure; Path=/b",
  ]);
});

Deno.test("setCookie() refuses forbidden characters", () => {
  const headers = new Headers();
  for (const name of ["a b", "a=b", "a;b", "a[b", "ä", "a\n"]) {
    assertThrows(() => setCookie(headers, { name, value: "1" }), SyntaxError);
  }
  for (const value of ["a b", "a,b", "a;b", 'a"b', "a\\b", "ä", "a\r\nb"]) {
    assertThrows(() => setCookie(headers, { name: "a", value }), SyntaxError);
  }
  for (const path of ["/a;b", "/ä", "/a\nb"]) {
    assertThrows(() => setCookie(headers, { name: "a", value: "1", path }), SyntaxError);
  }
  assertThrows(() => setCookie(headers, { name: "a", value: "1", maxAge: -1 }), RangeError);
  assertEquals(headers.getSetCookie(), []);
});
