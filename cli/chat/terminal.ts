// Runs `confab chat` on a terminal: passes input to the session, and events of the session to the screen. The session
// guarantees delivery, and the screen draws.
import process from "node:process";
import type { Failure, Handlers } from "../../sdk/types.d.ts";
import { Session } from "../../sdk/session.js";
import { escapeForTerminal } from "../../protocol/terminal_safe.ts";
import { helpLines, type Input, listCommands, parseInput } from "./slash_commands.ts";
import { ChatFooter } from "./footer.ts";
import { ChatLines, drawGap } from "./lines.ts";
import { ChatPeople } from "./people.ts";
import type { ChatSetup } from "./setup.ts";
import { Screen } from "./screen.ts";
import { wrap } from "./wrap.ts";

const PROMPT = "> ";
const NAME_PROMPT = "Your name: ";

/** Interval of updates of the countdown to the next connection. */
const COUNTDOWN_PERIOD_MS = 500;

export class TerminalChat implements Disposable {
  readonly #setup: ChatSetup;
  readonly #lines = new ChatLines({ hasColor: !Deno.noColor });
  readonly #footer = new ChatFooter((text) => this.#lines.dim(text), performance.now());
  readonly #people = new ChatPeople();
  readonly #screen: Screen;
  readonly #session: Session;
  readonly #left = Promise.withResolvers<void>();
  readonly #timer: ReturnType<typeof setInterval>;
  /** Cached, because the session reads its name from a file each time. */
  #hasName = false;
  #hasConnected = false;
  #hasReportedOffline = false;

  constructor(setup: ChatSetup) {
    this.#setup = setup;
    const { socketUrl, room, storage, WebSocket } = setup;
    this.#screen = new Screen({
      input: process.stdin,
      output: process.stdout,
      onLine: (line) => this.#handleLine(line),
      onType: (line) => this.#handleTyping(line),
      onLeave: () => this.leave(),
    });
    const handlers = this.#makeHandlers();
    this.#session = new Session({ url: socketUrl, room, handlers, storage, WebSocket });
    this.#timer = setInterval(() => this.#drawFooter(), COUNTDOWN_PERIOD_MS);
  }

  /** Runs the chat until the user leaves. */
  async run(name: string | undefined): Promise<void> {
    const { room, server } = this.#setup;
    this.print(`-- ${room} at ${server}. Type /help for commands --`);
    if (name !== undefined && name !== this.#session.name) this.#session.rename(name);
    for (const message of this.#session.pending) this.#footer.showPending(message);
    this.#hasName = this.#session.name !== "";
    this.#session.start();
    this.#drawFooter();
    await this.#left.promise;
    this.#reportUnsent();
  }

  /** Prints a line, wrapped and indented. Everything in it that comes from others must be escaped. */
  print(text: string): void {
    this.#screen.print(wrap(text, process.stdout.columns ?? 0));
  }

  leave(): void {
    this.#left.resolve();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#session.stop();
    this.#screen[Symbol.dispose]();
  }

  #makeHandlers(): Handlers {
    return {
      onState: (state) => {
        this.#footer.showState(state, performance.now());
        if (state === "online") this.#hasConnected = true;
        else this.#people.show(undefined);
        if (typeof state === "object") this.#reportOffline();
        this.#drawFooter();
      },
      onReset: () => {
        this.#lines.forget();
        this.#footer.reset();
        this.print("-- the room has a new history: the messages above are from the old one --");
      },
      onEntry: (entry) => {
        this.#people.stopTyping(entry.from);
        this.print(this.#lines.draw(entry));
        this.#footer.settle(entry.seq);
        this.#drawFooter();
      },
      onGap: (gap) => {
        this.print(drawGap(gap));
        this.#footer.settle(gap.to);
        this.#drawFooter();
      },
      onPending: (message) => {
        this.#footer.showPending(message);
        this.#drawFooter();
      },
      onPresence: (presence) => this.#people.show(presence),
      onTyping: (from) => this.#people.showTyping(from, performance.now()),
      onError: (failure) => this.#explain(failure),
    };
  }

  /** Reports a failed connection once, and only if none has succeeded before: the footer shows later interruptions. */
  #reportOffline(): void {
    if (this.#hasConnected || this.#hasReportedOffline) return;
    this.#hasReportedOffline = true;
    this.print(`-- cannot reach Confab at ${this.#setup.server}; retrying --`);
  }

  #explain({ code, message }: Failure): void {
    const { name } = this.#session;
    this.#hasName = name !== "";
    const still = name ? `; your name is still ${escapeForTerminal(name)}` : "";
    this.print(`! ${escapeForTerminal(message)}${code === "bad_name" ? still : ""}`);
    this.#drawFooter();
  }

  #drawFooter(): void {
    const prompt = this.#hasName ? PROMPT : NAME_PROMPT;
    this.#screen.setFooter(this.#footer.draw(performance.now()), prompt);
  }

  #handleTyping(line: string): void {
    const isMessage = line !== "" && parseInput(line).command === "send";
    if (this.#hasName && isMessage) this.#session.typing();
  }

  #handleLine(line: string): void {
    if (line.trim() === "") return;
    const input = parseInput(line);
    const isName = input.command === "send" && !this.#hasName;
    this.#execute(isName ? { command: "name", text: line.trim() } : input);
    this.#drawFooter();
  }

  #execute({ command, text }: Input): void {
    switch (command) {
      case "send":
        return void this.#session.say(text);
      case "name":
        return this.#rename(text);
      case "who":
        return this.print(this.#people.draw(performance.now()));
      case "retry":
      case "drop":
        return this.#settleFailed(command);
      case "help":
        return this.print(helpLines().join("\n"));
      case "quit":
        return this.leave();
      case "unknown":
        return this.print(`! Unknown command. ${listCommands()}`);
    }
  }

  /** Changes the name. The server accepts it later, and only a refusal is reported then. */
  #rename(name: string): void {
    if (name) this.#session.rename(name);
    const current = this.#session.name;
    this.#hasName = current !== "";
    this.print(
      current ? `-- your name is ${escapeForTerminal(current)} --` : "-- you have no name yet --",
    );
  }

  #settleFailed(command: "retry" | "drop"): void {
    const failed = this.#session.pending.filter(({ state }) => state === "failed");
    if (failed.length === 0) this.print("-- no failed messages --");
    for (const { id } of failed) {
      if (command === "retry") this.#session.resend(id);
      else this.#session.discard(id);
    }
  }

  /** Reports messages that are still unsent. Refused ones do not count: they are never sent automatically. */
  #reportUnsent(): void {
    const { length } = this.#session.pending.filter(({ state }) => state === "pending");
    if (length === 0) return;
    const [were, they] = length === 1 ? ["message was", "It"] : ["messages were", "They"];
    const outcome = this.#setup.isKept
      ? `${they} will be sent when you return`
      : `${they} will be lost`;
    this.print(`${length} ${were} not sent. ${outcome}.`);
  }
}
