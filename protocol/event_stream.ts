// Encodes server-sent events (HTML standard, section 9.2): each line of `confab.v1` is the data of one event. Entries are
// unnamed events whose id is their seq. Everything else has an event name, so that readers who want only entries see nothing
// else. docs/protocol.md describes the same.
import { jitterMs } from "../base/retry.ts";
import { Frame } from "./frame.ts";
import { JSON_LINES } from "./confab_v1.ts";
import { encodeEntry } from "./entry.ts";
import type { Notice, Wire } from "./message.ts";

/** Bounds of the random reconnect delay: readers that are closed together must not reconnect together. */
const MIN_RETRY_MS = 500;
const MAX_RETRY_MS = 2_000;

/** Comment, which readers skip. */
const HEARTBEAT = new Frame(":\n");

/** Encoder of event streams. A frame is events that end in a newline, without the last newline of the blank line. */
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

/** Encodes the id that a reader resumes behind. A reader that has seen no entry needs one as well. */
function encodeId(notice: Notice): string {
  if (notice.type === "welcome") {
    const retryMs = jitterMs({ minMs: MIN_RETRY_MS, maxMs: MAX_RETRY_MS }, Math.random());
    return `id: ${notice.after}\nretry: ${Math.round(retryMs)}\n`;
  }
  return notice.type === "gap" ? `id: ${notice.to}\n` : "";
}
