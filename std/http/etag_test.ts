import { assert, assertEquals } from "@std/assert";
import { eTag, ifNoneMatch } from "@std/http/etag";

Deno.test("eTag() is a strong tag of the content", async () => {
  const tag = await eTag("hello");
  assertEquals(tag, '"5-LPJNul+wow4m6DsqxbninhsWHlw"');
  assertEquals(await eTag(new TextEncoder().encode("hello")), tag);
  assert(await eTag("hello!") !== tag);
  assertEquals(await eTag(""), '"0-47DEQpj8HBSa+/TImW+5JCeuQeR"');
  assertEquals((await eTag("\u00e4".repeat(8))).slice(0, 4), '"10-', "the length in bytes");
});

Deno.test("ifNoneMatch() is false only when the value names the tag", () => {
  const cases: [string | null, boolean][] = [
    [null, true],
    ["", true],
    ['"b"', true],
    ['"a"', false],
    ['W/"a"', false],
    ['"b", "a"', false],
    ['"b"\t,\t"a"', false],
    ['W/W/"a"', true],
    ["*", false],
  ];
  for (const [value, expected] of cases) {
    assertEquals(ifNoneMatch(value, '"a"'), expected, `${value}`);
  }
  assert(ifNoneMatch('"a"', undefined));
  assert(!ifNoneMatch('"a"', 'W/"a"'));
});
