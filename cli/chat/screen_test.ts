import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { PassThrough, Writable } from "node:stream";
import { TerminalScreen } from "../../tests/support/pseudo_terminal.ts";
import { chooseSeed } from "../../tests/support/random.ts";
import { Screen } from "./screen.ts";

const COLUMNS = 20;
const ROWS = 200;

/** A screen on a simulated terminal, with simulated keys. */
class TestScreen implements Disposable {
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

  /** Presses keys. Resolves when all keys are read and everything is drawn. */
  async press(keys: string): Promise<void> {
    this.#input.write(keys);
    await new Promise((resolve) => setTimeout(resolve));
  }

  /** Closes the terminal. */
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

Deno.test("Screen keeps the input line and the footer below the messages", async () => {
  using test = new TestScreen((line, screen) => screen.print(`sent ${line}`));
  test.screen.setFooter(["foot"], "> ");
  await test.press("hel");
  test.screen.print("one\ntwo");
  test.screen.print("three");
  await test.press("lo");
  assertEquals(test.text, "one\ntwo\nthree\nfoot\n> hello");
  await test.press("\x1b[D\x1b[D");
  test.screen.setFooter([], "> ");
  await test.press("X");
  assertEquals(test.text, "one\ntwo\nthree\n> helXlo");
  await test.press("\rnext\rmore");
  assertEquals(test.lines, ["helXlo", "next"]);
  assertEquals(test.text, "one\ntwo\nthree\nsent helXlo\nsent next\n> more");
});

Deno.test("Screen forwards Ctrl-C and Ctrl-D, and leaves only the messages", async () => {
  for (const key of ["\x03", "\x04"]) {
    using test = new TestScreen();
    test.screen.print("log");
    test.screen.setFooter(["foot", "foot"], "> ");
    await test.press(key);
    assertEquals(test.hasLeft, true);
    test.screen.print("the last");
    test.screen[Symbol.dispose]();
    assertEquals(test.text, "log\nthe last\n");
    test.screen.print("too late");
    await test.press("x");
    assertEquals(test.text, "log\nthe last\n");
  }
});

Deno.test("Screen does not send an unfinished line when the terminal closes", async () => {
  using test = new TestScreen();
  await test.press("not to be sen");
  await test.hangUp();
  assertEquals([test.hasLeft, test.lines], [true, []]);
});

/** Wraps a text into rows, like the terminal. */
function wrap(text: string): string {
  return text.split("\n").map((line) =>
    line.match(new RegExp(`.{1,${COLUMNS}}`, "g"))?.map((row) => row.trimEnd()).join("\n") ?? ""
  ).join("\n");
}

Deno.test("Screen shows messages, footer and input line after any sequence of changes", async () => {
  const seed = chooseSeed();
  const text = fc.string({ unit: fc.constantFrom(..."abc"), maxLength: 3 * COLUMNS });
  const act = fc.oneof(
    fc.record({ kind: fc.constant("type" as const), text }),
    fc.record({ kind: fc.constant("enter" as const), text }),
    fc.record({ kind: fc.constant("print" as const), text }),
    fc.record({ kind: fc.constant("footer" as const), text }),
    fc.record({ kind: fc.constant("left" as const), text: fc.constant("\x1b[D") }),
  );
  const property = fc.asyncProperty(fc.array(act, { maxLength: 15 }), async (acts) => {
    const messages: string[] = [];
    using test = new TestScreen((line, screen) => screen.print(`sent ${line}`));
    let [footer, line, cursor] = [[] as string[], "", 0];
    test.screen.setFooter(footer, "> ");
    for (const { kind, text } of acts) {
      if (kind === "type") {
        await test.press(text);
        line = line.slice(0, cursor) + text + line.slice(cursor);
        cursor += text.length;
      } else if (kind === "left") {
        await test.press(text);
        cursor = Math.max(0, cursor - 1);
      } else if (kind === "enter") {
        await test.press("\r");
        messages.push(`sent ${line}`);
        [line, cursor] = ["", 0];
      } else if (kind === "print") {
        test.screen.print(text);
        messages.push(text);
      } else {
        footer = text ? text.split("a") : [];
        test.screen.setFooter(footer, "> ");
      }
      await test.press("");
      assertEquals(
        test.text.trimEnd(),
        wrap([...messages, ...footer, `> ${line}`].join("\n")).trimEnd(),
      );
    }
  });
  await fc.assert(property, { seed, numRuns: 100 });
});
