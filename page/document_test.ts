import { assert, assertEquals } from "@std/assert";
import { completeDocument, listModules, versionOf } from "./document.ts";

const SOURCES = new Map([
  [
    "/page/chat.js",
    'import { a } from "./a.js";\nimport {\n  b,\n} from "../sdk/b.js";\nimport("./later.js");\n',
  ],
  ["/page/a.js", 'import { b } from "../sdk/b.js";\n'],
  ["/page/later.js", ""],
  ["/sdk/b.js", "export const b = 1;\n"],
]);

Deno.test("listModules() finds all static imports, and none on demand", () => {
  assertEquals(listModules("/page/chat.js", SOURCES), ["/page/chat.js", "/page/a.js", "/sdk/b.js"]);
});

Deno.test("versionOf() changes with the content and the name of any file", () => {
  const version = versionOf(SOURCES);
  assertEquals(versionOf(new Map(SOURCES)), version);
  assert(versionOf(new Map([...SOURCES, ["/page/later.js", " "]])) !== version);
  assert(versionOf(new Map([...SOURCES, ["/page/x.js", ""]])) !== version);
});

Deno.test("completeDocument() names the version in every URL, and preloads the modules", () => {
  const html = `<link rel="icon" href="page/icon.svg">
<!-- preload -->
<script type="module" src="page/chat.js"></script>
<a href="other">x</a>`;
  assertEquals(
    completeDocument(html, "abc", SOURCES),
    `<link rel="icon" href="v/abc/page/icon.svg">
<link rel="modulepreload" href="v/abc/page/chat.js">
<link rel="modulepreload" href="v/abc/page/a.js">
<link rel="modulepreload" href="v/abc/sdk/b.js">
<script type="module" src="v/abc/page/chat.js"></script>
<a href="other">x</a>`,
  );
});
