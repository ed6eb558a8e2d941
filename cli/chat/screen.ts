// A terminal with a line to write in at the bottom, a few lines right above it, and a log that scrolls away above both.
// Over node:readline, which edits the line and knows how wide it is: the lines above are part of its prompt. Nothing else
// may write to the terminal while it is there. Shows what it is given: making it escapeForTerminal is the caller's.
import { createInterface, type Interface } from "node:readline";
import { PassThrough } from "node:stream";

/** So many characters at once are pasted: no key sends them. */
const MIN_PASTE_CHARS = 16;

/** What is pasted as it is. Anything else may be a key. */
const PLAIN = /^[\P{Cc}\t\r\n]*$/u;

/** The part of a terminal's input that is used here. */
export type Keyboard = NodeJS.ReadableStream & { setRawMode?: (isRaw: boolean) => unknown };

export interface ScreenOptions {
  readonly input: Keyboard;
  readonly output: NodeJS.WritableStream;
  readonly onLine: (line: string) => void;
  /** The line has changed. */
  readonly onType: (line: string) => void;
  /** Ctrl-C, Ctrl-D, or the terminal is gone. */
  readonly onLeave: () => void;
}

export class Screen implements Disposable {
  readonly #output: NodeJS.WritableStream;
  readonly #readline: Interface;
  readonly #endInput: () => void;
  #log: string[] = [];
  #prompt = "";
  /** Whether the prompt is there, with the cursor behind it. */
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
      // What is typed or pasted next is read at once, and must find its prompt.
      this.#draw();
    });
    this.#readline.on("SIGINT", onLeave);
    this.#readline.on("close", () => {
      this.#clearBottom();
      onLeave();
    });
    // Stopping a process takes a permission that this one has no other use for.
    this.#readline.on("SIGTSTP", () => {});
    keys.on("keypress", () => onType(this.#readline.line));
    const endFeed = feed(keys, input, (text) => this.#readline.write(text));
    // Not told to readline: it would take an unfinished line for a finished one.
    input.on("end", onLeave);
    this.#endInput = () => {
      input.off("end", onLeave);
      endFeed();
    };
  }

  /** Adds a line, or several, to the log. */
  print(text: string): void {
    this.#log.push(text);
    this.#drawSoon();
  }

  /** What stands below the log: the lines, and what the line to write begins with. */
  setBottom(lines: readonly string[], prompt: string): void {
    const text = [...lines, prompt].join("\n");
    if (text === this.#prompt) return;
    this.#prompt = text;
    this.#drawSoon();
  }

  /** Leaves the log, and the terminal as it was. */
  [Symbol.dispose](): void {
    this.#clearBottom();
    this.#writeLog();
    this.#readline.close();
    this.#endInput();
  }

  /** For good: readline may have closed by itself, and draws no more. */
  #clearBottom(): void {
    if (this.#isDrawn) this.#erase(this.#readline.getCursorPos().rows);
    this.#isClosed = true;
  }

  /** What changes together is drawn together. */
  #drawSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => this.#isDue && this.#draw());
  }

  #draw(): void {
    this.#isDue = false;
    if (this.#isClosed) return;
    if (this.#isDrawn && this.#log.length > 0) {
      const { rows } = this.#readline.getCursorPos();
      this.#erase(rows);
      this.#writeLog();
      // Readline goes up by as many rows before it draws.
      this.#output.write("\n".repeat(rows));
    } else {
      this.#writeLog();
    }
    this.#readline.setPrompt(this.#prompt);
    this.#readline.prompt(true);
    this.#isDrawn = true;
  }

  #writeLog(): void {
    for (const text of this.#log.splice(0)) this.#output.write(`${text}\n`);
  }

  /** Clears everything from so many rows above the cursor. */
  #erase(rows: number): void {
    this.#output.write(`${rows > 0 ? `\x1b[${rows}A` : ""}\r\x1b[J`);
    this.#isDrawn = false;
  }

  /** Rows that the prompt and a line behind it take, but for the last one. */
  #countRows(line: string): number {
    const prompt = this.#readline.getPrompt();
    this.#readline.setPrompt(prompt + line);
    const { rows } = this.#readline.getCursorPos();
    this.#readline.setPrompt(prompt);
    return rows;
  }
}

/** What readline takes for a keyboard: it gets what is written to it, and switches the real one. */
function makeKeys(input: Keyboard): PassThrough {
  return Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (isRaw: boolean) => input.setRawMode?.(isRaw),
  });
}

/** Gives what is pressed to the keys, and what is pasted to the line. Until the function that it returns is called. */
function feed(keys: PassThrough, input: Keyboard, paste: (text: string) => void): () => void {
  const decoder = new TextDecoder();
  const take = (bytes: Uint8Array) => {
    const text = decoder.decode(bytes, { stream: true });
    // Key by key, readline would measure the whole line for each character of it.
    if (text.length >= MIN_PASTE_CHARS && PLAIN.test(text)) paste(text);
    else keys.write(text);
  };
  input.on("data", take);
  return () => {
    input.off("data", take).pause();
    keys.destroy();
  };
}
