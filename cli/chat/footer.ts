// Draws the footer between the messages and the input line: own messages that are not among the messages yet, and a bad
// connection. Returns lines; never writes to the terminal.
import type { Outcome, State } from "../../sdk/types.d.ts";
import { escapeForTerminal } from "../../protocol/terminal_safe.ts";
import { excerpt } from "./lines.ts";

/** Duration of an interruption that is not shown. */
const GRACE_MS = 2_000;

/** Maximum pending messages to show. The rest is only counted, to leave room for the messages. */
const MAX_PENDING = 5;

/** Maximum characters of a message, so that it takes one row of most terminals. */
const MAX_CHARS = 60;

export class ChatFooter {
  readonly #dim: (text: string) => string;
  /** Own messages by id, oldest first. */
  readonly #messages = new Map<string, Outcome>();
  #state: State = "connecting";
  #wasOnline = false;
  #offlineSince: number;
  /** Sequence number of the newest message shown. */
  #lastSeq = 0;

  constructor(dim: (text: string) => string, now: number) {
    this.#dim = dim;
    this.#offlineSince = now;
  }

  showState(state: State, now: number): void {
    if (this.#state === "online") this.#offlineSince = now;
    if (state === "online") this.#wasOnline = true;
    this.#state = state;
  }

  /** Updates an own message. It stays until its entry has arrived, which is later than its acknowledgement. */
  showPending(message: Outcome): void {
    const isDone = message.state === "discarded" ||
      message.state === "sent" && message.seq <= this.#lastSeq;
    if (isDone) this.#messages.delete(message.id);
    else this.#messages.set(message.id, message);
  }

  /** Removes own messages up to `seq`: the entry, or a gap up to it, has arrived. */
  settle(seq: number): void {
    this.#lastSeq = seq;
    for (const message of this.#messages.values()) this.showPending(message);
  }

  /** Starts a new history: acknowledged messages of the old one will not arrive. */
  reset(): void {
    this.#lastSeq = 0;
    for (const { id, state } of this.#messages.values()) {
      if (state === "sent") this.#messages.delete(id);
    }
  }

  draw(now: number): string[] {
    const all = [...this.#messages.values()];
    const failed = all.filter(({ state }) => state === "failed");
    const waiting = all.filter(({ state }) => state !== "failed");
    return [
      ...limit(failed).map((message) => `! not sent: ${describe(message)}. /retry or /drop`),
      ...limit(waiting).map((message) => this.#dim(`… ${describe(message)}`)),
      ...this.#drawState(now),
    ];
  }

  #drawState(now: number): string[] {
    if (this.#state === "online" || now - this.#offlineSince < GRACE_MS) return [];
    const word = this.#wasOnline ? "reconnecting" : "connecting";
    if (this.#state === "connecting") return [`-- ${word} --`];
    const seconds = Math.max(1, Math.ceil((this.#state.retryAtMs - now) / 1000));
    return [`-- ${word} in ${seconds} s --`];
  }
}

/** Returns the last messages, after the number of those before. */
function limit(messages: readonly Outcome[]): (Outcome | number)[] {
  const hidden = messages.length - MAX_PENDING;
  return hidden > 0 ? [hidden, ...messages.slice(hidden)] : [...messages];
}

function describe(message: Outcome | number): string {
  if (typeof message === "number") return `${message} more`;
  const text = "text" in message ? excerpt(message.text, MAX_CHARS) : message.type;
  const error = message.state === "failed" && message.error;
  return error ? `${text} (${escapeForTerminal(error.message)})` : text;
}
