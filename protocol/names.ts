// What things are called. A person chooses a name and has a key that nobody else knows; the author is the hash of it.
// A room is its name. Pure functions.
import { sha256 } from "../base/sha256.ts";
import { ChatError } from "./errors.ts";

/** A key is a secret: at least this long, so that nobody guesses it. */
const MIN_KEY_BYTES = 16;
const MAX_KEY_BYTES = 256;

const MAX_NAME_CHARS = 32;

/** Length of an author's hash: 128 bits. */
const AUTHOR_CHARS = 26;

/** Length of a tag, where no other author has the same beginning. */
const MIN_TAG_CHARS = 4;

/** Digits and lower-case letters without i, l, o and u, which are easily misread (Crockford's base 32). */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** Characters that show nothing, or change the direction of what stands around them. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\u115f\u1160\u3164\uffa0\u034f]/u;

/**
 * The author behind a key: 128 bits of its SHA-256, 26 characters.
 * @throws {ChatError} `bad_field` when the key is too short to be a secret.
 */
export function hashKey(key: string): string {
  const bytes = new TextEncoder().encode(key);
  if (bytes.length < MIN_KEY_BYTES || bytes.length > MAX_KEY_BYTES) {
    throw new ChatError("bad_field", {
      message: `Cannot read "key": expected ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES} bytes, ` +
        `received ${bytes.length}`,
    });
  }
  const hash = sha256(bytes).toString("hex");
  return toDigits(hash.slice(0, 32), AUTHOR_CHARS);
}

/** The lowest bits of a number in hexadecimal, five for each character. */
function toDigits(hex: string, count: number): string {
  let bits = BigInt(`0x${hex}`);
  let digits = "";
  for (let n = 0; n < count; n++) {
    digits += ALPHABET[Number(bits & 31n)];
    bits >>= 5n;
  }
  return digits;
}

/**
 * The name in NFC, without white space around it and with single spaces inside.
 * @throws {ChatError} `bad_name` when nothing is left, when it is too long, or when some of it cannot be seen.
 */
export function parseName(name: string): string {
  const trimmed = name.normalize("NFC").trim();
  const parsed = trimmed.replace(/\s+/gu, " ");
  if (parsed === "" || [...parsed].length > MAX_NAME_CHARS || INVISIBLE.test(trimmed)) {
    throw new ChatError("bad_name");
  }
  return parsed;
}

/** How the author of who has no key begins. Shows as the tag `0000`; no hash has a `u` in it. */
const NO_KEY = "0000u";

/**
 * Who says something without a key is nobody in particular. All who do so under one name are one author, which tells
 * their messages' ids from those under another.
 */
export function anonymousAuthor(name: string): string {
  const hash = sha256(name).toString("hex");
  return NO_KEY + toDigits(hash, AUTHOR_CHARS - NO_KEY.length);
}

/** The author of what operators do by a program that has no key. Shows as the tag `oper`; no hash has an `o` in it. */
export const OPERATOR = "operator";

/** Whether the author has no key, and is nobody in particular. */
export function isAnonymous(author: string): boolean {
  return author.startsWith(NO_KEY);
}

/** The room of `/`. */
export const LOBBY = "lobby";

const ROOM_NAME = /^[\p{L}\p{N}_-][\p{L}\p{M}\p{N}_-]{0,63}$/u;

/** The room that a segment of a URL's path names; undefined when it is no name of a room. */
export function parseRoomName(segment: string): string | undefined {
  let name: string;
  try {
    name = decodeURIComponent(segment);
  } catch {
    return undefined; // not UTF-8
  }
  // One room has one name: other spellings of it are not found, rather than a room of their own.
  const isPlain = name === name.normalize("NFC") && name === name.toLowerCase();
  return isPlain && ROOM_NAME.test(name) ? name : undefined;
}

/** The tag of an author who has no name yet. */
export function shortestTag(author: string): string {
  return tagsOf(author).next().value!;
}

/** The tags that an author may have beside a name, shortest first. Who has a key never has the tag of who has none. */
export function* tagsOf(author: string): Generator<string> {
  const isAlike = NO_KEY.startsWith(author.slice(0, MIN_TAG_CHARS)) && !isAnonymous(author);
  for (let length = MIN_TAG_CHARS + (isAlike ? 1 : 0); length <= author.length; length++) {
    yield author.slice(0, length);
  }
}
