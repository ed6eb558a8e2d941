// A room as text for people and their tools: `time name: text`, one entry a line. Pure.
import { Frame } from "./frame.ts";
import { harmless } from "./harmless.ts";
import type { Entry, Notice, Wire } from "./message.ts";

type Gap = Pick<Extract<Notice, { type: "gap" }>, "count" | "reason">;

/** Live: what was said and edited, as it comes. */
export const TRANSCRIPT: Wire = {
  protocol: "",
  encode(entries) {
    const lines = entries.filter(({ kind }) => kind === "say" || kind === "edit").map(encodeLine);
    return lines.length > 0 ? new Frame(lines.join("\n")) : undefined;
  },
  encodeNotice(notice) {
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
    if (deleted.has(kind === "say" ? seq : ref)) continue;
    if (kind === "say") said.set(seq, entry);
    else if (kind === "edit") said.set(ref, { ...said.get(ref) ?? entry, kind, text });
  }
  return [...said.values()].map((entry) => `${encodeLine(entry)}\n`).join("");
}

function encodeLine({ at, kind, name, text }: Entry): string {
  const time = new Date(at).toISOString().replace(/\.\d+/, "");
  const who = `${name}${kind === "edit" ? " (edited)" : ""}`.trim();
  return harmless(`${time} ${who && `${who}: `}${text.replace(/[\n\t]/g, " ")}`);
}
