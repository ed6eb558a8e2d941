// What a client's messages mean, on each wire. The client reads and writes; its dialog decodes and passes on.
import { ChatError, type ErrorCode } from "./errors.ts";
import type { Hub } from "./hub.ts";
import { hashKey, parseName } from "./names.ts";
import type { Member } from "./seat.ts";
import type { Wire } from "./wire/message.ts";
import {
  type Command,
  decodeCommand,
  type Hello,
  JSON_LINES,
  MAX_TEXT_BYTES,
} from "./wire/json_lines.ts";
import { decodeLine, decodeText, isLonger, LINES } from "./wire/text.ts";

/** Largest WebSocket message with JSON lines: a text may grow sixfold by JSON's escapes, and a message hold several. */
export const MAX_MESSAGE_BYTES = 128 * 1024;

/** Time for the hello after the upgrade. */
const HELLO_WAIT_MS = 10_000;

/** Lines that are no JSON object before the connection is closed. */
const MAX_BAD_LINES = 3;

/** Typing is passed on once in this time. */
const TYPING_PERIOD_MS = 1_000;

/** The half of a client that knows its wire. */
export interface Dialog {
  readonly wire: Wire;
  /** Whether the hub knows the client. */
  readonly hasJoined: boolean;
  /** Called once, before anything is read. */
  begin(): void;
  /** Takes one inbound message. @throws {ChatError} when the connection is to be closed for it. */
  read(data: string | ArrayBuffer): void;
  /** Called once, when nothing more is to be read. */
  end(): void;
}

/** What a dialog needs of its client. */
export interface Speaker extends Member {
  /** Asks to be let go. With a code, that is why. */
  leave(code?: ErrorCode): void;
}

/** Makes the dialog of one client. */
export type MakeDialog = (speaker: Speaker) => Dialog;

export interface DialogOptions {
  readonly hub: Hub;
  readonly room: string;
}

/** The seed's dialog: every message is a line for everybody. */
export class LinesDialog implements Dialog {
  readonly wire = LINES;
  readonly hasJoined = true;
  readonly #hub: Hub;
  readonly #room: string;
  readonly #speaker: Speaker;

  constructor(speaker: Speaker, { hub, room }: DialogOptions) {
    this.#speaker = speaker;
    this.#hub = hub;
    this.#room = room;
  }

  begin(): void {
    this.#hub.register(this.#speaker, this.#room);
  }

  read(data: string | ArrayBuffer): void {
    const text = decodeLine(data, MAX_TEXT_BYTES);
    this.#hub.broadcast(this.#speaker, { kind: "say", id: "", text, ref: 0, on: true });
  }

  end(): void {/* nothing is under way */}
}

/** The dialog of `confab.v1`: a hello, then commands. */
export class JsonDialog implements Dialog {
  readonly wire = JSON_LINES;
  readonly #hub: Hub;
  readonly #room: string;
  readonly #speaker: Speaker;
  hasJoined = false;
  #badLines = 0;
  #typedAt = 0;
  #helloTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(speaker: Speaker, { hub, room }: DialogOptions) {
    this.#speaker = speaker;
    this.#hub = hub;
    this.#room = room;
  }

  begin(): void {
    this.#helloTimer = setTimeout(() => this.#speaker.leave("hello_timeout"), HELLO_WAIT_MS);
  }

  read(data: string | ArrayBuffer): void {
    if (isLonger(data, MAX_MESSAGE_BYTES)) throw new ChatError("too_long");
    for (const line of decodeText(data).split("\n")) {
      if (line.trim() !== "") this.#readLine(line);
    }
  }

  end(): void {
    clearTimeout(this.#helloTimer);
  }

  #readLine(line: string): void {
    try {
      this.#act(decodeCommand(line));
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      const { code, message, id } = error;
      this.#speaker.tell({ type: "error", code, message, ...id !== undefined ? { id } : {} });
      if (code === "not_json" && ++this.#badLines >= MAX_BAD_LINES) throw error;
    }
  }

  #act(command: Command): void {
    if (command.type === "ping") {
      const { n } = command;
      return this.#speaker.tell({ type: "pong", ...n !== undefined ? { n } : {} });
    }
    if (command.type === "hello") return this.#join(command.hello);
    if (!this.hasJoined) throw new ChatError("hello_first");
    switch (command.type) {
      case "message":
        return this.#hub.broadcast(this.#speaker, command.message);
      case "name":
        return this.#hub.rename(this.#speaker, parseName(command.name));
      case "history":
        return this.#hub.history(this.#speaker, command);
      case "typing":
        if (Date.now() - this.#typedAt < TYPING_PERIOD_MS) return;
        this.#typedAt = Date.now();
        return this.#hub.typing(this.#speaker);
    }
  }

  #join(hello: Hello): void {
    if (this.hasJoined) throw new ChatError("hello_twice");
    const { key, name, ...wish } = hello;
    const arrival = { ...wish, author: hashKey(key), name: name && parseName(name) };
    this.hasJoined = true;
    clearTimeout(this.#helloTimer);
    this.#hub.register(this.#speaker, this.#room, arrival);
  }
}
