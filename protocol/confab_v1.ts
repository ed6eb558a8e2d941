// Implements the protocol `confab.v1`: a WebSocket message holds one or more JSON objects, one a line, in both directions.
// Pure functions. docs/protocol.md describes the same, and its examples are this module's tests.
import { ChatError } from "./errors.ts";
import { encodeEntry } from "./entry.ts";
import { DEFAULT_LIMITS } from "../base/limits.ts";
import { Frame } from "./frame.ts";
import type { Kind, Message, Notice, WelcomeLine, Wire } from "./message.ts";
import { cleanText, isBlank, isLonger, normalizeText } from "./plain_lines.ts";

const MAX_ID_CHARS = 64;

/** Maximum length of an emoji, which may be a sequence. The longest in Unicode has 35 units of UTF-16. */
const MAX_EMOJI_UNITS = 40;

/** An emoji of Unicode, or a pictograph that a later version may have made one. */
const EMOJI = /^(?:\p{RGI_Emoji}|\p{Extended_Pictographic}\ufe0f?\p{Emoji_Modifier}?)$/v;

/** A pictograph that shows as text unless a variation selector follows. */
const UNQUALIFIED =
  /(?!\p{Emoji_Presentation})\p{Extended_Pictographic}(?![\ufe0f\p{Emoji_Modifier}])/gv;

/** Number of entries in a page of history: maximum and default. */
export const MAX_HISTORY = 500;
export const DEFAULT_HISTORY = 50;

/** Duration of a ban: maximum (a year) and default (an hour). */
const MAX_BAN_MINUTES = 525_600;
const DEFAULT_BAN_MINUTES = 60;

/** First line of a client. */
export interface Hello {
  /** Empty while the person has not chosen a name. */
  readonly name: string;
  readonly key: string;
  /** Resume after this seq; undefined to start anew. */
  readonly after: number | undefined;
  readonly epoch: string | undefined;
  /** Maximum number of entries after a resume: the last ones. */
  readonly maxReplay: number;
  /** Number of entries to start anew with. */
  readonly history: number;
}

/** Line of a client, decoded and checked. */
export type Command =
  | { readonly type: "hello"; readonly hello: Hello }
  | { readonly type: "message"; readonly message: Message }
  | { readonly type: "name"; readonly name: string }
  | { readonly type: "typing" }
  | { readonly type: "history"; readonly before: number; readonly limit: number }
  | { readonly type: "ping"; readonly n: number | undefined };

export type Fields = Readonly<Record<string, unknown>>;

/** Frames of notices that many members receive. */
const shared = new WeakMap<Notice, Frame>();

/** Encoder of JSON lines. */
export const JSON_LINES: Wire = {
  protocol: "confab.v1",
  encode: (entries) => new Frame(entries.map(encodeEntry).join("\n")),
  encodeNotice(notice) {
    const isShared = notice.type === "presence" || notice.type === "typing";
    const known = isShared ? shared.get(notice) : undefined;
    if (known) return known;
    const frame = new Frame(encodeNotice(notice));
    if (isShared) shared.set(notice, frame);
    return frame;
  },
};

/**
 * Decodes a line of a client. Unknown fields are ignored.
 * @throws {ChatError} `not_json`, `unknown_type`, `bad_field` or `too_long`, with the message's id if it has one.
 */
export function decodeCommand(line: string, maxTextBytes?: number): Command {
  return decodeFields(parseObject(line), maxTextBytes);
}

/** Decodes a line that is parsed already, as {@linkcode decodeCommand} does. */
export function decodeFields(
  fields: Fields,
  maxTextBytes: number = DEFAULT_LIMITS.textBytes,
): Command {
  switch (fields["type"]) {
    case "hello":
      return { type: "hello", hello: decodeHello(fields) };
    case "say":
      return decodeMessage("say", fields, () => ({
        text: readText(fields, maxTextBytes),
        ref: fields["replyTo"] === undefined ? 0 : readSeq(fields, "replyTo"),
      }));
    case "edit":
      return decodeMessage("edit", fields, () => ({ text: readText(fields, maxTextBytes) }));
    case "delete":
      return decodeMessage("delete", fields, () => ({}));
    case "react":
      return decodeMessage("react", fields, () => ({
        text: readEmoji(fields),
        on: readOn(fields),
      }));
    case "close":
      return decodeMessage("close", fields, () => ({ on: readOn(fields) }));
    case "ban":
      return decodeMessage("ban", fields, () => ({
        on: readOn(fields),
        ban: {
          minutes: readMinutes(fields),
          withAddresses: readOptional(fields, "address", isBoolean, false),
        },
      }));
    case "name":
      return { type: "name", name: readString(fields, "name") };
    case "typing":
      return { type: "typing" };
    case "history":
      return { type: "history", before: readSeq(fields, "before"), limit: readLimit(fields, 1) };
    case "ping": {
      const n = fields["n"];
      return { type: "ping", n: typeof n === "number" ? n : undefined };
    }
    default:
      throw new ChatError("unknown_type", {
        message: `Cannot read "type": unknown, received ${show(fields["type"])}`,
        ...idOf(fields),
      });
  }
}

function encodeNotice(notice: Notice): string {
  if (notice.type === "page") {
    const entries = notice.entries.map(encodeEntry).join(",");
    return `{"type":"page","before":${notice.before},"entries":[${entries}],"more":${notice.more}}`;
  }
  if (notice.type === "acks") {
    return notice.acks.map(({ id, seq }) =>
      `{"type":"ack","id":${JSON.stringify(id)},"seq":${seq}}`
    ).join("\n");
  }
  if (notice.type === "welcome") {
    const { textBytes, after: _, ...rest } = notice;
    // Clients compare with it, so that it must be a number even without a limit.
    const limits = { textBytes: Math.min(textBytes, Number.MAX_SAFE_INTEGER) };
    return JSON.stringify({ ...rest, limits } satisfies WelcomeLine);
  }
  return JSON.stringify(notice);
}

/** Parses a JSON object. @throws {ChatError} `not_json` for anything else. */
export function parseObject(line: string): Fields {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Fields;
    }
  } catch { /* thrown below */ }
  throw new ChatError("not_json");
}

function decodeHello(fields: Fields): Hello {
  const after = readOptional(fields, "after", isNumber, undefined);
  return {
    name: readOptional(fields, "name", isString, ""),
    key: readString(fields, "key"),
    // A number that no entry can have belongs to another history: start anew.
    after: after !== undefined && !isSeq(after) && after !== 0 ? Infinity : after,
    epoch: readOptional(fields, "epoch", isString, undefined),
    maxReplay: Math.trunc(Math.max(0, readOptional(fields, "most", isNumber, Infinity))),
    history: readLimit(fields, 0, "history"),
  };
}

function decodeMessage(kind: Kind, fields: Fields, rest: () => Partial<Message>): Command {
  const id = readString(fields, "id");
  if ([...id].length > MAX_ID_CHARS || id === "" || id !== cleanText(id)) {
    throw badField("id", `1 to ${MAX_ID_CHARS} characters`, id);
  }
  try {
    const ref = kind === "say" || kind === "close" ? 0 : readSeq(fields, "ref");
    return { type: "message", message: { kind, id, text: "", ref, on: true, ...rest() } };
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    throw new ChatError(error.code, { message: error.message, id });
  }
}

function readText(fields: Fields, maxBytes: number): string {
  const text = normalizeText(readString(fields, "text"));
  if (isBlank(text)) throw badField("text", "non-empty text", text);
  if (isLonger(text, maxBytes)) {
    throw new ChatError("too_long", { message: `The text is longer than ${maxBytes} bytes` });
  }
  return text;
}

function readEmoji(fields: Fields): string {
  const emoji = readString(fields, "emoji");
  // Whatever was accepted once can be taken back.
  const isEmoji = readOn(fields) ? EMOJI.test(qualify(emoji)) : !/[\s\p{Cc}\p{Cs}]/u.test(emoji);
  if (emoji === "" || emoji.length > MAX_EMOJI_UNITS || !isEmoji) {
    throw badField("emoji", "an emoji", emoji);
  }
  return emoji;
}

/** Adds the variation selectors that some keyboards leave out of an emoji. */
function qualify(emoji: string): string {
  return emoji.replace(UNQUALIFIED, "$&\ufe0f");
}

function readOn(fields: Fields): boolean {
  return readOptional(fields, "on", isBoolean, true);
}

function readMinutes(fields: Fields): number {
  const minutes = readOptional(fields, "minutes", isNumber, DEFAULT_BAN_MINUTES);
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= MAX_BAN_MINUTES) return minutes;
  throw badField("minutes", `a whole number from 1 to ${MAX_BAN_MINUTES}`, minutes);
}

function readLimit(fields: Fields, least: number, name = "limit"): number {
  const limit = readOptional(fields, name, isNumber, DEFAULT_HISTORY);
  return Math.trunc(Math.min(Math.max(limit, least), MAX_HISTORY));
}

function readSeq(fields: Fields, name: string): number {
  const value = fields[name];
  if (!isSeq(value)) throw badField(name, "a sequence number", value);
  return value;
}

function isSeq(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function readString(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw badField(name, "a string", value);
  return value;
}

const isString = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => typeof value === "number";
const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";

/** Reads a field that may be missing or null. */
function readOptional<T, D>(
  fields: Fields,
  name: string,
  isType: (value: unknown) => value is T,
  instead: D,
): T | D {
  const value = fields[name] ?? undefined;
  if (value === undefined) return instead;
  if (!isType(value)) throw badField(name, isType.name.replace("is", "a ").toLowerCase(), value);
  return value;
}

/** Makes the error for an invalid field. */
export function badField(name: string, expected: string, received: unknown): ChatError {
  const message = `Cannot read "${name}": expected ${expected}, received ${show(received)}`;
  return new ChatError("bad_field", { message });
}

/** Describes a value for an error message: by its type, for its content may be long or secret. */
function show(value: unknown): string {
  if (value === undefined) return "none";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") {
    return value.length > 20 ? "a longer string" : JSON.stringify(value);
  }
  return value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
}

function idOf(fields: Fields): { id?: string } {
  const id = fields["id"];
  return typeof id === "string" && id !== "" && id.length <= MAX_ID_CHARS ? { id } : {};
}
