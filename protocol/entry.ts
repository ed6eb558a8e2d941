// Encodes entries as the JSON lines of `confab.v1`, and decodes such lines, which may come from anybody. Pure functions.
import type { Edited, Entry, From } from "./message.ts";

/** Entry in JSON: docs/protocol.md. Its kind determines the other fields. */
export type EntryLine =
  & {
    readonly type: "entry";
    readonly seq: number;
    readonly id?: string;
    readonly from: From;
    /** Milliseconds since 1970. */
    readonly at: number;
  }
  & (
    | {
      readonly kind: "say";
      /** Empty if the message was deleted. */
      readonly text: string;
      readonly replyTo?: number;
      readonly deleted?: true;
      /** Last edit. Present in pages of history only. */
      readonly edited?: Edited;
    }
    | {
      readonly kind: "edit";
      readonly ref: number;
      readonly text: string;
      readonly deleted?: true;
    }
    | { readonly kind: "delete"; readonly ref: number }
    | { readonly kind: "react"; readonly ref: number; readonly emoji: string; readonly on: boolean }
    | { readonly kind: "close"; readonly on: boolean }
    | {
      readonly kind: "ban";
      readonly ref: number;
      readonly who: From;
      readonly until: number;
      readonly on: boolean;
    }
  );

/** Latest time that exists (ECMA-262, section 21.4.1.1). */
const MAX_TIME = 8.64e15;

const DELETED = ',"deleted":true';

/** Encodes an entry as a line, without its newline. The author's hash is not part of it. */
export function encodeEntry(entry: Entry): string {
  const { seq, id, kind, name, tag, at, text, ref, on } = entry;
  const head = `{"type":"entry","seq":${seq}${id && `,"id":${JSON.stringify(id)}`},` +
    `"kind":"${kind}","from":{"name":${JSON.stringify(name)},"tag":"${tag}"},"at":${at}`;
  switch (kind) {
    case "say":
      return `${head},"text":${JSON.stringify(text)}${ref ? `,"replyTo":${ref}` : ""}${
        on ? "" : DELETED
      }${entry.edited ? encodeEdited(entry.edited) : ""}}`;
    case "edit":
      return `${head},"ref":${ref},"text":${JSON.stringify(text)}${on ? "" : DELETED}}`;
    case "delete":
      return `${head},"ref":${ref}}`;
    case "react":
      return `${head},"ref":${ref},"emoji":${JSON.stringify(text)},"on":${on}}`;
    case "close":
      return `${head},"on":${on}}`;
    case "ban": {
      const { who: { name, tag }, until } = entry.banned!;
      const who = JSON.stringify({ name, tag });
      return `${head},"ref":${ref},"who":${who},"until":${until},"on":${on}}`;
    }
  }
}

/**
 * Decodes a parsed line. Its author is empty. Fields that it does not know are ignored, and a kind that it does not know
 * is kept, for both may be those of a newer server.
 * @throws {Error} when the line lacks a field that every entry of its kind has.
 */
export function decodeEntry(line: unknown): Entry {
  const fields = (line ?? {}) as Readonly<Record<string, unknown>>;
  const { seq, kind, at, text, emoji } = fields;
  const from = decodeFrom(fields["from"]);
  const who = kind === "ban" ? decodeFrom(fields["who"]) : undefined;
  const { until } = fields;
  const edited = decodeEdited(fields["edited"]);
  const isEntry = Number.isSafeInteger(seq) && isTime(at) && from &&
    [kind, text ?? emoji ?? ""].every(isText) && (kind !== "ban" || who && isTime(until));
  if (!isEntry) {
    throw new Error("Cannot read the response: it is not an entry. Is it a Confab room?");
  }
  return {
    seq,
    at,
    kind,
    author: "",
    ...from,
    id: fields["id"] ?? "",
    text: text ?? emoji ?? "",
    ref: fields["ref"] ?? fields["replyTo"] ?? 0,
    on: fields["on"] ?? fields["deleted"] !== true,
    ...edited ? { edited } : {},
    ...who ? { banned: { who, until } } : {},
  } as Entry;
}

function encodeEdited({ seq, text }: Edited): string {
  return `,"edited":{"seq":${seq},"text":${JSON.stringify(text)}}`;
}

function decodeEdited(value: unknown): Edited | undefined {
  const { seq, text } = (value ?? {}) as Partial<Record<string, unknown>>;
  return Number.isSafeInteger(seq) && isText(text) ? { seq, text } as Edited : undefined;
}

function decodeFrom(value: unknown): From | undefined {
  const { name, tag } = (value ?? {}) as Partial<Record<string, unknown>>;
  return isText(name) && isText(tag) ? { name, tag } : undefined;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) <= MAX_TIME;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
