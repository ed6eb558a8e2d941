// A room as text for people and their tools: `time name: text`, one entry a line. Pure.
import { Frame } from "./frame.ts";
import type { Entry, Wire } from "./message.ts";

/** Characters that a terminal would obey. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

/** Live: what was said and edited, as it comes. */
export const TRANSCRIPT: Wire = {
  protocol: "",
  encode(entries) {
    const lines = entries.filter(({ kind }) => kind === "say" || kind === "edit").map(encodeLine);
    return lines.length > 0 ? new Frame(lines.join("\n")) : undefined;
  },
  encodeNotice(notice) {
    if (notice.type !== "gap") return undefined;
    return new Frame(
      `-- ${notice.count} ${notice.count === 1 ? "entry is" : "entries are"} no longer kept --`,
    );
  },
};

/** What the entries come to: with their edits, without what was deleted. Ends in a newline, if there is anything. */
export function encodeTranscript(entries: readonly Entry[]): string {
  const said = new Map<number, Entry>();
  for (const entry of entries) {
    const { seq, kind, ref, text } = entry;
    if (kind === "say") said.set(seq, entry);
    else if (kind === "delete") said.delete(ref);
    else if (kind === "edit") said.set(ref, { ...said.get(ref) ?? entry, kind, text });
  }
  return [...said.values()].map((entry) => `${encodeLine(entry)}\n`).join("");
}

function encodeLine({ at, kind, name, text }: Entry): string {
  const time = new Date(at).toISOString().replace(/\.\d+/, "");
  const who = `${name}${kind === "edit" ? " (edited)" : ""}`.trim();
  return `${time} ${who && `${who}: `}${text.replaceAll("\n", " ").replace(CONTROL, "\ufffd")}`;
}
