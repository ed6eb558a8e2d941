// MessageReader decodes the bytes that a client sends over a WebSocket (RFC 6455, section 5). It copies the parts of an
// unfinished message into one buffer: a message costs the bytes that it has, in however many frames and chunks they arrive. It
// never writes, and knows no socket.
import { Buffer, isUtf8 } from "node:buffer";
import { ChatError, type ErrorCode } from "../protocol/errors.ts";

/** Opcodes of frames (RFC 6455, section 5.2). From `close` on they are control frames. */
export const OPCODES = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

/** Maximum fragments of a message: one for each of these bytes of the maximum message, and at least `MIN_FRAGMENTS`. */
const FRAGMENT_BYTES = 1024;
const MIN_FRAGMENTS = 128;

/** Maximum head of a frame: flags, a length of 8 bytes, the mask. */
const MAX_HEAD_BYTES = 14;

const MAX_CONTROL_BYTES = 125;

/** First size of the buffer of an unfinished message. It doubles when it is full. */
const FIRST_BYTES = 1024;

const EMPTY = Buffer.alloc(0);

/** A close, ping or pong frame. */
export interface ControlFrame {
  readonly opcode: number;
  /** Valid until the next call of {@linkcode MessageReader.push}. */
  readonly payload: Buffer;
}

/** Decodes messages and control frames, in order. */
export class MessageReader {
  readonly #maxBytes: number;
  readonly #maxFragments: number;
  /** Chunk that is being read, and position in it. */
  #chunk: Buffer = EMPTY;
  #at = 0;
  /** Head of a frame that arrives in several chunks. */
  #head: Buffer | undefined;
  #headBytes = 0;
  /** Frame whose payload is being read. */
  #isInPayload = false;
  #isFinal = false;
  #opcode = 0;
  /** Bytes of the payload that are missing. */
  #missing = 0;
  /** Mask of the next four bytes of the payload. */
  #mask = 0;
  /** Message under way: opcode of its first frame, 0 for none. */
  #messageOpcode = 0;
  #fragments = 0;
  readonly #message = new GrowingBuffer();
  /** Payload of a control frame that arrives in several chunks. */
  readonly #control = new GrowingBuffer();

  constructor(maxMessageBytes: number) {
    this.#maxBytes = maxMessageBytes;
    this.#maxFragments = Math.max(MIN_FRAGMENTS, Math.ceil(maxMessageBytes / FRAGMENT_BYTES));
  }

  /** Whether a message or a frame has begun and not ended. */
  get isUnfinished(): boolean {
    return this.#messageOpcode !== 0 || this.#isInPayload || this.#headBytes > 0;
  }

  /** Bytes that the parts of an unfinished message keep. */
  get keptBytes(): number {
    return this.#message.capacity;
  }

  /** Releases the parts. Nothing more can be read. */
  release(): void {
    this.#message.release();
    this.#chunk = EMPTY;
  }

  /** Adds bytes, which are unmasked in place. All earlier ones must have been read with {@linkcode next}. */
  push(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /**
   * Returns the next message, text or binary, or the next control frame; undefined if more bytes are needed.
   * @throws {ChatError} `bad_frame`, `too_long`, `not_text`: nothing more can be read.
   */
  next(): string | ArrayBuffer | ControlFrame | undefined {
    while (this.#isInPayload || this.#readHead()) {
      const part = this.#takePart();
      const isComplete = this.#missing === 0;
      this.#isInPayload = !isComplete;
      if (this.#opcode >= OPCODES.close) {
        if (isComplete) return { opcode: this.#opcode, payload: this.#control.finish(part) };
        this.#control.append(part, MAX_CONTROL_BYTES, this.#missing);
      } else if (isComplete && this.#isFinal) {
        const isText = this.#messageOpcode === OPCODES.text;
        this.#messageOpcode = this.#fragments = 0;
        const whole = this.#message.finish(part, this.#maxBytes);
        return isText ? decodeText(whole) : copy(whole);
      } else {
        this.#message.append(part, this.#maxBytes, this.#missing);
      }
      if (!isComplete) break;
    }
    this.#chunk = EMPTY; // it may be much larger than the rest that was copied
    this.#at = 0;
    return undefined;
  }

  /** Reads the head of the next frame. Returns false if it is not complete. */
  #readHead(): boolean {
    const available = this.#chunk.length - this.#at;
    if (this.#headBytes === 0 && available >= this.#headLength(this.#chunk, this.#at, available)) {
      this.#at += this.#begin(this.#chunk, this.#at);
      return true;
    }
    const head = this.#head ??= Buffer.allocUnsafeSlow(MAX_HEAD_BYTES);
    while (this.#headBytes < this.#headLength(head, 0, this.#headBytes)) {
      if (this.#at === this.#chunk.length) return false;
      head[this.#headBytes++] = this.#chunk[this.#at++]!;
    }
    this.#headBytes = 0;
    this.#begin(head, 0);
    return true;
  }

  /** Returns the length of a head, as far as its first `size` bytes tell. @throws {ChatError} `bad_frame` */
  #headLength(bytes: Buffer, at: number, size: number): number {
    if (size < 2) return 2;
    const [flags, length] = [bytes[at]!, bytes[at + 1]! & 0x7f];
    const [isFinal, opcode] = [(flags & 0x80) !== 0, flags & 0x0f];
    const isValid = opcode >= OPCODES.close
      ? opcode <= OPCODES.pong && isFinal && length <= MAX_CONTROL_BYTES
      : opcode <= OPCODES.binary &&
        (opcode === OPCODES.continuation) === (this.#messageOpcode !== 0);
    const isMasked = (bytes[at + 1]! & 0x80) !== 0;
    if (!isValid || !isMasked || (flags & 0x70) !== 0) throw new ChatError("bad_frame");
    return 6 + (length < 126 ? 0 : length === 126 ? 2 : 8);
  }

  /** Begins the frame with this head. Returns the length of the head. @throws {ChatError} `too_long` */
  #begin(bytes: Buffer, at: number): number {
    this.#isFinal = (bytes[at]! & 0x80) !== 0;
    this.#opcode = bytes[at]! & 0x0f;
    const short = bytes[at + 1]! & 0x7f;
    let length = short;
    let size = 2;
    if (short === 126) {
      length = bytes.readUInt16BE(at + 2);
      size = 4;
    } else if (short === 127) {
      length = bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
      size = 10;
    }
    if (this.#opcode < OPCODES.close) {
      if (this.#messageOpcode === 0) this.#messageOpcode = this.#opcode;
      const isTooLong = this.#message.size + length > this.#maxBytes;
      if (isTooLong || ++this.#fragments > this.#maxFragments) throw new ChatError("too_long");
    }
    this.#mask = bytes.readInt32LE(at + size);
    this.#missing = length;
    this.#isInPayload = true;
    return size + 4;
  }

  /** Takes the payload as far as it has arrived, and unmasks it. */
  #takePart(): Buffer {
    const end = Math.min(this.#at + this.#missing, this.#chunk.length);
    const part = this.#chunk.subarray(this.#at, end);
    this.#missing -= part.length;
    this.#at = end;
    unmask(part, this.#mask);
    const turned = 8 * (part.length % 4);
    if (turned > 0) this.#mask = this.#mask >>> turned | this.#mask << 32 - turned;
    return part;
  }
}

/** Bytes in one buffer, which is released when they are complete. */
class GrowingBuffer {
  #bytes: Buffer = EMPTY;
  size = 0;

  get capacity(): number {
    return this.#bytes.length;
  }

  /** @param missing bytes that are announced to follow: space is made for them when half of the whole has arrived */
  append(part: Buffer, maxBytes: number, missing = 0): void {
    const size = this.size + part.length;
    if (size > this.#bytes.length) {
      const doubled = Math.max(2 * size, FIRST_BYTES);
      const capacity = Math.min(missing < size ? size + missing : doubled, maxBytes);
      const larger = Buffer.allocUnsafeSlow(capacity);
      larger.set(this.#bytes.subarray(0, this.size));
      this.#bytes = larger;
    }
    this.#bytes.set(part, this.size);
    this.size = size;
  }

  /** Returns all bytes with the last part. If there are no others, it is the part itself. */
  finish(part: Buffer, maxBytes = MAX_CONTROL_BYTES): Buffer {
    if (this.size === 0) return part;
    this.append(part, maxBytes);
    const whole = this.#bytes.subarray(0, this.size);
    this.release();
    return whole;
  }

  release(): void {
    this.#bytes = EMPTY;
    this.size = 0;
  }
}

/** @param mask four bytes, the first one lowest */
function unmask(bytes: Buffer, mask: number): void {
  if (mask === 0) return;
  const [a, b, c, d] = [mask & 255, mask >>> 8 & 255, mask >>> 16 & 255, mask >>> 24];
  const { length } = bytes;
  let at = 0;
  for (; at + 3 < length; at += 4) {
    bytes[at]! ^= a;
    bytes[at + 1]! ^= b;
    bytes[at + 2]! ^= c;
    bytes[at + 3]! ^= d;
  }
  if (at < length) bytes[at]! ^= a;
  if (at + 1 < length) bytes[at + 1]! ^= b;
  if (at + 2 < length) bytes[at + 2]! ^= c;
}

function decodeText(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new ChatError("not_text");
  return bytes.toString();
}

function copy(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

/** Stands for a close frame without a code (RFC 6455, section 7.4.1). */
export const NO_CODE = 1005;

/**
 * Returns the code of a close frame, or `NO_CODE` if it has none.
 * @throws {ChatError} `bad_frame`, `not_text`
 */
export function parseClose(payload: Buffer): number {
  if (payload.length === 0) return NO_CODE;
  const code = payload.length === 1 ? 0 : payload.readUInt16BE(0);
  const isValid = code >= 3000 && code <= 4999 ||
    code >= 1000 && code <= 1014 && !RESERVED_CODES.has(code);
  const fault: ErrorCode | undefined = !isValid
    ? "bad_frame"
    : isUtf8(payload.subarray(2))
    ? undefined
    : "not_text";
  if (fault) throw new ChatError(fault);
  return code;
}

/** Close codes that no frame may contain (RFC 6455, section 7.4.1). */
const RESERVED_CODES: ReadonlySet<number> = new Set([1004, NO_CODE, 1006]);
