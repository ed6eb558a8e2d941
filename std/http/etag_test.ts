import { assert, assertEquals, assertMatch } from "@std/assert";
import { eTag, ifNoneMatch } from "@std/http/etag";

Deno.test("eTag() is a strong tag of the content", async () => {
  const tag = await eTag("hello");
  assertMatch(tag, /^"[^"]+"$/);
  assertEquals(await eTag(new TextEncoder().encode("hello")), tag);
  assert(await eTag("hello!") !== tag);
});

Deno.test("ifNoneMatch() is false only when the value names the tag", () => {
  const cases: [string | null, boolean][] = [
    [null, true],
    ["", true],
    ['"b"', true],
    ['"a"', false],
    ['W/"a"', false],
    ['"b", "a"', false],
    ["*", false],
  ];
  for (const [value, expected] of cases) {
    assertEquals(ifNoneMatch(value, '"a"'), expected, `${value}`);
  }
  assert(ifNoneMatch('"a"', undefined));
});
