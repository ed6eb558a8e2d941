// An entry of `confab.v1` as JSON, and as the entry that the transcript is made of.
import type { Entry, From, Kind } from "../wire/message.ts";

/** What an entry is in JSON: docs/protocol.md. Which fields there are depends on its kind. */
export interface EntryLine {
  readonly type: "entry";
  readonly seq: number;
  readonly id?: string;
  readonly kind: Kind;
  readonly from: From;
  readonly at: number;
  readonly text?: string;
  readonly emoji?: string;
  readonly ref?: number;
  readonly replyTo?: number;
  readonly on?: boolean;
}

export function toEntry(line: EntryLine): Entry {
  return {
    seq: line.seq,
    at: line.at,
    kind: line.kind,
    author: "",
    name: line.from.name,
    tag: line.from.tag,
    id: line.id ?? "",
    text: line.text ?? line.emoji ?? "",
    ref: line.ref ?? line.replyTo ?? 0,
    on: line.on ?? true,
  };
}
