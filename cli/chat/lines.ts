// Draws entries of a room as lines for a terminal: `20:58 Ann#k3f9ab: hi`, and a separate line for a new day. Remembers the
// messages that later entries may refer to. Everything that comes from others is escaped.
import type { EntryLine, From, Gap } from "../../sdk/types.d.ts";
import { LOOKALIKES } from "../../sdk/lookalikes.js";
import { Names } from "../../sdk/names.js";
import { dayKey } from "../../sdk/time.js";
import { encodeAuthor, escapeName } from "../../protocol/byline.ts";
import { escapeForTerminal } from "../../protocol/terminal_safe.ts";
import { describeModeration } from "../../protocol/transcript.ts";
import { INDENT } from "./wrap.ts";

/** Maximum messages to remember. References to older ones are drawn without them. */
const MAX_REMEMBERED = 1_000;

/** Maximum characters of a quoted message. */
const EXCERPT_CHARS = 30;

const TAB = "    ";

const DIM = 2;
/** Colors that are legible on black and on white: red to cyan. */
const NAME_COLORS = [31, 32, 33, 34, 35, 36];

export interface ChatLinesOptions {
  readonly hasColor: boolean;
  /** Clock, in milliseconds since 1970. */
  readonly now?: () => number;
}

export class ChatLines {
  readonly #hasColor: boolean;
  /** Day of the previous entry. */
  #day: string;
  /** Author and excerpt of each message, by its seq. */
  readonly #messages = new Map<number, { from: From; excerpt: string }>();
  readonly #names = new Names(LOOKALIKES);

  constructor({ hasColor, now = Date.now }: ChatLinesOptions) {
    this.#hasColor = hasColor;
    this.#day = dayKey(now());
  }

  /** Draws an entry, on one or more lines. Must be called in the order of the entries. */
  draw(entry: EntryLine): string {
    const { from } = entry;
    const day = dayKey(entry.at);
    const dayLine = day === this.#day ? "" : `-- ${day} --\n`;
    this.#day = day;
    const line = `${clock(entry.at)} ${this.#drawAuthor(from)}${this.#describe(entry)}`;
    if (entry.kind === "say") {
      remember(this.#messages, entry.seq, {
        from,
        excerpt: entry.deleted ? "a deleted message" : quote(entry.text),
      });
    }
    if (entry.kind === "edit") {
      const message = this.#messages.get(entry.ref);
      if (message && !entry.deleted) message.excerpt = quote(entry.text);
    }
    return dayLine + line;
  }

  /** Dims a text of the program itself, without any text from others. */
  dim(text: string): string {
    return this.#hasColor ? `\x1b[${DIM}m${text}\x1b[22m` : text;
  }

  /** Starts a new history: forgets the messages of the old one. */
  forget(): void {
    this.#messages.clear();
  }

  #describe(entry: EntryLine): string {
    const message = this.#messages.get(refOf(entry));
    switch (entry.kind) {
      case "say":
        if (entry.deleted) return ": (deleted)";
        return `${message ? ` (to ${nameOf(message.from)})` : ""}: ${indent(entry.text)}`;
      case "edit":
        if (entry.deleted) return " edited a deleted message";
        return ` (edited): ${indent(entry.text)}`;
      case "delete":
        return message && message.from.tag !== entry.from.tag
          ? ` deleted a message of ${nameOf(message.from)}`
          : " deleted a message";
      case "react": {
        const emoji = escapeForTerminal(entry.emoji);
        const to = message?.excerpt ?? "an earlier message";
        return entry.on ? ` ${emoji} ${to}` : ` took ${emoji} back from ${to}`;
      }
      case "close":
        return ` ${describeModeration({ on: entry.on }, formatTime)}`;
      case "ban": {
        const { on, who, until } = entry;
        return ` ${describeModeration({ on, banned: { who, until } }, formatTime)}`;
      }
    }
  }

  /** Draws name and tag: two people may have names that look alike, but never one tag. Then the tag is not dim. */
  #drawAuthor(from: From): string {
    const { name, tag } = from;
    this.#names.add(from);
    if (!this.#hasColor || name === "") return nameOf(from);
    const mark = tag && `#${escapeForTerminal(tag)}`;
    return this.#color(escapeName(name)) + (this.#names.isShared(name) ? mark : this.dim(mark));
  }

  #color(name: string): string {
    let hash = 0;
    for (const char of name) hash = (hash * 31 + char.codePointAt(0)!) % 65_521;
    return `\x1b[${NAME_COLORS[hash % NAME_COLORS.length]}m${name}\x1b[39m`;
  }
}

function nameOf(from: From): string {
  return from.name === "" ? "no name" : encodeAuthor(from);
}

/** Returns the seq of the message that an entry refers to; 0 for none. */
function refOf(entry: EntryLine): number {
  if (entry.kind === "say") return entry.replyTo ?? 0;
  return entry.kind === "close" ? 0 : entry.ref;
}

/** Draws a line in place of entries that are no longer stored. */
export function drawGap({ count }: Pick<Gap, "count">): string {
  return `-- ${count} ${count === 1 ? "message is" : "messages are"} no longer kept --`;
}

/** Returns the start of a text, on one line, escaped. */
export function excerpt(text: string, maxChars: number): string {
  const chars = [...escapeForTerminal(text.replace(/\s+/g, " ").trim())];
  return chars.length > maxChars ? `${chars.slice(0, maxChars).join("")}…` : chars.join("");
}

function quote(text: string): string {
  return `"${excerpt(text, EXCERPT_CHARS)}"`;
}

function indent(text: string): string {
  return text.replaceAll("\t", TAB).split(/\r?\n/).map(escapeForTerminal).join(`\n${INDENT}`);
}

function formatTime(at: number): string {
  return `${dayKey(at)} ${clock(at)}`;
}

function clock(at: number): string {
  const pad = (part: number) => String(part).padStart(2, "0");
  const time = new Date(at);
  return `${pad(time.getHours())}:${pad(time.getMinutes())}`;
}

/** Adds an item, and removes the oldest one if there are too many. */
function remember<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.set(key, value);
  if (map.size > MAX_REMEMBERED) map.delete(map.keys().next().value!);
}
