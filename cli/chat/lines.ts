// Entries of a room as lines for a terminal: `20:58 Ann: hi`, and a line of its own where a day begins. Remembers what
// they may refer to. Of what comes from others nothing is drawn before it is made escapeForTerminal.
import type { EntryLine, From, Gap } from "../../sdk/types.d.ts";
import { dayKey } from "../../sdk/time.js";
import { escapeForTerminal } from "../../protocol/terminal_safe.ts";
import { describeModeration } from "../../protocol/transcript.ts";

/** Messages, and names, that are remembered: what refers to an older one goes without. */
const MAX_REMEMBERED = 1_000;

/** Of the message that a reaction is to. */
const EXCERPT_CHARS = 30;

/** Lines after a message's first begin below the name: none can pass for a message of its own. */
const INDENT = "      ";
const TAB = "    ";

const DIM = 2;
/** Those that can be read on black and on white: red to cyan. */
const NAME_COLOURS = [31, 32, 33, 34, 35, 36];

export interface ChatLinesOptions {
  readonly hasColour: boolean;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export class ChatLines {
  readonly #hasColour: boolean;
  /** Of the entry before. */
  #day: string;
  /** Whose a message is, and how it begins, by its seq. */
  readonly #said = new Map<number, { who: string; excerpt: string }>();
  /** Who used a name first, by the name. */
  readonly #tags = new Map<string, string>();

  constructor({ hasColour, now = Date.now }: ChatLinesOptions) {
    this.#hasColour = hasColour;
    this.#day = dayKey(now());
  }

  /** One entry, told the order in which they come. Several lines where its text has several. */
  draw(entry: EntryLine): string {
    const who = this.#nameOf(entry.from);
    const day = dayKey(entry.at);
    const dayLine = day === this.#day ? "" : `-- ${day} --\n`;
    this.#day = day;
    const line = `${clock(entry.at)} ${this.#colour(who)}${this.#tell(entry)}`;
    if (entry.kind === "say") remember(this.#said, entry.seq, { who, excerpt: quote(entry.text) });
    if (entry.kind === "edit") {
      const said = this.#said.get(entry.ref);
      if (said) said.excerpt = quote(entry.text);
    }
    return dayLine + line;
  }

  /** Text of the program's own, of which no part is from others: set back. */
  dim(text: string): string {
    return this.#hasColour ? `\x1b[${DIM}m${text}\x1b[22m` : text;
  }

  /** Another history begins. */
  forget(): void {
    this.#said.clear();
  }

  #tell(entry: EntryLine): string {
    const said = this.#said.get(refOf(entry));
    switch (entry.kind) {
      case "say":
        return `${said ? ` (to ${said.who})` : ""}: ${indent(entry.text)}`;
      case "edit":
        return ` (edited): ${indent(entry.text)}`;
      case "delete":
        return said && said.who !== this.#nameOf(entry.from)
          ? ` deleted a message of ${said.who}`
          : " deleted a message";
      case "react": {
        const emoji = escapeForTerminal(entry.emoji);
        const to = said?.excerpt ?? "an earlier message";
        return entry.on ? ` ${emoji} ${to}` : ` took ${emoji} back from ${to}`;
      }
      case "close":
        return ` ${describeModeration(entry, formatTime)}`;
      case "ban": {
        const { on, who, until } = entry;
        const act = describeModeration({ on, banned: { who, until } }, formatTime);
        return ` ${escapeForTerminal(act)}`;
      }
    }
  }

  /** A second person with the name is told from the first. */
  #nameOf({ name, tag }: From): string {
    const shown = escapeForTerminal(name) || "no name";
    const first = this.#tags.get(shown);
    if (first === undefined) remember(this.#tags, shown, tag);
    // One person may have a longer tag later on.
    const isFirst = first === undefined || first.startsWith(tag) || tag.startsWith(first);
    return isFirst ? shown : `${shown}#${escapeForTerminal(tag)}`;
  }

  #colour(name: string): string {
    if (!this.#hasColour) return name;
    let hash = 0;
    for (const char of name) hash = (hash * 31 + char.codePointAt(0)!) % 65_521;
    return `\x1b[${NAME_COLOURS[hash % NAME_COLOURS.length]}m${name}\x1b[39m`;
  }
}

/** The message that an entry is about; 0 for none. */
function refOf(entry: EntryLine): number {
  if (entry.kind === "say") return entry.replyTo ?? 0;
  return entry.kind === "close" ? 0 : entry.ref;
}

/** In place of entries that do not come. */
export function drawGap({ count }: Pick<Gap, "count">): string {
  return `-- ${count} ${count === 1 ? "message is" : "messages are"} no longer kept --`;
}

/** The beginning of a text, in one line. */
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

/** The oldest goes where there are too many. */
function remember<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.set(key, value);
  if (map.size > MAX_REMEMBERED) map.delete(map.keys().next().value!);
}
