// WsConnection is the server's end of one WebSocket on a TCP socket. It encodes each frame once for all its recipients. A client
// that breaks the protocol or a limit is told the code of docs/protocol.md, and nothing more is read from it.
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { ChatError, closeFor, type ErrorCode } from "../protocol/errors.ts";
import type { Log } from "../base/log.ts";
import type { Frame } from "../protocol/frame.ts";
import {
  type ControlFrame,
  MessageReader,
  NO_CODE,
  OPCODES,
  parseClose,
} from "./message_reader.ts";
import { type Connection, type ConnectionHandlers, UNSEEN_BYTES } from "./transport.ts";

/** Parts of `pongWaitMs` by which silence is counted: the peer is pinged after half of them and terminated after all. */
export const SILENT_PARTS = 8;

/** Time for the peer to answer a close frame, or to read one that it has caused. */
const CLOSE_WAIT_MS = 5_000;

/**
 * Bytes waiting in the socket above which pings are not answered. A peer that pings and reads nothing would fill the memory with
 * the answers. One that reads sees the answer to a later ping, which RFC 6455, section 5.5.3, allows.
 */
const MAX_PONG_BYTES = 64 * 1024;

/** Pings that are answered of those that arrive together. The last one always is. */
const MAX_PONGS = 16;

/** First byte of a frame that is a whole message. */
const FINAL = 0x80;

/** Maximum reason of a close frame, in bytes. */
const MAX_REASON_BYTES = 123;

/** Encoded frames, header and payload. */
const encoded = new WeakMap<Frame, Buffer>();

const PING = Buffer.of(FINAL | OPCODES.ping, 0);

export interface WsConnectionOptions {
  readonly socket: Socket;
  readonly log: Log;
  readonly maxMessageBytes: number;
  /** Time for a message to arrive once it has begun. */
  readonly messageWaitMs: number;
  readonly onEnd: (connection: WsConnection) => void;
}

/** A connection over a socket that was upgraded. Thousands are idle at a time, so each allocates few closures. */
export class WsConnection implements Connection {
  readonly remoteAddress: string;
  readonly #socket: Socket;
  readonly #log: Log;
  readonly #reader: MessageReader;
  readonly #messageWaitMs: number;
  readonly #onEnd: (connection: WsConnection) => void;
  #handlers: ConnectionHandlers | undefined;
  #silentParts = 0;
  /** Whether nothing more is read: the peer has sent a close frame, or has broken a rule. */
  #isDeaf = false;
  #isFaulty = false;
  #isClosing = false;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  /** Runs while a message is unfinished. */
  #messageTimer: ReturnType<typeof setTimeout> | undefined;
  /** Messages, and control frames outside of them, read since that timer started. */
  #finished = 0;
  /** Bytes of an unfinished message, as the handler knows them. */
  #keptBytes = 0;
  /** Answers to pings, written together. */
  #pongs: Buffer[] = [];

  constructor({ socket, log, maxMessageBytes, messageWaitMs, onEnd }: WsConnectionOptions) {
    this.remoteAddress = socket.remoteAddress ?? "";
    this.#socket = socket;
    this.#log = log;
    this.#reader = new MessageReader(maxMessageBytes);
    this.#messageWaitMs = messageWaitMs;
    this.#onEnd = onEnd;
    socket.setTimeout(0);
    socket.setNoDelay();
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("end", hangUp);
    socket.on("close", () => this.#end());
  }

  get unseenBytes(): number {
    return UNSEEN_BYTES;
  }

  get bufferedAmount(): number {
    return this.#socket.writableLength;
  }

  listen(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
  }

  /** Reads bytes that arrived with the request for the upgrade. */
  begin(head: Buffer): void {
    if (head.length > 0) this.#receive(head);
  }

  send(frame: Frame): void {
    if (this.#isClosing) return;
    this.#socket.write(encode(frame));
  }

  close(code: number, reason: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#socket.write(encodeClose(code, reason));
    // The peer may still be sending. Destroying the socket would discard the close frame before the peer has read it.
    if (this.#isFaulty) this.#socket.end();
    else if (this.#isDeaf) this.#hangUp();
    this.#closeTimer = setTimeout(() => this.#socket.destroy(), CLOSE_WAIT_MS);
  }

  terminate(): void {
    this.#socket.destroy();
  }

  /** Counts one part of silence. The listener calls it `SILENT_PARTS` times during `pongWaitMs`. */
  countSilence(): void {
    this.#silentParts++;
    if (this.#silentParts === SILENT_PARTS / 2 && !this.#isClosing) this.#socket.write(PING);
    if (this.#silentParts >= SILENT_PARTS) this.terminate();
  }

  #receive(chunk: Buffer): void {
    if (this.#isDeaf) return;
    try {
      this.#reader.push(chunk);
      for (let next = this.#reader.next(); next !== undefined; next = this.#reader.next()) {
        this.#silentParts = 0;
        if (!this.#reader.isUnfinished) this.#finished++; // a control frame between fragments finishes nothing
        if (typeof next === "string" || next instanceof ArrayBuffer) this.#deliver(next);
        else this.#control(next);
        if (this.#isDeaf) break;
      }
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      this.#refuse(error.code);
    }
    this.#writePongs();
    this.#watchMessage();
  }

  #deliver(data: string | ArrayBuffer): void {
    this.#writePongs();
    if (this.#isClosing) return;
    try {
      this.#handlers?.onMessage(data);
    } catch (error) {
      this.#fail(error);
    }
  }

  #control({ opcode, payload }: ControlFrame): void {
    if (opcode === OPCODES.ping) {
      const pong = Buffer.concat([encodeHead(OPCODES.pong, payload.length), payload]);
      this.#pongs[Math.min(this.#pongs.length, MAX_PONGS - 1)] = pong;
    } else if (opcode === OPCODES.close) {
      const code = parseClose(payload);
      this.#writePongs();
      this.#isDeaf = true;
      if (this.#isClosing) this.#hangUp();
      else this.close(code, "");
    }
  }

  #writePongs(): void {
    if (this.#pongs.length === 0) return;
    const pongs = this.#pongs;
    this.#pongs = [];
    if (this.#isClosing || this.#socket.writableLength > MAX_PONG_BYTES) return;
    this.#socket.write(Buffer.concat(pongs));
  }

  /** Ends the connection of a peer that has broken a rule, by way of the handler, which may say why. */
  #refuse(code: ErrorCode): void {
    if (this.#isDeaf) return;
    this.#isDeaf = this.#isFaulty = true;
    this.#watchMessage();
    if (this.#isClosing) return void this.#socket.end();
    try {
      this.#handlers?.onFault?.(code);
    } catch (error) {
      this.#fail(error);
    }
    if (this.#handlers?.onFault) return;
    const { closeCode, reason } = closeFor(code);
    this.close(closeCode, reason);
  }

  /** Starts the deadline of a message that has begun, and stops that of the last one. */
  #watchMessage(): void {
    if (this.#isDeaf) this.#reader.release();
    const { keptBytes } = this.#reader;
    if (keptBytes !== this.#keptBytes) {
      this.#keptBytes = keptBytes;
      this.#handlers?.onUnfinished?.(keptBytes);
    }
    const isUnfinished = !this.#isDeaf && this.#reader.isUnfinished;
    if (this.#messageTimer !== undefined && (!isUnfinished || this.#finished > 0)) {
      clearTimeout(this.#messageTimer);
      this.#messageTimer = undefined;
    }
    this.#finished = 0;
    if (!isUnfinished) return;
    this.#messageTimer ??= setTimeout(() => this.#refuse("message_timeout"), this.#messageWaitMs);
  }

  /** Hangs up behind everything that was sent, and does not wait until the peer does. */
  #hangUp(): void {
    this.#socket.once("finish", destroy);
    this.#socket.end();
  }

  #end(): void {
    clearTimeout(this.#closeTimer);
    clearTimeout(this.#messageTimer);
    this.#isDeaf = this.#isClosing = true;
    try {
      this.#handlers?.onClose();
    } catch (error) {
      this.#fail(error);
    }
    this.#onEnd(this);
  }

  #fail(error: unknown): void {
    this.#log("error", "connection handler failed", { error });
    const { closeCode, reason } = closeFor("internal");
    this.close(closeCode, reason);
  }
}

function destroy(this: Socket): void {
  this.destroy();
}

/** Follows a peer that has hung up. */
function hangUp(this: Socket): void {
  this.once("finish", destroy);
  this.end();
}

function encode(frame: Frame): Buffer {
  let bytes = encoded.get(frame);
  if (!bytes) {
    const head = encodeHead(OPCODES.text, frame.byteLength);
    bytes = Buffer.allocUnsafe(head.length + frame.byteLength);
    bytes.set(head);
    bytes.write(frame.text, head.length);
    encoded.set(frame, bytes);
  }
  return bytes;
}

/** Returns the head of an unmasked frame that is a whole message (RFC 6455, section 5.2). */
function encodeHead(opcode: number, byteLength: number): Buffer {
  if (byteLength < 126) return Buffer.of(FINAL | opcode, byteLength);
  const head = Buffer.alloc(byteLength < 65536 ? 4 : 10);
  head[0] = FINAL | opcode;
  if (head.length === 4) head.writeUInt16BE(byteLength, 2);
  else head.writeUInt32BE(byteLength, 6);
  head[1] = head.length === 4 ? 126 : 127;
  return head;
}

function encodeClose(code: number, reason: string): Buffer {
  if (code === NO_CODE) return encodeHead(OPCODES.close, 0);
  const text = Buffer.from(reason).subarray(0, MAX_REASON_BYTES);
  const head = encodeHead(OPCODES.close, 2 + text.length);
  return Buffer.concat([head, Buffer.of(code >> 8, code & 255), text]);
}
