// What the load says: lines of one length, each with the index of its sender and its number, so that whoever is
// delivered one knows whether it is the next.

/** Every line has so many bytes. */
export const LINE_BYTES = 64;

/** How a line begins: the sender's index, a space, the line's number, a space. */
const SENDER_DIGITS = 3;
const NUMBER_DIGITS = 10;
/** Ten to the power of half its digits. */
const HALF = 100_000;
/** Where in a line its number stands, and where that ends. */
export const NUMBER_AT = SENDER_DIGITS + 1;
export const NUMBER_END = NUMBER_AT + NUMBER_DIGITS;

/** The index that says no line that counts, but only who is in the room. Senders are below it. */
export const ROLL_CALL = 999;

const FIRST_NUMBER = "0".repeat(NUMBER_DIGITS);
const ZERO = 48;

/** The first line of a sender. `setNumber` makes the others of it. */
export function firstLine(sender: number): string {
  const head = `${String(sender).padStart(SENDER_DIGITS, "0")} ${FIRST_NUMBER} `;
  return head.padEnd(LINE_BYTES, "abcdefgh");
}

/** Where in the bytes of a message that says a first line its number stands: in the line, and wherever else. */
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

/** The sender of the line that begins at `at`; nonsense when none begins there. */
export function readSender(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 100 + bytes[at + 1]! * 10 + bytes[at + 2]! - ZERO * 111;
}

/** The number of the line that begins at `at`; nonsense when none begins there. */
export function readNumber(bytes: Uint8Array, at: number): number {
  const middle = at + NUMBER_AT + NUMBER_DIGITS / 2;
  return readHalf(bytes, at + NUMBER_AT) * HALF + readHalf(bytes, middle);
}

/** Half of a number. A sum, because a loop would wait for each digit before the next: this runs for every line. */
function readHalf(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 10_000 + bytes[at + 1]! * 1000 + bytes[at + 2]! * 100 + bytes[at + 3]! * 10 +
    bytes[at + 4]! - ZERO * 11_111;
}
