// Finds the lines of the load in the text that a server sends, in whatever chunks it arrives. Texts inside a chunk are
// read in place, without a copy and without a call into native code. Only a text that the end of a chunk cuts off is
// copied.
import type { Piece } from "./frames.ts";

/** A text without newlines, as bytes. The object is reused for each text. */
export interface Text {
  readonly bytes: Uint8Array;
  readonly from: number;
  /** Index behind its last byte. */
  readonly to: number;
}

/** Distinguishes lines of the load from other texts of a server. */
export interface LineFormat {
  /** Returns the index at which a line of the load begins in the text, or -1 if it contains none. */
  findLine(text: Text): number;
}

/** Receiver of texts. A text is overwritten when the call returns. */
export interface TextSink {
  /** Receives a text with a line of the load, which begins at `at`. */
  line(text: Text, at: number): void;
  /** Receives any other text. */
  other(text: Text): void;
}

const NEWLINE = 10;

/** Reads the text messages of one client. */
export class LineFinder {
  readonly #format: LineFormat;
  readonly #sink: TextSink;
  readonly #text = { bytes: new Uint8Array(0), from: 0, to: 0 };
  /** Length of the last text with a line: the next one mostly has the same. */
  #guess = 0;
  /** Beginning of a text whose rest is in the next chunk. */
  #cut = new Uint8Array(256);
  #cutLength = 0;

  constructor(format: LineFormat, sink: TextSink) {
    this.#format = format;
    this.#sink = sink;
  }

  /** Reads the next piece of a message. */
  take({ bytes, from, to, isLast }: Piece): void {
    const text = this.#text;
    text.bytes = bytes as Uint8Array<ArrayBuffer>;
    text.to = from - 1;
    if (this.#cutLength > 0 && !this.#completeCut({ bytes, from, to, isLast })) return;
    while (text.to + 1 < to) {
      text.from = text.to + 1;
      text.to = text.from + this.#guess;
      const isEnd = text.to < to ? bytes[text.to] === NEWLINE : text.to === to && isLast;
      let at = isEnd ? this.#format.findLine(text) : -1;
      if (at < 0) {
        const length = bytes.subarray(text.from, to).indexOf(NEWLINE);
        if (length < 0 && !isLast) return this.#keep({ bytes, from: text.from, to });
        text.to = length < 0 ? to : text.from + length;
        at = this.#format.findLine(text);
      }
      this.#give(at);
    }
  }

  #give(at: number): void {
    const text = this.#text;
    if (at < 0) return this.#sink.other(text);
    this.#guess = text.to - text.from;
    this.#sink.line(text, at);
  }

  /**
   * Completes the text that was cut, and leaves `#text` at its end in the piece. Returns false if the piece contains
   * no end.
   */
  #completeCut({ bytes, from, to, isLast }: Piece): boolean {
    const length = bytes.subarray(from, to).indexOf(NEWLINE);
    const end = length < 0 ? to : from + length;
    this.#keep({ bytes, from, to: end });
    if (end === to && !isLast) return false;
    const text = this.#text;
    text.bytes = this.#cut;
    text.from = 0;
    text.to = this.#cutLength;
    this.#cutLength = 0;
    this.#give(this.#format.findLine(text));
    text.bytes = bytes as Uint8Array<ArrayBuffer>;
    text.to = end;
    return true;
  }

  #keep({ bytes, from, to }: Text): void {
    const length = this.#cutLength + to - from;
    if (length > this.#cut.length) {
      const larger = new Uint8Array(length * 2);
      larger.set(this.#cut);
      this.#cut = larger;
    }
    this.#cut.set(bytes.subarray(from, to), this.#cutLength);
    this.#cutLength = length;
  }
}
