import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { PassThrough, Writable } from "node:stream";
import { TerminalScreen } from "../../tests/support/pseudo_terminal.ts";
import { chooseSeed } from "../../tests/support/random.ts";
import { Screen } from "./screen.ts";

const COLUMNS = 20;
const ROWS = 200;

/** A screen on a terminal that shows what is drawn, and somebody who presses keys. */
class Desk implements Disposable {
  readonly terminal = new TerminalScreen(COLUMNS, ROWS);
  readonly lines: string[] = [];
  readonly screen: Screen;
  readonly #input = new PassThrough();
  hasLeft = false;

  constructor(onLine = (_line: string, _screen: Screen) => {}) {
    const output = new Writable({
      decodeStrings: false,
      write: (text, _encoding, done) => {
        this.terminal.write(String(text).replaceAll("\n", "\r\n"));
        done();
      },
    });
    this.screen = new Screen({
      input: this.#input,
      output: Object.assign(output, { columns: COLUMNS, rows: ROWS }),
      onLine: (line) => {
        this.lines.push(line);
        onLine(line, this.screen);
      },
      onType: () => {},
      onLeave: () => this.hasLeft = true,
    });
  }

  /** All keys are read by the time it resolves, and all that is due is drawn. */
  async press(keys: string): Promise<void> {
    this.#input.write(keys);
    await new Promise((resolve) => setTimeout(resolve));
  }

  /** The terminal is gone. */
  async hangUp(): Promise<void> {
    this.#input.end();
    await new Promise((resolve) => setTimeout(resolve));
  }

  get text(): string {
    return this.terminal.text;
  }

  [Symbol.dispose](): void {
    this.screen[Symbol.dispose]();
    this.#input.destroy();
  }
}

Deno.test("Screen keeps the line that is written, and what stands above it, below the log", async () => {
  using desk = new Desk((line, screen) => screen.print(`said ${line}`));
  desk.screen.setBottom(["foot"], "> ");
  await desk.press("hel");
  desk.screen.print("one\ntwo");
  desk.screen.print("three");
  await desk.press("lo");
  assertEquals(desk.text, "one\ntwo\nthree\nfoot\n> hello");
  await desk.press("\x1b[D\x1b[D");
  desk.screen.setBottom([], "> ");
  await desk.press("X");
  assertEquals(desk.text, "one\ntwo\nthree\n> helXlo");
  await desk.press("\rnext\rmore");
  assertEquals(desk.lines, ["helXlo", "next"]);
  assertEquals(desk.text, "one\ntwo\nthree\nsaid helXlo\nsaid next\n> more");
});

Deno.test("Screen gives Ctrl-C and Ctrl-D on, and leaves nothing but the log", async () => {
  for (const key of ["\x03", "\x04"]) {
    using desk = new Desk();
    desk.screen.print("log");
    desk.screen.setBottom(["foot", "foot"], "> ");
    await desk.press(key);
    assertEquals(desk.hasLeft, true);
    desk.screen.print("the last");
    desk.screen[Symbol.dispose]();
    assertEquals(desk.text, "log\nthe last\n");
    desk.screen.print("too late");
    await desk.press("x");
    assertEquals(desk.text, "log\nthe last\n");
  }
});

Deno.test("Screen says nothing that is not finished when the terminal is gone", async () => {
  using desk = new Desk();
  await desk.press("not to be sai");
  await desk.hangUp();
  assertEquals([desk.hasLeft, desk.lines], [true, []]);
});

/** Rows that a text takes, as the terminal breaks it. */
function wrap(text: string): string {
  return text.split("\n").map((line) =>
    line.match(new RegExp(`.{1,${COLUMNS}}`, "g"))?.map((row) => row.trimEnd()).join("\n") ?? ""
  ).join("\n");
}

Deno.test("Screen shows the same whatever is written, printed and put above it, in any order", async () => {
  const seed = chooseSeed();
  const text = fc.string({ unit: fc.constantFrom(..."abc"), maxLength: 3 * COLUMNS });
  const act = fc.oneof(
    fc.record({ kind: fc.constant("type" as const), text }),
    fc.record({ kind: fc.constant("enter" as const), text }),
    fc.record({ kind: fc.constant("print" as const), text }),
    fc.record({ kind: fc.constant("bottom" as const), text }),
    fc.record({ kind: fc.constant("left" as const), text: fc.constant("\x1b[D") }),
  );
  const property = fc.asyncProperty(fc.array(act, { maxLength: 15 }), async (acts) => {
    const log: string[] = [];
    using desk = new Desk((line, screen) => screen.print(`said ${line}`));
    let [bottom, line, cursor] = [[] as string[], "", 0];
    desk.screen.setBottom(bottom, "> ");
    for (const { kind, text } of acts) {
      if (kind === "type") {
        await desk.press(text);
        line = line.slice(0, cursor) + text + line.slice(cursor);
        cursor += text.length;
      } else if (kind === "left") {
        await desk.press(text);
        cursor = Math.max(0, cursor - 1);
      } else if (kind === "enter") {
        await desk.press("\r");
        log.push(`said ${line}`);
        [line, cursor] = ["", 0];
      } else if (kind === "print") {
        desk.screen.print(text);
        log.push(text);
      } else {
        bottom = text ? text.split("a") : [];
        desk.screen.setBottom(bottom, "> ");
      }
      await desk.press("");
      assertEquals(
        desk.text.trimEnd(),
        wrap([...log, ...bottom, `> ${line}`].join("\n")).trimEnd(),
      );
    }
  });
  await fc.assert(property, { seed, numRuns: 100 });
});
