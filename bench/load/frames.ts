// Reads the frames of a WebSocket server from TCP chunks that may be cut anywhere. It copies and allocates nothing: it is
// a cursor over the latest bytes, and shows one piece of payload after the other.
import { OPCODE } from "../../tests/support/raw_socket.ts";

/** Payload inside one chunk: a whole message, or the part that has arrived. It changes with every step. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly from: number;
  /** Index behind its last byte. */
  readonly to: number;
  /** Whether the message ends with it. */
  readonly isLast: boolean;
}

/** Opcode of a frame that continues the previous message. */
const CONTINUATION = 0;

/** Lowest opcode of a control frame. */
const FIRST_CONTROL = 8;

const FINAL = 0x80;

/** Bytes of a header without a longer length, whose length field is below `LONGER`. */
const SHORT_HEAD_BYTES = 2;
const LONGER = 126;

export class FrameReader implements Piece {
  bytes: Uint8Array = new Uint8Array(0);
  from = 0;
  to = 0;
  isLast = false;
  /** Opcode of the piece's frame; of the whole message if the frame continues one. */
  opcode = 0;
  #end = 0;
  #messageOpcode: number = OPCODE.text;
  #isFinal = false;
  #payloadLeft = 0;
  /** Bytes of the next header that have arrived: its first two, and the length that may follow. */
  #headBytes = 0;
  #lengthBytesLeft = 0;

  /** Moves to a new chunk, `bytes` from `from` to `end`. The previous one must have been read to its end. */
  feed(bytes: Uint8Array, { from, end }: { from: number; end: number }): void {
    this.bytes = bytes;
    this.to = from;
    this.#end = end;
  }

  /** Moves to the next piece. Returns false if the chunk contains no more. */
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

  /** Reads the header of a short frame in one step if it is complete, as most are. */
  #readShortHead(): void {
    if (this.from + SHORT_HEAD_BYTES > this.#end) return;
    const short = this.bytes[this.from + 1]!;
    if (short >= LONGER) return;
    this.#startFrame(this.bytes[this.from]!);
    this.#payloadLeft = short;
    this.#headBytes = SHORT_HEAD_BYTES;
    this.from += SHORT_HEAD_BYTES;
  }

  /** Reads the header of a frame. Returns false if it is incomplete. */
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
