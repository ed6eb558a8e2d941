// What stands between the log and the line that is being written: what we have said and is not in the log yet, and the
// state of the connection when it is bad. Draws lines; never writes to the terminal.
import type { Outcome, State } from "../../sdk/types.d.ts";
import { escapeForTerminal } from "../../protocol/terminal_safe.ts";
import { excerpt } from "./lines.ts";

/** A drop healed within this time shows nothing. */
const GRACE_MS = 2_000;

/** The rest of them is only counted: the footer must leave room for the log. */
const MAX_SHOWN = 5;

/** So that a message takes one row of most terminals. */
const MAX_CHARS = 60;

export class ChatFooter {
  readonly #dim: (text: string) => string;
  /** By id, oldest first. */
  readonly #messages = new Map<string, Outcome>();
  #state: State = "connecting";
  #wasOnline = false;
  #offlineSince: number;
  /** The newest in the log. */
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

  /** Ours stay until they are in the log, which is later than acknowledged. */
  showPending(message: Outcome): void {
    const isOver = message.state === "discarded" ||
      message.state === "sent" && message.seq <= this.#lastSeq;
    if (isOver) this.#messages.delete(message.id);
    else this.#messages.set(message.id, message);
  }

  /** The log has come to this entry, or to the end of a gap. */
  settle(seq: number): void {
    this.#lastSeq = seq;
    for (const message of this.#messages.values()) this.showPending(message);
  }

  /** Another history begins. */
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

/** The last of them, and how many there are before. */
function limit(messages: readonly Outcome[]): (Outcome | number)[] {
  const hidden = messages.length - MAX_SHOWN;
  return hidden > 0 ? [hidden, ...messages.slice(hidden)] : [...messages];
}

function describe(message: Outcome | number): string {
  if (typeof message === "number") return `${message} more`;
  const text = "text" in message ? excerpt(message.text, MAX_CHARS) : message.type;
  const error = message.state === "failed" && message.error;
  return error ? `${text} (${escapeForTerminal(error.message)})` : text;
}
