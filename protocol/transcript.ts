// Formats a room as text for people and their tools: `time ¶ name#tag: text`, one entry a line. Pure functions.
import { encodeAuthor, encodeOneLine, encodeUnsigned, SIGN } from "./byline.ts";
import { Frame } from "./frame.ts";
import { escapeForTerminal } from "./terminal_safe.ts";
import type { Entry, Gap, Kind, Wire } from "./message.ts";

/** Kinds that show live. */
const SHOWN: readonly Kind[] = ["say", "edit", "close", "ban"];

/** Encoder of live entries: messages, edits and operators' actions. */
export const TRANSCRIPT: Wire = {
  protocol: "",
  encode(entries) {
    const lines = entries.filter(({ kind }) => SHOWN.includes(kind)).map(encodeLine);
    return lines.length > 0 ? new Frame(lines.join("\n")) : undefined;
  },
  encodeNotice(notice) {
    if (notice.type === "error") {
      return new Frame(`${SIGN} -- ${escapeForTerminal(notice.message)} --`);
    }
    return notice.type === "gap" ? new Frame(encodeGap(notice)) : undefined;
  },
};

/** Describes a gap and its reason. */
export function encodeGap({ count, reason }: Pick<Gap, "count" | "reason">): string {
  const what = count === 1 ? "1 entry is" : `${count} entries are`;
  return `${SIGN} -- ${what} ${reason === "skipped" ? "left out" : "no longer kept"} --`;
}

/** Folds the entries: applies edits, omits deleted messages. Each line ends in a newline. */
export function encodeTranscript(entries: readonly Entry[]): string {
  const shown = new Map<number, Entry>();
  const deleted = new Set(entries.filter(({ kind }) => kind === "delete").map(({ ref }) => ref));
  for (const entry of entries) {
    const { seq, kind, ref, text } = entry;
    const isModeration = kind === "close" || kind === "ban";
    if (!isModeration && deleted.has(kind === "say" ? seq : ref)) continue;
    if (isModeration || kind === "say") shown.set(seq, entry);
    else if (kind === "edit") shown.set(ref, { ...shown.get(ref) ?? entry, kind, text });
  }
  return [...shown.values()].map((entry) => `${encodeLine(entry)}\n`).join("");
}

function encodeLine(entry: Entry): string {
  const { at, kind, name, text } = entry;
  const time = timeOf(at);
  if (kind === "close" || kind === "ban") {
    return `${time} ${SIGN} -- ${encodeAuthor(entry)} ${describeModeration(entry, timeOf)} --`;
  }
  if (name === "") return `${time} ${encodeUnsigned(text)}`;
  const edited = kind === "edit" ? " (edited)" : "";
  return `${time} ${SIGN} ${encodeAuthor(entry)}${edited}: ${encodeOneLine(text)}`;
}

/**
 * Describes a `close` or a `ban`, without its author. The name in it is escaped.
 * @param formatTime formats milliseconds since 1970
 */
export function describeModeration(
  { on, banned }: Pick<Entry, "on" | "banned">,
  formatTime: (at: number) => string,
): string {
  if (!banned) return `${on ? "closed" : "opened"} the room`;
  const who = encodeAuthor(banned.who);
  return on ? `banned ${who} until ${formatTime(banned.until)}` : `lifted the ban on ${who}`;
}

function timeOf(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+/, "");
}
