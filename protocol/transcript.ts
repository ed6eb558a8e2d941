// A room as text for people and their tools: `time name: text`, one entry a line. Pure.
import { decodeBanned } from "./ban.ts";
import { Frame } from "./frame.ts";
import { escapeForTerminal } from "./terminal_safe.ts";
import type { Entry, Kind, Notice, Wire } from "./message.ts";

type Gap = Pick<Extract<Notice, { type: "gap" }>, "count" | "reason">;

/** Kinds that a reader of text is shown as they come. */
const SHOWN: readonly Kind[] = ["say", "edit", "close", "ban"];

/** Live: what was said and edited, and what an operator has done, as it comes. */
export const TRANSCRIPT: Wire = {
  protocol: "",
  encode(entries) {
    const lines = entries.filter(({ kind }) => SHOWN.includes(kind)).map(encodeLine);
    return lines.length > 0 ? new Frame(lines.join("\n")) : undefined;
  },
  encodeNotice(notice) {
    if (notice.type === "error") return new Frame(`-- ${escapeForTerminal(notice.message)} --`);
    return notice.type === "gap" ? new Frame(encodeGap(notice)) : undefined;
  },
};

/** That entries do not come, and why. */
export function encodeGap({ count, reason }: Gap): string {
  const what = count === 1 ? "1 entry is" : `${count} entries are`;
  return `-- ${what} ${reason === "skipped" ? "left out" : "no longer kept"} --`;
}

/** What the entries come to: with their edits, without what was deleted. Ends in a newline, if there is anything. */
export function encodeTranscript(entries: readonly Entry[]): string {
  const said = new Map<number, Entry>();
  const deleted = new Set(entries.filter(({ kind }) => kind === "delete").map(({ ref }) => ref));
  for (const entry of entries) {
    const { seq, kind, ref, text } = entry;
    const isAct = kind === "close" || kind === "ban";
    if (!isAct && deleted.has(kind === "say" ? seq : ref)) continue;
    if (isAct || kind === "say") said.set(seq, entry);
    else if (kind === "edit") said.set(ref, { ...said.get(ref) ?? entry, kind, text });
  }
  return [...said.values()].map((entry) => `${encodeLine(entry)}\n`).join("");
}

function encodeLine(entry: Entry): string {
  const { at, kind, name, text } = entry;
  const time = timeOf(at);
  if (kind === "close" || kind === "ban") {
    return escapeForTerminal(`${time} -- ${tellAct(entry)} --`);
  }
  const who = `${name}${kind === "edit" ? " (edited)" : ""}`.trim();
  return escapeForTerminal(`${time} ${who && `${who}: `}${text.replace(/[\n\t]/g, " ")}`);
}

/** What an operator has done to the room, or to somebody. */
function tellAct({ kind, name, on, text }: Entry): string {
  if (kind === "close") return `${name} ${on ? "closed" : "opened"} the room`;
  const { who, until } = decodeBanned(text);
  const whom = `${who.name}#${who.tag}`;
  return on ? `${name} banned ${whom} until ${timeOf(until)}` : `${name} lifted the ban on ${whom}`;
}

function timeOf(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+/, "");
}
