import { assert, assertEquals } from "@std/assert";
import { compact } from "./assets.ts";

Deno.test("compact() leaves out comments, indentation, and what else no text needs", () => {
  const source = `// What it is.
import { el } from "./dom.js";

/** A limit. */
const MAX = 5;
const { a, b } = max > MAX || isLong
  ? { a: 1, b: 2 }
  : other;

/**
 * Says so.
 * @param {string} text
 */
export function say(text) {
  const url = "http://x.org/, *"; // kept: it shares its line
  /** @type {Iterable<HTMLElement>} */
  const all = /** @type {any} */ (text);
  if (!all) return "none";
  else if (all[", "]) return { a, b };
  call(
    () => {
      all();
    },
    [
      a,
      b,
    ],
  );
  return url + "*/" + all;
}
`;
  assertEquals(
    compact(source),
    `import{el}from"./dom.js";const MAX=5;const{a,b}=max>MAX||isLong?{a:1,b:2}:other;export function say(text){const url="http://x.org/, *"; // kept:it shares its line
const all=(text);if(!all)return"none";else if(all[", "])return {a,b};call(()=>{all()},[a,b]);return url +"*/" + all}
`,
  );
});

Deno.test("compact() is given nothing that it would break", async () => {
  for await (const { name } of Deno.readDir(new URL(".", import.meta.url))) {
    if (!name.endsWith(".js")) continue;
    const source = await Deno.readTextFile(new URL(name, import.meta.url));
    for (const line of source.split("\n")) {
      // A line that opens a template literal and does not close it has an odd number of these, regular expressions aside.
      const ticks = line.replace(/\/(?![/*])(?:[^/\\\n]|\\.)+\/[a-z]*/g, "").split("`").length - 1;
      const isSpread = ticks % 2 > 0 && !/^ *(?:\*|\/\/|\/\*\*)/.test(line);
      assert(!isSpread, `${name}: a template literal over several lines: ${line}`);
      assert(!hasNoBody(line), `${name}: a loop without a body: ${line}`);
      assert(!/[^/*:\s] *\/\/ /.test(line), `${name}: a comment that shares its line: ${line}`);
    }
  }
});

Deno.test("compact() changes no text", async () => {
  for await (const { name } of Deno.readDir(new URL(".", import.meta.url))) {
    if (!name.endsWith(".js")) continue;
    const source = await Deno.readTextFile(new URL(name, import.meta.url));
    const code = source.replace(/^ *(?:\/\/|\/?\*).*$/gm, "");
    const served = compact(code);
    for (const [text] of code.matchAll(/"(?:[^"\\\n]|\\.)*"/g)) {
      assert(served.includes(text), `${name}: ${text}`);
    }
    // A template literal's own parts, but for one with others inside.
    for (const [literal] of code.matchAll(/`[^`$\n]*(?:\$\{[^`{}\n]*\}[^`$\n]*)+`/g)) {
      for (const text of literal.split(/(?<=\$\{)[^}]*(?=\})/)) {
        assert(served.includes(text), `${name}: ${literal}`);
      }
    }
  }
  const html = await Deno.readTextFile(new URL("../home.html", import.meta.url));
  // As browsers see it, but for the end of the one tag that ends on a line of its own.
  const shown = compact(html).replace(/\s+/g, " ");
  const expected = html.replace(/<!--.*?-->|\s+(?=>\n)|(?<=\n *>)\s+/g, "").replace(/\s+/g, " ");
  assertEquals(shown, expected);
});

/** Whether a line is a loop that ends with its own parenthesis and a semicolon. */
function hasNoBody(line: string): boolean {
  const [, condition = ""] = /^ *(?:while|for) (\(.*\));$/.exec(line) ?? [];
  let depth = 0;
  const end = [...condition].findIndex((char) => {
    depth += Number(char === "(") - Number(char === ")");
    return depth === 0;
  });
  return condition !== "" && end === [...condition].length - 1;
}

Deno.test("compact() leaves out comments of HTML and CSS", () => {
  assertEquals(compact("<p>\n  <!-- Why. -->\n  <b>x</b>\n</p>\n"), "<p>\n<b>x</b>\n</p>\n");
  assertEquals(compact("/* Why. */\n\na {\n  top: 0;\n}\n"), "a{top:0}\n");
  assertEquals(compact("@media (a) and (b) {\n  c {\n  }\n}\n"), "@media (a) and (b){c{}}\n");
});
