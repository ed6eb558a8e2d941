// Reads the frames of a WebSocket server from whatever TCP delivers, wherever it cuts. It copies nothing and allocates
// nothing: it is a cursor over the bytes that it was given last, and shows one piece of payload after the other.
import { OPCODE } from "../../tests/support/raw_socket.ts";

/** Payload that lies in one chunk: all of a message, or as much of it as has arrived. Changes with every step. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly from: number;
  /** Behind its last byte. */
  readonly to: number;
  /** Whether the message ends with it. */
  readonly isLast: boolean;
}

/** Opcode of a frame that goes on with the message before it. */
const CONTINUATION = 0;

/** From here on an opcode is that of a control frame. */
const FIRST_CONTROL = 8;

const FINAL = 0x80;

/** A header without a longer length. The length that stands in it is below `LONGER`. */
const SHORT_HEAD_BYTES = 2;
const LONGER = 126;

export class FrameReader implements Piece {
  bytes: Uint8Array = new Uint8Array(0);
  from = 0;
  to = 0;
  isLast = false;
  /** Of the frame that the piece belongs to; of its message, where the frame goes on with one. */
  opcode = 0;
  #end = 0;
  #messageOpcode: number = OPCODE.text;
  #isFinal = false;
  #payloadLeft = 0;
  /** Bytes of the next header that have arrived: its first two, and the length that may follow. */
  #headBytes = 0;
  #lengthBytesLeft = 0;

  /** Goes to a new chunk, `bytes` from `from` to `end`. The one before must have been read to its end. */
  feed(bytes: Uint8Array, { from, end }: { from: number; end: number }): void {
    this.bytes = bytes;
    this.to = from;
    this.#end = end;
  }

  /** Moves to the next piece; false when the chunk holds no more. */
  next(): boolean {
    this.from = this.to;
    if (this.from === this.#end) return false;
    if (this.#headBytes === 0) this.#readShortHead();
    const isHeadRead = this.#headBytes >= SHORT_HEAD_BYTES && this.#lengthBytesLeft === 0;
    if (!isHeadRead && !this.#readHead()) return false;
    const length = Math.min(this.#payloadLeft, this.#end - this.from);
    this.to = this.from + length;
    this.#payloadLeft -= length;
    const isFrameRead = this.#payloadLeft === 0;
    this.isLast = isFrameRead && this.#isFinal;
    if (isFrameRead) this.#headBytes = 0;
    return true;
  }

  /** Reads the header of a short frame in one step, where it is all there: most of them are like that. */
  #readShortHead(): void {
    if (this.from + SHORT_HEAD_BYTES > this.#end) return;
    const short = this.bytes[this.from + 1]!;
    if (short >= LONGER) return;
    this.#startFrame(this.bytes[this.from]!);
    this.#payloadLeft = short;
    this.#headBytes = SHORT_HEAD_BYTES;
    this.from += SHORT_HEAD_BYTES;
  }

  /** Reads the header of a frame; false when it is not all there. */
  #readHead(): boolean {
    while (this.from < this.#end) {
      const byte = this.bytes[this.from++]!;
      if (this.#headBytes++ === 0) this.#startFrame(byte);
      else if (this.#headBytes === SHORT_HEAD_BYTES) this.#startLength(byte);
      else {
        this.#payloadLeft = this.#payloadLeft * 256 + byte;
        this.#lengthBytesLeft--;
      }
      if (this.#headBytes >= SHORT_HEAD_BYTES && this.#lengthBytesLeft === 0) return true;
    }
    this.to = this.from;
    return false;
  }

  #startFrame(byte: number): void {
    const opcode = byte & 15;
    this.#isFinal = (byte & FINAL) !== 0;
    if (opcode !== CONTINUATION && opcode < FIRST_CONTROL) this.#messageOpcode = opcode;
    this.opcode = opcode === CONTINUATION ? this.#messageOpcode : opcode;
  }

  #startLength(byte: number): void {
    const short = byte & 127;
    this.#lengthBytesLeft = short < LONGER ? 0 : short === LONGER ? 2 : 8;
    this.#payloadLeft = short < LONGER ? short : 0;
  }
}
