import { assert, assertEquals } from "@std/assert";
import { INDENT, wrap } from "./wrap.ts";

Deno.test("wrap() indents the rest of a line, wherever its padding puts it", () => {
  for (const columns of [40, 80, 81, 132]) {
    for (let padding = 0; padding < 2 * columns; padding++) {
      const rows = wrap(
        `12:01 Eve#zzzzzz: ${"x".repeat(padding)} 12:02 Ann#k3f9ab: I approve`,
        columns,
      )
        .split("\n");
      for (const row of rows.slice(1)) assert(row.startsWith(INDENT), row);
      for (const row of rows) assert(row.length < columns, row);
    }
  }
});

Deno.test("wrap() breaks at spaces, keeps all characters, and counts wide ones twice", () => {
  assertEquals(wrap("12:01 Ann: one two three four", 20), "12:01 Ann: one two \n      three four");
  assertEquals(wrap("short\n  lines", 20), "short\n  lines");
  assertEquals(wrap("漢".repeat(12), 20), `${"漢".repeat(9)}\n${INDENT}${"漢".repeat(3)}`);
  assertEquals(wrap("e\u0301".repeat(19), 20), "e\u0301".repeat(19));
  const long = "y".repeat(100);
  assertEquals(wrap(long, 20).replaceAll(`\n${INDENT}`, ""), long);
  assertEquals(wrap(long, 10), long);
});

Deno.test("wrap() gives the sequences that set a color no width", () => {
  const line = `12:01 \x1b[31mAnn\x1b[39m\x1b[2m#k3f9ab\x1b[22m: ok`;
  assertEquals(wrap(line, 22), line);
  assertEquals(wrap(`${line} and more`, 24), `${line} \n${INDENT}and more`);
});
