// Parses and derives names. A person chooses a name and has a secret key; the author is the hash of the key. A room is its
// name. Pure functions.
import { sha256 } from "../base/sha256.ts";
import { ChatError } from "./errors.ts";

/** Size of a key, a secret. The minimum makes it hard to guess. */
const MIN_KEY_BYTES = 16;
const MAX_KEY_BYTES = 256;

const MAX_NAME_CHARS = 32;

/** Length of an author's hash, 128 bits. */
const AUTHOR_CHARS = 26;

/**
 * Length of a tag, unless another author of the room has the same prefix. A tag is for display: finding a key for a prefix of
 * 30 bits takes hours, and yields a longer tag.
 */
const MIN_TAG_CHARS = 6;

/** Digits of Crockford's base 32: without i, l, o and u, which are easily misread. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/**
 * Characters that are invisible, or change the direction of the text around them: controls, formats, default ignorables, and
 * glyphs that are blank (Braille, musical notation, Khitan).
 */
const INVISIBLE =
  /[\p{Cc}\p{Cf}\p{DI}\p{Zl}\p{Zp}\p{Co}\p{Cs}\p{NChar}\u2800\ufff9-\ufffc\u{1d159}\u{16fe4}]/u;

/** Emoji that may contain such characters: variation selectors, joiners and tags. */
const EMOJI = /\p{RGI_Emoji}/gv;

/** Marks that suppress a vowel. A joiner behind one selects the form of the consonants around it. */
const VIRAMA =
  "[\\u094d\\u09cd\\u0a4d\\u0acd\\u0b4d\\u0bcd\\u0c4d\\u0ccd\\u0d4d\\u0dca\\u1039\\u17d2]";

const ARABIC_LETTER = "[\\p{Script=Arabic}&&\\p{L}]";

/** Arabic letters that never join the next letter. */
const ARABIC_UNJOINED =
  "[\\u0621-\\u0625\\u0627\\u0629\\u062f-\\u0632\\u0648\\u0671-\\u0677\\u0688-\\u0699\\u06c0" +
  "\\u06c3-\\u06cb\\u06cd\\u06cf\\u06d2\\u06d3\\u06d5\\u06ee\\u06ef]";

/** Joiners where a script needs them (RFC 5892, appendix A). Elsewhere a joiner changes nothing that shows. */
const JOINERS = RegExp(
  [
    `(?<=${VIRAMA})[\\u200c\\u200d]`,
    "(?<=\\u09b0)[\\u200c\\u200d](?=\\u09cd)", // Bengali ra before a virama
    `(?<=[${ARABIC_LETTER}--${ARABIC_UNJOINED}]\\p{M}*)\\u200c(?=${ARABIC_LETTER})`,
  ].join("|"),
  "gv",
);

/** A mark without a character to stand on. */
const LONE_MARK = /(?:^|\s)\p{M}/u;

/**
 * Returns the author of a key: 128 bits of its SHA-256, 26 characters.
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

/** Encodes the lowest bits of a hexadecimal number, five in each character. */
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
 * Returns the name in NFC, without white space around it and with single spaces inside.
 * @throws {ChatError} `bad_name` when nothing is left, when it is too long, when a character is invisible, or when a mark has
 * no character to stand on.
 */
export function parseName(name: string): string {
  const trimmed = name.normalize("NFC").trim();
  const parsed = trimmed.replace(/\s+/gu, " ");
  if (parsed === "" || [...parsed].length > MAX_NAME_CHARS || isPartlyInvisible(trimmed)) {
    throw new ChatError("bad_name");
  }
  return parsed;
}

function isPartlyInvisible(name: string): boolean {
  if (LONE_MARK.test(name)) return true;
  return INVISIBLE.test(name) && INVISIBLE.test(name.replace(EMOJI, "*").replace(JOINERS, ""));
}

/** Prefix of authors without a key. No hash contains a `u`. */
const NO_KEY = "0000u";

/** Tag of all authors without a key. It identifies nobody, and no author with a key has it. */
const NO_KEY_TAG = "0000";

/**
 * Returns the author for messages without a key. Everybody without a key who uses one name is one author, so that message
 * ids need to be unique only for each name.
 */
export function anonymousAuthor(name: string): string {
  const hash = sha256(name).toString("hex");
  return NO_KEY + toDigits(hash, AUTHOR_CHARS - NO_KEY.length);
}

/** Author of operators' actions by a program without a key. No hash contains an `o`. */
export const OPERATOR = "operator";

const OPERATOR_TAG = "oper";

/** Whether the author has no key, so that it may be several people. */
export function isAnonymous(author: string): boolean {
  return author.startsWith(NO_KEY);
}

/** Room at `/`. */
export const LOBBY = "lobby";

const ROOM_NAME = /^[\p{L}\p{N}_-][\p{L}\p{M}\p{N}_-]{0,63}$/u;

/** Decodes a room's name from a segment of a URL's path. Undefined when the segment is not a room's name. */
export function parseRoomName(segment: string): string | undefined {
  let name: string;
  try {
    name = decodeURIComponent(segment);
  } catch {
    return undefined; // not UTF-8
  }
  // A room has one spelling. Any other is not found, instead of being another room.
  const isPlain = name === name.normalize("NFC") && name === name.toLowerCase();
  return isPlain && ROOM_NAME.test(name) && !INVISIBLE.test(name) ? name : undefined;
}

/** Yields the tags that an author may have in a room, shortest first. The last one is the whole hash, which nobody else has. */
export function* tagsOf(author: string): Generator<string> {
  if (isAnonymous(author)) return yield NO_KEY_TAG;
  if (author === OPERATOR) return yield OPERATOR_TAG;
  for (let length = Math.min(MIN_TAG_CHARS, author.length); length <= author.length; length++) {
    yield author.slice(0, length);
  }
}

/** Returns the shortest tag of an author that is not taken. */
export function findFreeTag(author: string, isTaken: (tag: string) => boolean): string {
  for (const tag of tagsOf(author)) if (isAnonymous(author) || !isTaken(tag)) return tag;
  throw new Error("Cannot find a tag: another author has the same hash");
}
