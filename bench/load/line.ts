// Defines the lines of the load. They have one length, and contain the index of the sender and a number, so that a
// receiver knows whether a line is the next one.

/** Bytes of every line. */
export const LINE_BYTES = 64;

/** Beginning of a line: the sender's index, a space, the line's number, a space. */
const SENDER_DIGITS = 3;
const NUMBER_DIGITS = 10;
/** Ten to the power of half its digits. */
const HALF = 100_000;
/** Start and end of the number in a line. */
export const NUMBER_AT = SENDER_DIGITS + 1;
export const NUMBER_END = NUMBER_AT + NUMBER_DIGITS;

/** Index for roll calls, which do not count. The indexes of senders are below it. */
export const ROLL_CALL = 999;

const FIRST_NUMBER = "0".repeat(NUMBER_DIGITS);
const ZERO = 48;

/** Returns the first line of a sender. `setNumber` turns it into the others. */
export function firstLine(sender: number): string {
  const head = `${String(sender).padStart(SENDER_DIGITS, "0")} ${FIRST_NUMBER} `;
  return head.padEnd(LINE_BYTES, "abcdefgh");
}

/** Returns the positions of the number in the bytes of a message with a first line: in the line, and anywhere else. */
export function findNumbers(bytes: Uint8Array): number[] {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return Array.from(text.matchAll(new RegExp(FIRST_NUMBER, "g")), ({ index }) => index);
}

/** Writes the digits of a number in place. */
export function setNumber(bytes: Uint8Array, { at, number }: { at: number; number: number }): void {
  for (let digit = at + NUMBER_DIGITS - 1, rest = number; digit >= at; digit--) {
    bytes[digit] = ZERO + rest % 10;
    rest = Math.trunc(rest / 10);
  }
}

/** Returns the sender of the line that begins at `at`; undefined behaviour if none begins there. */
export function readSender(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 100 + bytes[at + 1]! * 10 + bytes[at + 2]! - ZERO * 111;
}

/** Returns the number of the line that begins at `at`; undefined behaviour if none begins there. */
export function readNumber(bytes: Uint8Array, at: number): number {
  const middle = at + NUMBER_AT + NUMBER_DIGITS / 2;
  return readHalf(bytes, at + NUMBER_AT) * HALF + readHalf(bytes, middle);
}

/**
 * Reads half of a number. It uses a sum, because in a loop each digit would wait for the previous one, and this runs
 * for every line.
 */
function readHalf(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 10_000 + bytes[at + 1]! * 1000 + bytes[at + 2]! * 100 + bytes[at + 3]! * 10 +
    bytes[at + 4]! - ZERO * 11_111;
}
