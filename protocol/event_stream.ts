// The wire of server-sent events (HTML standard, section 9.2): what `confab.v1` says, each line the data of one event.
// Entries are plain messages whose id is their seq; everything else has a name, so that whoever wants entries only sees
// nothing else. docs/protocol.md describes the same.
import { Frame } from "./frame.ts";
import { JSON_LINES } from "./confab_v1.ts";
import { encodeEntry } from "./entry.ts";
import type { Notice, Wire } from "./message.ts";

/** When a reader is to come back, at random between: a crowd that is sent away together must not come back together. */
const MIN_RETRY_MS = 500;
const MAX_RETRY_MS = 2_000;

/** A comment, which readers skip. */
const HEARTBEAT = new Frame(":\n");

/** A frame is events that end in a newline, but for the last line's own. */
export const EVENT_STREAM: Wire = {
  protocol: "",
  encode: (entries) =>
    new Frame(
      entries.map((entry) => `id: ${entry.seq}\ndata: ${encodeEntry(entry)}\n`).join("\n"),
    ),
  encodeNotice(notice) {
    if (notice.type === "pong") return HEARTBEAT;
    const data = JSON_LINES.encodeNotice(notice)!.text;
    return new Frame(`event: ${notice.type}\n${encodeId(notice)}data: ${data}\n`);
  },
};

/** The id makes a reader resume behind it: one that has seen no entry yet must have one as well. */
function encodeId(notice: Notice): string {
  if (notice.type === "welcome") {
    const retryMs = MIN_RETRY_MS + Math.random() * (MAX_RETRY_MS - MIN_RETRY_MS);
    return `id: ${notice.after}\nretry: ${Math.round(retryMs)}\n`;
  }
  return notice.type === "gap" ? `id: ${notice.to}\n` : "";
}
