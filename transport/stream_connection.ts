// A connection over the body of an HTTP response: it takes what is sent and says nothing. Every transport uses this one.
import { Buffer } from "node:buffer";
import type { Log } from "../base/log.ts";
import type { Frame } from "../protocol/frame.ts";
import { type Connection, type ConnectionHandlers, UNSEEN_BYTES } from "./transport.ts";

/** Why a body ends that was cut. */
export const CUT = new Error("Cannot send: the stream was cut");

/** The stream counts down from this, so that what waits in it can be told. It refuses nothing beyond. */
const HIGH_WATER_BYTES = 1;

/** Frames as they leave, each with the newline that ends it: made once for all who are sent the same. */
const encoded = new WeakMap<Frame, Uint8Array<ArrayBuffer>>();

export interface StreamConnectionOptions {
  readonly remoteAddress: string;
  /** Settles when the response has been sent, or when it never will be. */
  readonly completed: Promise<unknown>;
  readonly log: Log;
}

export class StreamConnection implements Connection {
  readonly remoteAddress: string;
  readonly unseenBytes = UNSEEN_BYTES;
  /** What the response is made of. */
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
      cancel: () => this.#end(), // the peer has gone
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

  /** What waits is sent first. A stream has no word for a code. */
  close(): void {
    if (this.#isEnded) return;
    try {
      this.#controller?.close();
    } catch { /* closed before, or cut */ }
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
