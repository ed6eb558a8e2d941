// `confab chat` without a terminal: each line of the input is said, and what comes is printed. Ends when the input has
// ended and everything is sent and printed. Says what goes wrong on standard error.
import { ChatError } from "../../protocol/errors.ts";
import type { Failure, Outcome, Pending } from "../../sdk/types.d.ts";
import { Session } from "../../sdk/session.js";
import { escapeForTerminal } from "../../protocol/terminal_safe.ts";
import { ChatLines, drawGap, excerpt } from "./lines.ts";
import type { ChatSetup } from "./setup.ts";
import { readLines } from "../lines.ts";
import { writeLine } from "../stdio.ts";

/** Messages on their way at a time: the input may be long, and all that waits is in one file. */
const MAX_WAITING = 64;

/** Of a message that was refused, to tell which. */
const EXCERPT_CHARS = 60;

export class PipeChat implements Disposable {
  readonly #place: ChatSetup;
  readonly #lines = new ChatLines({ hasColour: false });
  readonly #session: Session;
  /** Rejects where there is no use in going on. */
  readonly #ended = Promise.withResolvers<never>();
  /** Resolves when something has happened; then there is another one. */
  #change = Promise.withResolvers<void>();
  #isWelcome = false;
  #isToldOffline = false;
  #hasRefused = false;
  /** Newest that was printed, and newest of ours that was acknowledged. */
  #lastSeq = 0;
  #ownSeq = 0;

  constructor(place: ChatSetup) {
    this.#place = place;
    const { socketUrl, room, storage, WebSocket } = place;
    this.#session = new Session({
      url: socketUrl,
      WebSocket,
      room,
      storage,
      handlers: {
        onState: (state) => typeof state === "object" && this.#tellOffline(),
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
   * Resolves to the exit code: 1 when a message was refused.
   * @throws {ChatError} `no_name`, and `bad_name` when the server refuses it.
   * @throws {Deno.errors.BrokenPipe} when nobody reads the output any more.
   */
  async run(name: string | undefined): Promise<number> {
    if (name && name !== this.#session.name) this.#session.rename(name);
    if (!this.#session.name) {
      throw new ChatError("no_name", { message: "Cannot chat without a name: add --name NAME" });
    }
    this.#session.start();
    return await Promise.race([this.#ended.promise, this.#sayAll()]);
  }

  [Symbol.dispose](): void {
    this.#session.stop();
  }

  async #sayAll(): Promise<number> {
    // Not before the name is known to be good.
    await this.#until(() => this.#isWelcome);
    for await (const line of readLines(Deno.stdin.readable)) {
      await this.#until(() => this.#countWaiting() < MAX_WAITING);
      if (line.trim() !== "") this.#session.say(line);
    }
    await this.#until(() => this.#isIdle());
    return this.#hasRefused ? 1 : 0;
  }

  /** What failed in an earlier run does not count: it is for a terminal to settle. */
  #countWaiting(): number {
    return this.#session.pending.filter(({ state }) => state === "pending").length;
  }

  #isIdle(): boolean {
    return this.#lastSeq >= this.#ownSeq && this.#countWaiting() === 0;
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await this.#change.promise;
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
      // Nobody is there to ask whether to try again, and trying is escapeForTerminal. The session is not done with it yet.
      if (error?.code === "no_ack") queueMicrotask(() => this.#session.resend(id));
      else this.#giveUp(message);
    }
    this.#wake();
  }

  #giveUp(message: Pending): void {
    const text = "text" in message ? excerpt(message.text, EXCERPT_CHARS) : message.type;
    console.error(
      `! not sent: ${text} (${escapeForTerminal(message.error?.message ?? "refused")})`,
    );
    this.#hasRefused = true;
    this.#session.discard(message.id);
  }

  #explain({ code, message }: Failure): void {
    // With neither there is any use in waiting.
    if (code !== "bad_name" && code !== "banned") {
      return console.error(`! ${escapeForTerminal(message)}`);
    }
    this.#ended.reject(new ChatError(code, { message: escapeForTerminal(message) }));
  }

  /** Once, and only where it has never worked. */
  #tellOffline(): void {
    if (this.#isWelcome || this.#isToldOffline) return;
    this.#isToldOffline = true;
    console.error(`Cannot reach Confab at ${this.#place.server}; retrying`);
  }
}
