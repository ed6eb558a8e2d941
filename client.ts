// One connection, between its socket and the hub: a read pump and a write pump, each the only one on its side.
// Made by the server for each upgrade; the hub knows it as a Member. What its messages mean is the dialog's part.
import { Channel } from "@std/async/channel";
import { delay } from "@std/async/delay";
import { Buffer } from "node:buffer";
import type { Dialog, MakeDialog } from "./dialog.ts";
import { ChatError, closeFor, type ErrorCode } from "./errors.ts";
import type { Hub } from "./hub.ts";
import type { Log } from "./log.ts";
import type { Member } from "./seat.ts";
import type { Connection } from "./transport/transport.ts";
import type { Batch, Notice, Wire } from "./wire/message.ts";

/** The send channel takes batches up to this many frames and bytes. A single batch of the hub is always smaller. */
const SEND_CAPACITY = 256;
const SEND_BYTES = 1024 * 1024;

/** Answers are not dropped, so they may take as much again; who reads none of them is closed. */
const MAX_QUEUED_BYTES = 2 * SEND_BYTES;

/** Bytes waiting in the socket at which writing stops. A WebSocket's own `send` never would. */
const HIGH_WATER_BYTES = 256 * 1024;

/** Time allowed without any byte leaving, while bytes wait, where one can see bytes leave. */
const WRITE_WAIT_MS = 10_000;

/** Where one cannot, time is allowed for a reader of this speed to make room that shows. */
const SLOWEST_READER_BYTES_PER_S = 1024;

/** How often that is checked. Must be well below `WRITE_WAIT_MS`. */
const WATCH_PERIOD_MS = 1_000;

/** How often a full socket is looked at again: it does not tell when it drains. */
const DRAIN_POLL_MS = 5;

/** How soon to come back after a close that the server begins. */
const RETRY_AFTER_MS = 250;

export interface ClientOptions {
  readonly hub: Hub;
  readonly connection: Connection;
  readonly makeDialog: MakeDialog;
  readonly log: Log;
}

/** Entries or a notice, as they go out. */
interface Outbound {
  readonly frame: string | undefined;
  readonly byteLength: number;
}

/** A member of a room whose batches go to a WebSocket. */
export class Client implements Member {
  readonly wire: Wire;
  readonly #hub: Hub;
  readonly #connection: Connection;
  readonly #dialog: Dialog;
  readonly #log: Log;
  readonly #send = new Channel<Outbound>({ capacity: Number.MAX_SAFE_INTEGER });
  /** Bytes in `#send`, including a frame that the write pump has been handed and not taken up. */
  #queuedBytes = 0;
  /** Refused a batch, so the hub sends nothing until asked. */
  #isLagging = false;
  /** Has asked the hub to go: what still arrives is ignored. */
  #isLeaving = false;
  /** The socket takes nothing more: what is queued is dropped. */
  #isGone = false;
  #writtenBytes = 0;
  /** When the peer last showed that it lives: by taking bytes or by saying something. */
  #aliveAt = 0;
  #closeCode: ErrorCode | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor(options: ClientOptions) {
    this.#hub = options.hub;
    this.#connection = options.connection;
    this.#log = options.log;
    this.#dialog = options.makeDialog(this);
    this.wire = this.#dialog.wire;
  }

  /** Runs both pumps. Resolves when the write pump has ended. */
  async run(): Promise<void> {
    this.#dialog.begin();
    this.#readPump();
    await this.#writePump();
  }

  /** For the hub: queues a batch. False leaves the queue as it is, without a hole, and marks this client lagging. */
  trySend(batch: Batch): boolean {
    const fits = this.#send.size < SEND_CAPACITY &&
      this.#queuedBytes + batch.byteLength <= SEND_BYTES;
    if (fits && !this.#isGone && this.#queue(batch)) return true;
    this.#isLagging = true;
    return false;
  }

  /** For hub and dialog: queues a notice, if the wire has a word for it. */
  tell(notice: Notice): void {
    const mayDrop = notice.type === "presence" || notice.type === "typing";
    if (mayDrop && (this.#isLagging || this.#queuedBytes > SEND_BYTES)) return;
    const frame = this.wire.encodeNotice(notice);
    if (frame === undefined) return;
    this.#queue({ frame, byteLength: Buffer.byteLength(frame) });
    if (this.#queuedBytes > MAX_QUEUED_BYTES) this.leave("fell_behind");
  }

  /** For the hub: no more batches. What is queued is written, then the socket is closed. */
  close(code?: ErrorCode): void {
    if (this.#send.closed) return;
    this.#closeCode ??= code;
    this.#isLeaving = true;
    this.#dialog.end();
    if (this.#closeCode) {
      this.tell({ type: "bye", code: this.#closeCode, retryAfterMs: RETRY_AFTER_MS });
      const remote = this.#connection.remoteAddress;
      this.#log("info", "client closed", { code: this.#closeCode, remote });
    }
    this.#send.close();
  }

  /** Asks the hub, if that knows this client, to let it go. With a code, that is why. */
  leave(code?: ErrorCode): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#closeCode = code;
    if (this.#dialog.hasJoined) this.#hub.unregister(this, code);
    else this.close(code);
  }

  /** The only reader of the socket. */
  #readPump(): void {
    this.#connection.listen({
      onMessage: (data) => {
        if (this.#isLeaving) return;
        this.#aliveAt = Date.now();
        try {
          this.#dialog.read(data);
        } catch (error) {
          if (!(error instanceof ChatError)) throw error;
          this.leave(error.code);
        }
      },
      onClose: () => {
        this.#isGone = true;
        this.leave();
      },
    });
  }

  /** The only writer of the socket: what is pending by the time it may write becomes one message. */
  async #writePump(): Promise<void> {
    for await (const outbound of this.#send) {
      await this.#untilWritable();
      if (this.#isGone) break;
      this.#write(outbound);
      if (this.#isLagging && this.#send.size === 0) {
        this.#isLagging = false;
        this.#hub.catchUp(this);
      }
    }
    clearInterval(this.#watch);
    // A runtime may keep a dead socket, and with it this object, for long: not the batches as well.
    while (this.#send.tryReceive().state === "ok");
    const { closeCode, reason } = closeFor(this.#closeCode);
    this.#connection.close(closeCode, reason);
  }

  async #untilWritable(): Promise<void> {
    while (this.#connection.bufferedAmount >= HIGH_WATER_BYTES && !this.#isGone) {
      await delay(DRAIN_POLL_MS);
    }
  }

  #queue(outbound: Outbound): boolean {
    if (!this.#send.trySend(outbound)) return false;
    this.#queuedBytes += outbound.byteLength;
    return true;
  }

  #write(first: Outbound): void {
    const frames: string[] = [];
    let bytes = 0;
    for (let next: Outbound | undefined = first; next; next = this.#nextBelow(bytes)) {
      if (next.frame !== undefined) frames.push(next.frame);
      bytes += next.byteLength;
    }
    this.#queuedBytes -= bytes;
    if (frames.length === 0) return;
    this.#connection.send(frames.length === 1 ? frames[0]! : frames.join("\n"));
    this.#writtenBytes += bytes + frames.length - 1;
    this.#watch ??= this.#watchProgress();
  }

  /** What else is pending, as long as less than `HIGH_WATER_BYTES` have been taken. */
  #nextBelow(bytes: number): Outbound | undefined {
    if (bytes >= HIGH_WATER_BYTES) return undefined;
    const next = this.#send.tryReceive();
    return next.state === "ok" ? next.value : undefined;
  }

  /** While bytes wait in the socket some must leave, or the peer must say something, or this client is stuck and goes. */
  #watchProgress(): ReturnType<typeof setInterval> {
    const unseenMs = this.#connection.unseenBytes / SLOWEST_READER_BYTES_PER_S * 1000;
    const allowedMs = Math.max(WRITE_WAIT_MS, unseenMs);
    let leftBytes = 0;
    this.#aliveAt = Date.now();
    const watch = setInterval(() => {
      const waiting = this.#connection.bufferedAmount;
      const left = this.#writtenBytes - waiting;
      if (left > leftBytes) {
        leftBytes = left;
        this.#aliveAt = Date.now();
      }
      if (waiting === 0) {
        clearInterval(watch);
        this.#watch = undefined;
      } else if (Date.now() - this.#aliveAt >= allowedMs) {
        this.#isGone = true;
        this.leave("stalled");
      }
    }, WATCH_PERIOD_MS);
    return watch;
  }
}
