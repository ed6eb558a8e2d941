import { assertEquals } from "@std/assert";
import { accepts } from "@std/http/negotiation";

Deno.test("accepts() is the type that the request likes best, undefined for none", () => {
  const cases: [string | undefined, string | undefined][] = [
    [undefined, "text/plain"],
    ["*/*", "text/plain"],
    ["text/*", "text/plain"],
    ["text/html", "text/html"],
    ["text/html, text/plain;q=0.9", "text/html"],
    ["text/html;q=0.5, text/plain;q=0.9", "text/plain"],
    ["application/json, */*;q=0.1", "application/json"],
    ["TEXT/HTML", "text/html"],
    ["image/png", undefined],
    ["", undefined],
  ];
  for (const [accept, expected] of cases) {
    const headers = new Headers(accept === undefined ? {} : { accept });
    const type = accepts({ headers }, "text/plain", "text/html", "application/json");
    assertEquals(type, expected, accept);
  }
});
