import { assertEquals } from "@std/assert";
import { findOddOpenings, listComments } from "./comments.ts";
import { findCircles, findWrongImports, parseLayers } from "./imports.ts";
import { findSharedNames } from "./names.ts";
import { toModules } from "./modules.ts";

const LAYERS = parseLayers("# ground first\nbase:\nhub: base journal/journal.ts\nmain.ts: *\n");

Deno.test("findWrongImports() finds an import that points up, and a module in no part", () => {
  const modules = [
    { path: "base/log.ts", imports: ["base/limits.ts", "hub/room.ts"] },
    { path: "hub.ts", imports: ["hub/room.ts", "base/log.ts"] },
    { path: "hub/room.ts", imports: ["journal/journal.ts", "journal/memory.ts"] },
    { path: "utils.ts", imports: ["base/log.ts"] },
    { path: "main.ts", imports: ["hub.ts", "journal/memory.ts"] },
  ];
  assertEquals(findWrongImports(modules, LAYERS), [
    "base/log.ts -> hub/room.ts",
    "hub/room.ts -> journal/memory.ts",
    "utils.ts is in no part that the table lists",
  ]);
});

Deno.test("findCircles() finds every circle, long ones and those of one file, and nothing else", () => {
  const graph = (edges: Record<string, string[]>) =>
    Object.entries(edges).map(([path, imports]) => ({ path, imports }));
  assertEquals(findCircles(graph({ a: ["b", "c"], b: ["d"], c: ["d"], d: [] })), []);
  assertEquals(
    findCircles(graph({ a: ["b"], b: ["c"], c: ["b", "d"], d: ["e"], e: ["d"], f: ["f"] })),
    [["d", "e"], ["b", "c"], ["f"]],
  );
  assertEquals(findCircles(graph({ a: ["b"], b: ["c", "a"], c: ["a"] })), [["a", "b", "c"]]);
});

Deno.test("toModules() keeps what is code of the program, and the types that it imports", () => {
  const modules = toModules([
    {
      specifier: "file:///p/page/a.js",
      kind: "esm",
      dependencies: [
        { type: { specifier: "file:///p/protocol/message.ts" } },
        { code: { specifier: "file:///p/sdk/session.js" } },
        { code: { specifier: "npm:/ws@8" } },
        { code: { specifier: "file:///p/std/async/channel.ts" } },
      ],
    },
    { specifier: "file:///p/page/b.js", kind: "external" },
    { specifier: "file:///p/std/async/channel.ts", kind: "esm" },
    { specifier: "npm:/ws@8" },
  ], new URL("file:///p/"));
  assertEquals(modules, [
    { path: "page/a.js", imports: ["protocol/message.ts", "sdk/session.js"] },
  ]);
});

Deno.test("findSharedNames() finds a type that two files declare, however they do", () => {
  const sources = new Map([
    ["a.ts", "export interface Page {}\ntype Line<T> = T;\nimport {\n  type Entry,\n} from 'x';\n"],
    ["b.js", "/** @typedef {object} Page */\nclass Session {}\n"],
    ["c.ts", "export class Session {}\nexport class Session2 {}\ntype Entry = 1;\n"],
  ]);
  assertEquals([...findSharedNames(sources)], [
    ["Page", ["a.ts", "b.js"]],
    ["Session", ["b.js", "c.ts"]],
  ]);
});

Deno.test("findOddOpenings() looks at the first word of each comment", () => {
  const source = `// Who reads this.
// Of two lines.
const a = 1; // What shares a line is no comment of its own.
/** Whether it is so. */
/**
 * Where it is.
 */
  // The hub.
// deno-lint-ignore no-explicit-any
`;
  assertEquals(findOddOpenings(source), ["Who reads this.\n// Of two lines.", "Where it is."]);
  assertEquals(listComments(source).length, 4);
});
