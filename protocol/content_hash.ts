// Hashes the content of messages: a message that comes with a known id is a repeat only if its content is the same.
import { sha256 } from "../base/sha256.ts";
import type { Entry, Message } from "./message.ts";

const HASH_BYTES = 16;
const MINUTE_MS = 60_000;

/** Message, draft or entry, as far as its client chose it. The name is not part of it: a repeat may come after a rename. */
export type Content =
  & Pick<Message, "kind" | "text" | "ref" | "on">
  & Partial<Pick<Message, "ban"> & Pick<Entry, "at" | "banned">>;

/** Returns 128 bits of the hash of the content. The same for a message and for its entry. */
export function hashContent(content: Content): string {
  const { kind, text, ref, on } = content;
  return sha256(JSON.stringify([kind, text, ref, on, banMinutes(content)]))
    .toString("base64url", 0, HASH_BYTES);
}

/** Returns the hash of an entry that is kept; undefined if it was deleted, so that its text cannot be compared. */
export function hashEntry(entry: Entry): string | undefined {
  const isDeleted = (entry.kind === "say" || entry.kind === "edit") && !entry.on;
  return isDeleted ? undefined : hashContent(entry);
}

/** Returns the length of a ban; 0 if it is lifted or there is none. An entry knows its end only. */
function banMinutes({ on, ban, banned, at = 0 }: Content): number {
  if (!on) return 0;
  return ban?.minutes ?? (banned ? (banned.until - at) / MINUTE_MS : 0);
}
