import { assertEquals, assertThrows } from "@std/assert";
import { deleteCookie, setCookie } from "@std/http/cookie";

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
