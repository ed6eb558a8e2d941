// Saves the room as a file. Loaded when somebody asks for one.
import { el } from "./dom.js";
import { Messages, toLines } from "../sdk/messages.js";
import { clock, dayKey } from "../sdk/time.js";

/** @import { EntryLine } from "../sdk/types.d.ts" */

/** Downloads a file. @param {string} name its ending determines the format @param {EntryLine[]} entries oldest first */
export function saveEntries(name, entries) {
  const kept = withoutDeleted(entries);
  const text = name.endsWith(".json") ? JSON.stringify(kept, null, 2) : toText(kept);
  const link = el("a", "");
  link.href = URL.createObjectURL(new Blob([text]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * Blanks what was deleted while the pages were read: an older page knows of it, a newer one may have the text of an edit.
 * @param {EntryLine[]} entries
 * @returns {EntryLine[]}
 */
function withoutDeleted(entries) {
  const gone = new Set(
    entries.map((entry) =>
      entry.kind === "delete" ? entry.ref : entry.kind === "say" && entry.deleted ? entry.seq : 0
    ),
  );
  return entries.map((entry) =>
    entry.kind === "edit" && gone.has(entry.ref) ? { ...entry, text: "", deleted: true } : entry
  );
}

/** Folds the entries and formats each message. @param {EntryLine[]} entries */
function toText(entries) {
  const messages = new Messages();
  for (const entry of entries) messages.add(entry);
  return messages.all().map(({ at, from, text, isDeleted }) =>
    `${dayKey(at)} ${clock(at)} ${toLines(from, isDeleted ? "(deleted)" : text)}\n`
  ).join("");
}
