// Draws a terminal with an input line at the bottom, a footer of a few lines above it, and messages that scroll away above
// both. It uses node:readline, which edits the line and measures its width: the footer is part of its prompt. Nothing else
// may write to the terminal meanwhile. Texts are written unchanged: the caller escapes them.
import { createInterface, type Interface } from "node:readline";
import { PassThrough } from "node:stream";

/** Minimum characters of a chunk that counts as pasted: no key sends that many. */
const MIN_PASTE_CHARS = 16;

/** Text that can be pasted unchanged. Any other control character may be a key. */
const PLAIN = /^[\P{Cc}\t\r\n]*$/u;

/** Input of a terminal, as far as it is used here. */
export type Keyboard = NodeJS.ReadableStream & { setRawMode?: (isRaw: boolean) => unknown };

export interface ScreenOptions {
  readonly input: Keyboard;
  readonly output: NodeJS.WritableStream;
  /** Called with each finished line. */
  readonly onLine: (line: string) => void;
  /** Called when the input line has changed. */
  readonly onType: (line: string) => void;
  /** Called on Ctrl-C, on Ctrl-D, and when the terminal closes. */
  readonly onLeave: () => void;
}

export class Screen implements Disposable {
  readonly #output: NodeJS.WritableStream;
  readonly #readline: Interface;
  readonly #endInput: () => void;
  #messages: string[] = [];
  #prompt = "";
  /** Whether the prompt is on the screen, with the cursor after it. */
  #isDrawn = false;
  #isDue = false;
  #isClosed = false;

  constructor({ input, output, onLine, onType, onLeave }: ScreenOptions) {
    this.#output = output;
    const keys = makeKeys(input);
    this.#readline = createInterface({ input: keys, output, terminal: true, prompt: "" });
    this.#readline.on("line", (line) => {
      this.#erase(this.#countRows(line) + 1);
      onLine(line);
      // Draw at once, not in a microtask: the next typed or pasted text is read in the same tick, and needs its prompt.
      this.#draw();
    });
    this.#readline.on("SIGINT", onLeave);
    this.#readline.on("close", () => {
      this.#clearFooter();
      onLeave();
    });
    // Ignore Ctrl-Z: stopping a process requires a permission that the chat has no other use for.
    this.#readline.on("SIGTSTP", () => {});
    keys.on("keypress", () => onType(this.#readline.line));
    const endFeed = feed(keys, input, (text) => this.#readline.write(text));
    // Hidden from readline, which would treat an unfinished line as a finished one.
    input.on("end", onLeave);
    this.#endInput = () => {
      input.off("end", onLeave);
      endFeed();
    };
  }

  /** Adds one or more lines to the messages. */
  print(text: string): void {
    this.#messages.push(text);
    this.#drawSoon();
  }

  /** Sets the footer and the prompt of the input line. */
  setFooter(lines: readonly string[], prompt: string): void {
    const text = [...lines, prompt].join("\n");
    if (text === this.#prompt) return;
    this.#prompt = text;
    this.#drawSoon();
  }

  /** Leaves only the messages, and restores the terminal. */
  [Symbol.dispose](): void {
    this.#clearFooter();
    this.#writeMessages();
    this.#readline.close();
    this.#endInput();
  }

  /** Clears footer and input line, and stops drawing: readline may have closed by itself. */
  #clearFooter(): void {
    if (this.#isDrawn) this.#erase(this.#readline.getCursorPos().rows);
    this.#isClosed = true;
  }

  /** Draws in a microtask, so that changes of the same tick are drawn together. */
  #drawSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => this.#isDue && this.#draw());
  }

  #draw(): void {
    this.#isDue = false;
    if (this.#isClosed) return;
    if (this.#isDrawn && this.#messages.length > 0) {
      const { rows } = this.#readline.getCursorPos();
      this.#erase(rows);
      this.#writeMessages();
      // Readline moves up by this number of rows before it draws.
      this.#output.write("\n".repeat(rows));
    } else {
      this.#writeMessages();
    }
    this.#readline.setPrompt(this.#prompt);
    this.#readline.prompt(true);
    this.#isDrawn = true;
  }

  #writeMessages(): void {
    for (const text of this.#messages.splice(0)) this.#output.write(`${text}\n`);
  }

  /** Clears the screen from `rows` above the cursor downwards. */
  #erase(rows: number): void {
    this.#output.write(`${rows > 0 ? `\x1b[${rows}A` : ""}\r\x1b[J`);
    this.#isDrawn = false;
  }

  /** Returns the number of rows that the prompt and a line after it occupy, minus one. */
  #countRows(line: string): number {
    const prompt = this.#readline.getPrompt();
    this.#readline.setPrompt(prompt + line);
    const { rows } = this.#readline.getCursorPos();
    this.#readline.setPrompt(prompt);
    return rows;
  }
}

/** Makes the keyboard of readline: a stream that we write keys to, and that switches the terminal's input to raw mode. */
function makeKeys(input: Keyboard): PassThrough {
  return Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (isRaw: boolean) => input.setRawMode?.(isRaw),
  });
}

/** Forwards pressed keys to `keys`, and pasted text to `paste`. Returns a function that ends it. */
function feed(keys: PassThrough, input: Keyboard, paste: (text: string) => void): () => void {
  const decoder = new TextDecoder();
  const forward = (bytes: Uint8Array) => {
    const text = decoder.decode(bytes, { stream: true });
    // Do not paste key by key: readline would measure the whole line for each character.
    if (text.length >= MIN_PASTE_CHARS && PLAIN.test(text)) paste(text);
    else keys.write(text);
  };
  input.on("data", forward);
  return () => {
    input.off("data", forward).pause();
    keys.destroy();
  };
}
