import { assert, assertEquals, assertThrows } from "@std/assert";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { Asset, ASSETS, compact } from "./assets.ts";

Deno.test("compact() leaves out comments and indentation, and keeps the code as written", () => {
  const source = `// What it is.
import { el } from "./dom.js";

/** A limit. */
const MAX = 5;

/**
 * Says so: \`not a template\`.
 * @param {string} text
 */
export function say(text) {
  const url = "http://x.org/, *"; // kept: it shares its line
  /** @type {Iterable<HTMLElement>} */
  const all = /** @type {any} */ (text);
  while (all());
  /* one */ /* two */ return url + "*/" + all;
}
`;
  assertEquals(
    compact(source),
    `import { el } from "./dom.js";
const MAX = 5;
export function say(text) {
const url = "http://x.org/, *"; // kept: it shares its line
const all = (text);
while (all());
return url + "*/" + all;
}
`,
  );
});

Deno.test("compact() changes nothing inside a template literal", () => {
  const literal = "const a = `\n  // one\n\n  /* two */\n    ${b}\n  <!-- three -->\n`;\n";
  const around = '  /* four */\n  const ticks = /`[^`]+`|`/g, other = "`";\n  // five\n  end();\n';
  assertEquals(
    compact(literal + around),
    `${literal}const ticks = /\`[^\`]+\`|\`/g, other = "\`";\nend();\n`,
  );
});

Deno.test("compact() leaves out comments of HTML and CSS", () => {
  assertEquals(
    compact("<p>\n  <!-- Why. -->\n  <!-- Over\n   lines -->\n  <b>x</b>\n</p>\n"),
    "<p>\n<b>x</b>\n</p>\n",
  );
  assertEquals(compact("/* A rule.\n   So. */\n\na {\n  top: 0;\n}\n"), "a {\ntop: 0;\n}\n");
});

Deno.test("compact() keeps every line of the page's code, and none of its comments", async () => {
  for (const folder of [new URL(".", import.meta.url), new URL("../sdk/", import.meta.url)]) {
    for await (const { name } of Deno.readDir(folder)) {
      if (!/\.(js|css)$/.test(name)) continue;
      const source = await Deno.readTextFile(new URL(name, folder));
      // By the habits of these folders, which the formatter keeps: a comment's lines begin with one of these.
      const code = source.replace(/^ *\/\*(?!\*)[^]*?\*\/$/gm, "")
        .split("\n").map((line) => line.trim().replace(/\/\*\* @type \{.*?\} \*\/ /g, ""))
        .filter((line) => line !== "" && !/^(\/\/|\/\*|\*(?! \{)[ /]|\*$)/.test(line));
      assertEquals(compact(source).trimEnd().split("\n"), code, name);
    }
  }
});

Deno.test("Asset.represent() has text in each coding, the same every time, with a tag for each", async () => {
  const asset = new Asset("a.js", "  // Why.\n  call();\n".repeat(100));
  const representations = await asset.represent();
  assertEquals(representations.map(({ coding }) => coding), ["br", "gzip", "identity"]);
  const [br, gzip, identity] = representations;
  const text = "call();\n".repeat(100);
  assertEquals(new TextDecoder().decode(identity!.body), text);
  assertEquals(brotliDecompressSync(br!.body).toString(), text);
  assertEquals(gunzipSync(gzip!.body).toString(), text);
  assertEquals(new Set(representations.map(({ etag }) => etag)).size, 3);
  for (const { etag } of representations) assert(/^"[^"]+"$/.test(etag), `not strong: ${etag}`);
  assertEquals(await asset.represent(), representations);
  const other = await new Asset("a.js", "call(1);\n").represent();
  assert(other[2]!.etag !== identity!.etag);
});

Deno.test("Asset.represent() compresses no image a second time", async () => {
  const [identity, ...others] = await ASSETS.get("/page/icon.png")!.represent();
  assertEquals([identity!.coding, others], ["identity", []]);
});

Deno.test("Asset has a known media type", () => {
  assertThrows(() => new Asset("a.exe", ""), TypeError, "Cannot serve a.exe");
});
