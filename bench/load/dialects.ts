// Defines the differences between the servers under load: the path to connect to, the handshake before the chat, how to
// send a line, and how to find lines in received texts.
import { Buffer } from "node:buffer";
import type { LineFormat, Text } from "./finder.ts";
import { LINE_BYTES, NUMBER_AT, NUMBER_END } from "./line.ts";

/** Identity of a client, for servers that require one. */
export interface Who {
  readonly name: string;
  /** Further fields of its first message, for example to resume. */
  readonly hello?: Readonly<Record<string, unknown>>;
}

/** Reaction to a text of the server. */
export interface Answer {
  readonly reply?: string;
  /** Whether the client has joined now. */
  readonly isReady?: boolean;
}

export interface Dialect extends LineFormat {
  readonly path: string;
  /** Headers of the upgrade, besides those that every upgrade has. */
  readonly headers: readonly string[];
  /** Message that a client sends as soon as it is connected. */
  greet(who: Who): Answer;
  /** Returns the message that sends a line. */
  say(line: string): string;
  /** Returns the reaction to a text that contains no line. Called for all such texts, so it looks before it decodes. */
  answer(text: Text): Answer | undefined;
}

const LINES: Dialect = {
  path: "/ws",
  headers: [],
  greet: () => ({ isReady: true }),
  say: (line) => line,
  findLine: ({ from, to }) => to - from === LINE_BYTES ? from : -1,
  answer: () => undefined,
};

/** The text of an entry is its last field, between these two byte sequences. */
const TEXT = Buffer.from(':"');
const TEXT_END = Buffer.from('"}');

/**
 * Beginning of an entry, by which it differs from all other types. Checking only this is cheap enough for each line.
 */
const ENTRY = Buffer.from("en");
const TYPE_AT = '{"type":"'.length;
const WELCOME = Buffer.from('{"type":"welcome"');

const CONFAB_V1: Dialect = {
  path: "/ws",
  headers: ["Sec-WebSocket-Protocol: confab.v1"],
  greet({ name, hello }) {
    const key = `${name} ${crypto.randomUUID()}`;
    return { reply: JSON.stringify({ type: "hello", name, key, history: 0, ...hello }) };
  },
  // Sender and number make an id that is unique for a client, even for one that both calls the roll and sends.
  say: (line) => JSON.stringify({ type: "say", id: line.slice(0, NUMBER_END), text: line }),
  findLine(text) {
    const at = text.to - LINE_BYTES - TEXT_END.length;
    const isLine = standsAt(text, { at: text.from + TYPE_AT, what: ENTRY }) &&
      standsAt(text, { at: at - TEXT.length, what: TEXT }) &&
      standsAt(text, { at: at + LINE_BYTES, what: TEXT_END });
    return isLine ? at : -1;
  },
  answer: (text) =>
    standsAt(text, { at: text.from, what: WELCOME }) ? { isReady: true } : undefined,
};

/** Packets of Engine.IO 4 and of Socket.IO protocol 5 inside. */
const EVENT = Buffer.from('42["line","');
const EVENT_END = Buffer.from('"]');
const ACK = Buffer.from("43");
const OPEN = Buffer.from("0{");
const CONNECTED = Buffer.from("40");
const PING = Buffer.from("2");

const SOCKET_IO: Dialect = {
  path: "/socket.io/?EIO=4&transport=websocket",
  headers: [],
  greet: () => ({}),
  say: (line) => `42${line.slice(NUMBER_AT, NUMBER_END)}${JSON.stringify(["line", line])}`,
  findLine(text) {
    const at = text.from + EVENT.length;
    const isLine = text.to - text.from === EVENT.length + LINE_BYTES + EVENT_END.length &&
      standsAt(text, { at: text.from, what: EVENT });
    return isLine ? at : -1;
  },
  answer(text) {
    const is = (what: Uint8Array) => standsAt(text, { at: text.from, what });
    if (is(ACK)) return undefined;
    if (is(OPEN)) return { reply: "40" };
    if (is(CONNECTED)) return { isReady: true };
    return is(PING) ? { reply: "3" } : undefined;
  },
};

/** Dialects by their names on the command line. */
export const DIALECTS = { "lines": LINES, "confab.v1": CONFAB_V1, "socket.io": SOCKET_IO } as const;

export type DialectName = keyof typeof DIALECTS;

/** Returns a dialect by its name. @throws if there is none */
export function parseDialect(name: string): DialectName {
  if (Object.hasOwn(DIALECTS, name)) return name as DialectName;
  const known = Object.keys(DIALECTS).join(", ");
  throw new Error(`Cannot parse flag "--dialect": expected one of ${known}, received "${name}"`);
}

function standsAt({ bytes, from, to }: Text, { at, what }: { at: number; what: Uint8Array }) {
  if (at < from || at + what.length > to) return false;
  for (let i = 0; i < what.length; i++) {
    if (bytes[at + i] !== what[i]) return false;
  }
  return true;
}
