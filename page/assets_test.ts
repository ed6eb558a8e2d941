import { assertEquals } from "@std/assert";
import { compact } from "./assets.ts";

Deno.test("compact() leaves out comments, indentation and empty lines", () => {
  const source = `// What it is.
import { el } from "./dom.js";

/** A limit. */
const MAX = 5;

/**
 * Says so.
 * @param {string} text
 */
export function say(text) {
  const url = "http://x.org/*"; // kept: it shares its line
  /** @type {Iterable<HTMLElement>} */
  const all = /** @type {any} */ (text);
  return url + "*/" + all
}
`;
  assertEquals(
    compact(source),
    `import { el } from "./dom.js";
const MAX=5;
export function say(text){
const url="http://x.org/*"; // kept: it shares its line
const all=(text);
return url + "*/" + all
}
`,
  );
});

Deno.test("compact() leaves out comments of HTML and CSS", () => {
  assertEquals(compact("<p>\n  <!-- Why. -->\n  <b>x</b>\n</p>\n"), "<p>\n<b>x</b>\n</p>\n");
  assertEquals(compact("/* Why. */\n\na {\n  top: 0;\n}\n"), "a{\ntop:0\n}\n");
});
