// WsConnection reads through a WebSocket of the `ws` library and writes to the TCP socket itself: each frame is encoded once
// for all its recipients.
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
// @ts-types="./ws_types.d.ts"
import type { WebSocket } from "ws";
import { closeFor } from "../protocol/errors.ts";
import type { Log } from "../base/log.ts";
import type { Frame } from "../protocol/frame.ts";
import { type Connection, type ConnectionHandlers, UNSEEN_BYTES } from "./transport.ts";

/** Parts of `pongWaitMs` by which silence is counted: the peer is pinged after half of them and terminated after all. */
export const SILENT_PARTS = 8;

/** First byte of a text message that is one frame. */
const FINAL_TEXT = 0x81;

/** Encoded frames, header and payload. */
const encoded = new WeakMap<Frame, Buffer>();

/** `WebSocket.readyState` of an open WebSocket. */
const OPEN = 1;

export interface WsConnectionOptions {
  readonly webSocket: WebSocket;
  /** Socket of `webSocket`. */
  readonly socket: Socket;
  readonly log: Log;
  readonly onEnd: (connection: WsConnection) => void;
}

/** A connection over `ws`. Thousands are idle at a time, so each allocates few closures. */
export class WsConnection implements Connection {
  readonly remoteAddress: string;
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #log: Log;
  readonly #onEnd: (connection: WsConnection) => void;
  #handlers: ConnectionHandlers | undefined;
  #silentParts = 0;

  constructor({ webSocket, socket, log, onEnd }: WsConnectionOptions) {
    this.remoteAddress = socket.remoteAddress ?? "";
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#log = log;
    this.#onEnd = onEnd;
    webSocket.on("pong", () => this.#silentParts = 0);
    webSocket.on("message", (data, isBinary) => this.#read(data, isBinary));
    webSocket.on("close", () => this.#end());
    // Both sides have sent a close frame and everything is written: do not wait until the peer hangs up.
    socket.on("finish", hangUp);
    // A message that is too long, for example. The library closes with the right code by itself. The peer may still be sending:
    // hanging up would discard the close frame before the peer has read it.
    webSocket.on("error", () => socket.off("finish", hangUp));
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

  send(frame: Frame): void {
    if (this.#webSocket.readyState !== OPEN) return;
    this.#socket.write(encode(frame));
  }

  close(code: number, reason: string): void {
    this.#webSocket.close(code, reason);
  }

  terminate(): void {
    this.#webSocket.terminate();
  }

  /** Counts one part of silence. The listener calls it `SILENT_PARTS` times during `pongWaitMs`. */
  countSilence(): void {
    this.#silentParts++;
    if (this.#silentParts === SILENT_PARTS / 2) this.#webSocket.ping();
    if (this.#silentParts >= SILENT_PARTS) this.terminate();
  }

  #read(data: Buffer, isBinary: boolean): void {
    this.#silentParts = 0;
    try {
      this.#handlers?.onMessage(decode(data, isBinary));
    } catch (error) {
      this.#fail(error);
    }
  }

  #end(): void {
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

function hangUp(this: Socket): void {
  this.destroy();
}

function encode(frame: Frame): Buffer {
  let bytes = encoded.get(frame);
  if (!bytes) {
    const head = encodeHead(frame.byteLength);
    bytes = Buffer.allocUnsafe(head.length + frame.byteLength);
    bytes.set(head);
    bytes.write(frame.text, head.length);
    encoded.set(frame, bytes);
  }
  return bytes;
}

/** Returns the head of an unmasked frame (RFC 6455, section 5.2). */
function encodeHead(byteLength: number): Buffer {
  if (byteLength < 126) return Buffer.of(FINAL_TEXT, byteLength);
  const head = Buffer.alloc(byteLength < 65536 ? 4 : 10);
  head[0] = FINAL_TEXT;
  if (head.length === 4) head.writeUInt16BE(byteLength, 2);
  else head.writeUInt32BE(byteLength, 6);
  head[1] = head.length === 4 ? 126 : 127;
  return head;
}

function decode(data: Buffer, isBinary: boolean): string | ArrayBuffer {
  if (!isBinary) return data.toString();
  return data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer;
}
