// A program on a terminal: `script` of util-linux makes a pseudo-terminal for it, and a screen shows what it draws.

const COLUMNS = 80;
const ROWS = 24;

/** What is to be seen comes sooner, even where everything is busy. */
const WAIT_MS = 20_000;

/** Whether there is a `script` that makes terminals of the kind that is needed. */
export async function hasScript(): Promise<boolean> {
  try {
    const { stdout } = await new Deno.Command("script", { args: ["--version"] }).output();
    return new TextDecoder().decode(stdout).includes("util-linux");
  } catch {
    return false; // not there
  }
}

export interface TerminalOptions {
  readonly command: readonly string[];
  readonly cwd: URL;
  readonly env: Record<string, string>;
}

/** A running program and its screen. Disposing it ends it, and waits for that. */
export class PseudoTerminal implements AsyncDisposable {
  readonly screen = new TerminalScreen(COLUMNS, ROWS);
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #read: Promise<void>;

  /**
   * The shell around the program tells on the screen its process, how it ended, and whether the terminal is as it was.
   * A Ctrl-C reaches it as well, which must not end it.
   */
  constructor({ command, cwd, env }: TerminalOptions) {
    const words = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    const line = `trap : INT; stty cols ${COLUMNS} rows ${ROWS}; before=$(stty -g); ` +
      `sh -c 'echo "[process $$]"; exec "$0" "$@"' ${words}; code=$?; ` +
      `[ "$(stty -g)" = "$before" ] && echo "[exit $code, restored]" || echo "[exit $code, raw]"`;
    this.#child = new Deno.Command("script", {
      args: ["-qfec", line, "/dev/null"],
      cwd,
      env: { TERM: "xterm", ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#read = this.#readAll();
  }

  /** Presses keys: `\r` is Enter, `\x03` is Ctrl-C. */
  async type(keys: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(keys));
  }

  /** Waits until the screen, from the first line ever, is as wished. @throws with the screen when it never is. */
  async until(isSo: (screen: TerminalScreen) => boolean, what: string): Promise<void> {
    const deadline = Date.now() + WAIT_MS;
    while (!isSo(this.screen)) {
      if (Date.now() > deadline) {
        const visible = this.screen.lines.slice(-ROWS).join("\n");
        throw new Error(`Waited in vain for ${what}; the screen:\n${visible}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Waits for a text, or a match. */
  async see(wanted: string | RegExp): Promise<void> {
    const isThere = ({ text }: TerminalScreen) =>
      typeof wanted === "string" ? text.includes(wanted) : wanted.test(text);
    await this.until(isThere, String(wanted));
  }

  /** Sends the program a signal, if it runs. */
  kill(signal: Deno.Signal): void {
    const pid = /\[process (\d+)\]/.exec(this.screen.text)?.[1];
    if (pid !== undefined && !this.screen.text.includes("[exit ")) Deno.kill(Number(pid), signal);
  }

  async #readAll(): Promise<void> {
    const text = this.#child.stdout.pipeThrough(new TextDecoderStream());
    for await (const part of text) this.screen.write(part);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    // The pipe may be broken already.
    await this.#input.close().catch(() => {});
    await Promise.all([this.#child.status, this.#read]);
  }
}

/** What a terminal shows of what is written to it, as far as readline goes: every character is one column wide. */
export class TerminalScreen {
  /** All that was written since the program began. */
  raw = "";
  readonly #columns: number;
  readonly #rows: number;
  /** Also those that have scrolled away. */
  readonly #lines: string[][] = [[]];
  #row = 0;
  #column = 0;
  #rest = "";

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#rows = rows;
  }

  /** Lines from the first one ever, without blanks at their ends. */
  get lines(): string[] {
    return this.#lines.map((line) => Array.from(line, (char) => char ?? " ").join("").trimEnd());
  }

  get text(): string {
    return this.lines.join("\n");
  }

  /** What is left of the cursor, in its row. */
  get atCursor(): string {
    return this.#lines[this.#row]!.slice(0, this.#column).join("");
  }

  write(part: string): void {
    this.raw += part;
    this.#rest += part;
    for (;;) {
      // deno-lint-ignore no-control-regex -- that is what a terminal obeys
      const match = /^(?:\x1b\[([\d;?]*)([A-Za-z])|([^\x1b]))/u.exec(this.#rest);
      if (!match) return;
      this.#rest = this.#rest.slice(match[0].length);
      if (match[3] === undefined) this.#obey(match[2]!, Number(match[1]) || 0);
      else this.#put(match[3]);
    }
  }

  #obey(command: string, count: number): void {
    const line = this.#lines[this.#row]!;
    const first = Math.max(0, this.#lines.length - this.#rows);
    if (command === "A") this.#row = Math.max(first, this.#row - (count || 1));
    else if (command === "B") {
      this.#row = Math.min(this.#lines.length - 1, this.#row + (count || 1));
    } else if (command === "C") {
      this.#column = Math.min(this.#columns - 1, this.#column + (count || 1));
    } else if (command === "D") this.#column = Math.max(0, this.#column - (count || 1));
    else if (command === "G") this.#column = Math.max(0, count - 1);
    else if (command === "K") line.length = count === 2 ? 0 : Math.min(line.length, this.#column);
    else if (command === "J") {
      line.length = Math.min(line.length, this.#column);
      this.#lines.length = this.#row + 1;
      while (this.#lines.length < first + 1) this.#lines.push([]);
    } else if (command !== "m") throw new Error(`The screen knows no "${command}"`);
  }

  #put(char: string): void {
    if (char === "\r") this.#column = 0;
    else if (char === "\n") this.#down();
    else if (char === "\b") this.#column = Math.max(0, this.#column - 1);
    else if (char >= " ") {
      if (this.#column === this.#columns) {
        this.#column = 0;
        this.#down();
      }
      this.#lines[this.#row]![this.#column++] = char;
    }
  }

  #down(): void {
    this.#row++;
    if (this.#row === this.#lines.length) this.#lines.push([]);
  }
}
