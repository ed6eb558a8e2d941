// StreamConnection sends frames in the body of an HTTP response and receives nothing. All transports use it.
import { Buffer } from "node:buffer";
import type { Log } from "../base/log.ts";
import type { Frame } from "../protocol/frame.ts";
import { type Connection, type ConnectionHandlers, UNSEEN_BYTES } from "./transport.ts";

/** Error that ends the body of a terminated stream. */
export const CUT = new Error("Cannot send: the stream was cut");

/**
 * High-water mark of the stream. `desiredSize` counts down from it, which shows how many bytes are queued. The stream refuses
 * nothing above it.
 */
const HIGH_WATER_BYTES = 1;

/** Encoded frames, each with its newline: encoded once for all recipients of the frame. */
const encoded = new WeakMap<Frame, Uint8Array<ArrayBuffer>>();

export interface StreamConnectionOptions {
  readonly remoteAddress: string;
  /** Settles when the response has been sent or has failed. */
  readonly completed: Promise<unknown>;
  readonly log: Log;
}

/** A connection over the body of a response. */
export class StreamConnection implements Connection {
  readonly remoteAddress: string;
  readonly unseenBytes = UNSEEN_BYTES;
  /** Body of the response. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #log: Log;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  #handlers: ConnectionHandlers | undefined;
  #isEnded = false;

  constructor({ remoteAddress, completed, log }: StreamConnectionOptions) {
    this.remoteAddress = remoteAddress;
    this.#log = log;
    this.body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => void (this.#controller = controller),
      cancel: () => this.#end(), // the peer has left
    }, { highWaterMark: HIGH_WATER_BYTES, size: (bytes) => bytes?.byteLength ?? 0 });
    const end = () => this.#end();
    completed.then(end, end);
  }

  get bufferedAmount(): number {
    if (this.#isEnded) return 0;
    return HIGH_WATER_BYTES - (this.#controller?.desiredSize ?? HIGH_WATER_BYTES);
  }

  listen(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
  }

  send(frame: Frame): void {
    if (this.#isEnded) return;
    let bytes = encoded.get(frame);
    if (!bytes) encoded.set(frame, bytes = new Uint8Array(Buffer.from(`${frame.text}\n`)));
    this.#controller?.enqueue(bytes);
  }

  /** Ends the body behind the queued frames. A stream cannot transmit a close code. */
  close(): void {
    if (this.#isEnded) return;
    try {
      this.#controller?.close();
    } catch { /* already closed, or cut */ }
  }

  terminate(): void {
    if (!this.#isEnded) this.#controller?.error(CUT);
    this.#end();
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    try {
      this.#handlers?.onClose();
    } catch (error) {
      this.#log("error", "connection handler failed", { error });
    }
  }
}
