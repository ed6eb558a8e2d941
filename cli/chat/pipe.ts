// Runs `confab chat` without a terminal: sends each line of the input, and prints the entries that arrive. Ends when the
// input has ended and everything is sent and printed. Reports failures on standard error.
import { ChatError } from "../../protocol/errors.ts";
import type { Failure, Outcome, Pending } from "../../sdk/types.d.ts";
import { Session } from "../../sdk/session.js";
import { escapeForTerminal } from "../../protocol/terminal_safe.ts";
import { ChatLines, drawGap, excerpt } from "./lines.ts";
import type { ChatSetup } from "./setup.ts";
import { readLines, writeError, writeLine } from "../stdio.ts";

/** Maximum pending messages. The input may be long, and all pending messages are in one file. */
const MAX_PENDING = 64;

/** Maximum characters to show of a refused message. */
const EXCERPT_CHARS = 60;

export class PipeChat implements Disposable {
  readonly #setup: ChatSetup;
  readonly #lines = new ChatLines({ hasColor: false });
  readonly #session: Session;
  /** Rejects when the chat cannot continue. */
  readonly #ended = Promise.withResolvers<never>();
  /** Resolves at the next change, and is then replaced. */
  #change = Promise.withResolvers<void>();
  #isWelcome = false;
  #hasReportedOffline = false;
  #hasRefused = false;
  /** Newest seq printed, and newest seq of an acknowledged message of ours. */
  #lastSeq = 0;
  #ownSeq = 0;

  constructor(setup: ChatSetup) {
    this.#setup = setup;
    const { socketUrl, room, storage, WebSocket } = setup;
    this.#session = new Session({
      url: socketUrl,
      WebSocket,
      room,
      storage,
      handlers: {
        onState: (state) => typeof state === "object" && this.#reportOffline(),
        onWelcome: () => {
          this.#isWelcome = true;
          this.#wake();
        },
        onReset: () => {
          this.#lastSeq = this.#ownSeq = 0;
          this.#lines.forget();
        },
        onEntry: (entry) => this.#print(entry.seq, this.#lines.draw(entry)),
        onGap: (gap) => this.#print(gap.to, drawGap(gap)),
        onPending: (message) => this.#follow(message),
        onError: (failure) => this.#explain(failure),
      },
    });
  }

  /**
   * Runs the chat. Resolves to the exit code: 1 if a message was refused.
   * @throws {ChatError} `no_name`; `bad_name` or `banned` if the server refuses.
   * @throws {Deno.errors.BrokenPipe} if the reader closes the output.
   */
  async run(name: string | undefined): Promise<number> {
    if (name && name !== this.#session.name) this.#session.rename(name);
    if (!this.#session.name) {
      throw new ChatError("no_name", { message: "Cannot chat without a name: add --name NAME" });
    }
    this.#session.start();
    return await Promise.race([this.#ended.promise, this.#sendAll()]);
  }

  [Symbol.dispose](): void {
    this.#session.stop();
  }

  async #sendAll(): Promise<number> {
    // The welcome shows that the server accepts the name.
    await this.#waitUntil(() => this.#isWelcome);
    for await (const line of readLines(Deno.stdin.readable)) {
      await this.#waitUntil(() => this.#countPending() < MAX_PENDING);
      if (line.trim() !== "") this.#session.say(line);
    }
    await this.#waitUntil(() => this.#isIdle());
    return this.#hasRefused ? 1 : 0;
  }

  /** Counts pending messages. Failed ones of an earlier run do not count: the user settles them in a terminal. */
  #countPending(): number {
    return this.#session.pending.filter(({ state }) => state === "pending").length;
  }

  #isIdle(): boolean {
    return this.#lastSeq >= this.#ownSeq && this.#countPending() === 0;
  }

  async #waitUntil(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#change.promise;
  }

  #wake(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  #print(seq: number, text: string): void {
    this.#lastSeq = seq;
    try {
      writeLine(text);
    } catch (error) {
      this.#ended.reject(error);
    }
    this.#wake();
  }

  #follow(message: Outcome): void {
    if (message.state === "sent") this.#ownSeq = Math.max(this.#ownSeq, message.seq);
    if (message.state === "failed") {
      const { id, error } = message;
      // Retry without asking: no user is present, and a retry cannot store it twice. Wait until the session has finished.
      if (error?.code === "no_ack") queueMicrotask(() => this.#session.resend(id));
      else this.#giveUp(message);
    }
    this.#wake();
  }

  #giveUp(message: Pending): void {
    const text = "text" in message ? excerpt(message.text, EXCERPT_CHARS) : message.type;
    writeError(
      `! not sent: ${text} (${escapeForTerminal(message.error?.message ?? "refused")})`,
    );
    this.#hasRefused = true;
    this.#session.discard(message.id);
  }

  #explain({ code, message }: Failure): void {
    // Only these two end the chat: waiting does not help.
    if (code !== "bad_name" && code !== "banned") {
      return writeError(`! ${escapeForTerminal(message)}`);
    }
    this.#ended.reject(new ChatError(code, { message: escapeForTerminal(message) }));
  }

  /** Reports a failed connection once, and only if none has succeeded before. */
  #reportOffline(): void {
    if (this.#isWelcome || this.#hasReportedOffline) return;
    this.#hasReportedOffline = true;
    writeError(`Cannot reach Confab at ${this.#setup.server}; retrying`);
  }
}
