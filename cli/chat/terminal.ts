// `confab chat` on a terminal: tells the session what is written, and the screen what the session says. Owns neither the
// promises, which are the session's, nor the drawing.
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

const PROMPT = "> ";
const NAME_PROMPT = "Your name: ";

/** How often the seconds until the next connection are counted. */
const COUNT_PERIOD_MS = 500;

export class TerminalChat implements Disposable {
  readonly #place: ChatSetup;
  readonly #lines = new ChatLines({ hasColour: !Deno.noColor });
  readonly #footer = new ChatFooter((text) => this.#lines.dim(text), Date.now());
  readonly #people = new ChatPeople();
  readonly #screen: Screen;
  readonly #session: Session;
  readonly #left = Promise.withResolvers<void>();
  readonly #timer: ReturnType<typeof setInterval>;
  /** The session reads its name from a file each time. */
  #hasName = false;
  #hasConnected = false;
  #isToldOffline = false;

  constructor(place: ChatSetup) {
    this.#place = place;
    const { socketUrl, room, storage, WebSocket } = place;
    this.#screen = new Screen({
      input: process.stdin,
      output: process.stdout,
      onLine: (line) => this.#take(line),
      onType: (line) => this.#noticeTyping(line),
      onLeave: () => this.leave(),
    });
    const handlers = this.#makeHandlers();
    this.#session = new Session({ url: socketUrl, room, handlers, storage, WebSocket });
    this.#timer = setInterval(() => this.#drawBottom(), COUNT_PERIOD_MS);
  }

  /** Chats until it is left. */
  async run(name: string | undefined): Promise<void> {
    const { room, server } = this.#place;
    this.print(`-- ${room} at ${server}. Type /help for commands --`);
    if (name !== undefined && name !== this.#session.name) this.#session.rename(name);
    for (const message of this.#session.pending) this.#footer.showPending(message);
    this.#hasName = this.#session.name !== "";
    this.#session.start();
    this.#drawBottom();
    await this.#left.promise;
    this.#tellUnsent();
  }

  /** A line of the program's own; of others there is nothing in it that is not escapeForTerminal. */
  print(text: string): void {
    this.#screen.print(text);
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
        this.#footer.showState(state, Date.now());
        if (state === "online") this.#hasConnected = true;
        else this.#people.show(undefined);
        if (typeof state === "object") this.#tellOffline();
        this.#drawBottom();
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
        this.#drawBottom();
      },
      onGap: (gap) => {
        this.print(drawGap(gap));
        this.#footer.settle(gap.to);
        this.#drawBottom();
      },
      onPending: (message) => {
        this.#footer.showPending(message);
        this.#drawBottom();
      },
      onPresence: (presence) => this.#people.show(presence),
      onTyping: (from) => this.#people.showTyping(from, Date.now()),
      onError: (failure) => this.#explain(failure),
    };
  }

  /** Once, and only where it has never worked: the footer tells of later. */
  #tellOffline(): void {
    if (this.#hasConnected || this.#isToldOffline) return;
    this.#isToldOffline = true;
    this.print(`-- cannot reach Confab at ${this.#place.server}; retrying --`);
  }

  #explain({ code, message }: Failure): void {
    const { name } = this.#session;
    this.#hasName = name !== "";
    const still = name ? `; your name is still ${escapeForTerminal(name)}` : "";
    this.print(`! ${escapeForTerminal(message)}${code === "bad_name" ? still : ""}`);
    this.#drawBottom();
  }

  #drawBottom(): void {
    const prompt = this.#hasName ? PROMPT : NAME_PROMPT;
    this.#screen.setBottom(this.#footer.draw(Date.now()), prompt);
  }

  #noticeTyping(line: string): void {
    const isMessage = line !== "" && parseInput(line).command === "say";
    if (this.#hasName && isMessage) this.#session.typing();
  }

  #take(line: string): void {
    if (line.trim() === "") return;
    const input = parseInput(line);
    const isName = input.command === "say" && !this.#hasName;
    this.#obey(isName ? { command: "name", text: line.trim() } : input);
    this.#drawBottom();
  }

  #obey({ command, text }: Input): void {
    switch (command) {
      case "say":
        return void this.#session.say(text);
      case "name":
        return this.#rename(text);
      case "who":
        return this.print(this.#people.draw(Date.now()));
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

  /** Whether the server takes the name turns out later: only a refusal is told. */
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

  /** What the server refused is not sent by itself, ever. */
  #tellUnsent(): void {
    const { length } = this.#session.pending.filter(({ state }) => state === "pending");
    if (length === 0) return;
    const [were, they] = length === 1 ? ["message was", "It"] : ["messages were", "They"];
    const end = this.#place.isKept
      ? `${they} will be sent when you return`
      : `${they} will be lost`;
    this.print(`${length} ${were} not sent. ${end}.`);
  }
}
