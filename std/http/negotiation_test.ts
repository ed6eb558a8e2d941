import { assertEquals } from "@std/assert";
import { accepts } from "@std/http/negotiation";

Deno.test("accepts() returns the preferred type, undefined for none", () => {
  const cases: [string | undefined, string | undefined][] = [
    [undefined, "text/plain"],
    ["", "text/plain"],
    ["*/*", "text/plain"],
    ["text/*", "text/plain"],
    ["text/html", "text/html"],
    ["text/html, text/plain;q=0.9", "text/html"],
    ["text/html;q=0.5, text/plain;q=0.9", "text/plain"],
    ["application/json, */*;q=0.1", "application/json"],
    ["application/json, */*", "application/json"],
    ["TEXT/HTML", "text/html"],
    ['text/html;Q="0.5", text/plain;q=0.4', "text/html"],
    ["text/plain;q=0, */*", "text/html"],
    ["text/html;q=0", undefined],
    ["text/html;q=no", undefined],
    ["text/html;level=1, application/json;q=0.1", "application/json"],
    ["*/*;q=no, */*", undefined],
    ["text/html;, text/html;q=0.5", "text/html"],
    ["text, application/json", "application/json"],
    ["image/png", undefined],
  ];
  for (const [accept, expected] of cases) {
    const headers = new Headers(accept === undefined ? {} : { accept });
    const type = accepts({ headers }, "text/plain", "text/html", "application/json");
    assertEquals(type, expected, accept);
  }
});

Deno.test("accepts() uses the order of the types, not of the header, for equal qualities", () => {
  const headers = new Headers({ accept: "application/json, text/html, text/plain" });
  assertEquals(accepts({ headers }, "text/plain", "text/html", "application/json"), "text/plain");
});

Deno.test("accepts() compares the parameters of a type", () => {
  const types = ["text/plain", "text/plain;format=flowed"];
  const cases: [string, string][] = [
    ["text/plain;format=Flowed", "text/plain;format=flowed"],
    ["text/plain;format=flowed;q=0.5, text/plain", "text/plain"],
  ];
  for (const [accept, expected] of cases) {
    assertEquals(accepts({ headers: new Headers({ accept }) }, ...types), expected, accept);
  }
});
