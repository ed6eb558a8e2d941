// One WebSocket of the `ws` library. It reads; what is written goes to the TCP socket as bytes that are made once for
// all who are sent the same frame.
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
// @ts-types="./ws_types.d.ts"
import type { WebSocket } from "ws";
import { closeFor } from "../protocol/errors.ts";
import type { Log } from "../base/log.ts";
import type { Frame } from "../protocol/frame.ts";
import { type Connection, type ConnectionHandlers, UNSEEN_BYTES } from "./transport.ts";

/** Silence is counted in parts of the pong wait: after half of them the peer is pinged, after all of them it is gone. */
export const SILENT_PARTS = 8;

/** First byte of a text message that is one frame. */
const FINAL_TEXT = 0x81;

/** Frames as they go over TCP, header and payload. */
const encoded = new WeakMap<Frame, Buffer>();

/** `WebSocket.readyState` of one that is open. */
const OPEN = 1;

export interface WsConnectionOptions {
  readonly webSocket: WebSocket;
  /** What `webSocket` reads from and writes to. */
  readonly socket: Socket;
  readonly log: Log;
  readonly onEnd: (connection: WsConnection) => void;
}

/** A connection as the server sees it. Thousands are idle at a time, so each keeps few functions of its own. */
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
    // Both have said goodbye and all is written: not to wait until the peer hangs up.
    socket.on("finish", hangUp);
    // A message that is too long, say: the library closes with the right code by itself. The peer may still be sending,
    // and to hang up on it would lose it the reason.
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

  /** Called `SILENT_PARTS` times in a pong wait. */
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

/** The head of an unmasked frame (RFC 6455, section 5.2). */
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
