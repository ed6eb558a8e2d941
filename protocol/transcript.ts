// Formats a room as text for people and their tools: `time ¶ name#tag: text`, one entry a line. Pure functions.
import { encodeAuthor, encodeOneLine, encodeUnsigned, SIGN } from "./byline.ts";
import { Frame } from "./frame.ts";
import { escapeForTerminal } from "./terminal_safe.ts";
import type { Edited, Entry, Gap, Kind, Wire } from "./message.ts";

/** Kinds that show live. */
const SHOWN: readonly Kind[] = ["say", "edit", "close", "ban"];

/** Encoder of live entries: messages, edits and operators' actions. */
export const TRANSCRIPT: Wire = {
  protocol: "",
  encode(entries) {
    const lines = entries.filter(isShown).map(encodeLine);
    return lines.length > 0 ? new Frame(lines.join("\n")) : undefined;
  },
  encodeNotice(notice) {
    if (notice.type === "error") {
      return new Frame(`${SIGN} -- ${escapeForTerminal(notice.message)} --`);
    }
    return notice.type === "gap" ? new Frame(encodeGap(notice)) : undefined;
  },
};

/** Line without anything, which readers skip. No entry is shown as one. */
const SIGN_OF_LIFE = new Frame("");

/** Encoder of live entries for a response that goes on. Proxies cut one that is silent for long. */
export const STREAMED_TRANSCRIPT: Wire = {
  ...TRANSCRIPT,
  encodeNotice(notice) {
    if (notice.type === "pong") return SIGN_OF_LIFE;
    // Nobody has to wait for the first message to learn that the stream works.
    if (notice.type === "welcome") return notice.after < notice.head ? undefined : SIGN_OF_LIFE;
    return TRANSCRIPT.encodeNotice(notice);
  },
};

/** A text that was deleted is not shown, unlike an operator's action. */
function isShown({ kind, on }: Entry): boolean {
  return SHOWN.includes(kind) && (on || kind === "close" || kind === "ban");
}

/** Describes a gap and its reason. */
export function encodeGap({ count, reason }: Pick<Gap, "count" | "reason">): string {
  const what = count === 1 ? "1 entry is" : `${count} entries are`;
  return `${SIGN} -- ${what} ${reason === "skipped" ? "left out" : "no longer kept"} --`;
}

/**
 * Folds the entries: applies edits, omits deleted messages. An edit in the entries' own `edited` counts, whatever page it is
 * on. Each line ends in a newline.
 */
export function encodeTranscript(entries: readonly Entry[]): string {
  const shown = new Map<number, Entry>();
  const deleted = new Set(entries.filter(({ kind }) => kind === "delete").map(({ ref }) => ref));
  for (const entry of entries) {
    const { seq, kind, on, ref, edited } = entry;
    if (kind === "close" || kind === "ban") {
      shown.set(seq, entry);
      continue;
    }
    if (!on || deleted.has(kind === "say" ? seq : ref)) continue;
    if (kind === "say") shown.set(seq, edited ? applyEdit(entry, edited) : entry);
    if (kind !== "edit") continue;
    const message = shown.get(ref) ?? entry;
    if (seq >= (message.edited?.seq ?? 0)) shown.set(ref, applyEdit(message, entry));
    else if (message === entry) shown.set(ref, applyEdit(entry, edited!));
  }
  return [...shown.values()].map((entry) => `${encodeLine(entry)}\n`).join("");
}

function applyEdit(message: Entry, { seq, text }: Edited): Entry {
  return { ...message, kind: "edit", text, edited: { seq, text } };
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
