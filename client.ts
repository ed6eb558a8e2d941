// One connection, between its socket and the hub: a read pump and a write pump, each the only one on its side.
// Speaks the seed's wire. Made by the server for each upgrade; the hub knows it as a Member.
import { Channel } from "@std/async/channel";
import { delay } from "@std/async/delay";
import { ChatError, closeFor, type ErrorCode } from "./errors.ts";
import type { Hub, Member } from "./hub.ts";
import type { Log } from "./log.ts";
import type { Connection } from "./transport/transport.ts";
import type { Batch } from "./wire/message.ts";
import { decodeLine, joinFrames } from "./wire/text.ts";

/** Largest inbound message, in bytes of UTF-8. */
const MAX_MESSAGE_BYTES = 16 * 1024;

/** The send channel: at most this many batches and bytes. A single batch of the hub is always smaller. */
const SEND_CAPACITY = 256;
const SEND_BYTES = 1024 * 1024;

/** Bytes waiting in the socket at which writing stops. A WebSocket's own `send` never would. */
const HIGH_WATER_BYTES = 256 * 1024;

/** Time allowed without any byte leaving, while bytes wait. */
const WRITE_WAIT_MS = 10_000;

/** How often that is checked. Must be well below `WRITE_WAIT_MS`. */
const WATCH_PERIOD_MS = 1_000;

/** How often a full socket is looked at again: it does not tell when it drains. */
const DRAIN_POLL_MS = 5;

export interface ClientOptions {
  readonly hub: Hub;
  readonly connection: Connection;
  readonly log: Log;
}

/** A member of the room whose batches go to a WebSocket. */
export class Client implements Member {
  readonly #hub: Hub;
  readonly #connection: Connection;
  readonly #log: Log;
  readonly #send = new Channel<Batch>({ capacity: SEND_CAPACITY });
  /** Bytes in `#send`, including a batch that the write pump has been handed and not taken up. */
  #queuedBytes = 0;
  /** Refused a batch, so the hub sends nothing until asked. */
  #isLagging = false;
  /** Has asked the hub to go: what still arrives is ignored. */
  #isLeaving = false;
  /** The socket takes nothing more: what is queued is dropped. */
  #isGone = false;
  #writtenSeq = 0;
  #writtenBytes = 0;
  #closeCode: ErrorCode | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;

  constructor(options: ClientOptions) {
    this.#hub = options.hub;
    this.#connection = options.connection;
    this.#log = options.log;
  }

  /** Joins the room and runs both pumps. Resolves when the write pump has ended. */
  async run(): Promise<void> {
    this.#hub.register(this);
    this.#readPump();
    await this.#writePump();
  }

  /** For the hub: queues a batch. False leaves the queue as it is, without a hole, and marks this client lagging. */
  trySend(batch: Batch): boolean {
    const fits = this.#queuedBytes + batch.byteLength <= SEND_BYTES;
    if (fits && !this.#isGone && this.#send.trySend(batch)) {
      this.#queuedBytes += batch.byteLength;
      return true;
    }
    this.#isLagging = true;
    return false;
  }

  /** For the hub: no more batches. What is queued is written, then the socket is closed. */
  close(code?: ErrorCode): void {
    this.#closeCode ??= code;
    this.#isLeaving = true;
    this.#send.close();
    if (code) {
      this.#log("info", "client closed", { code, remote: this.#connection.remoteAddress });
    }
  }

  /** The only reader of the socket. */
  #readPump(): void {
    this.#connection.listen({
      onMessage: (data) => {
        if (this.#isLeaving) return;
        try {
          this.#hub.broadcast(decodeLine(data, MAX_MESSAGE_BYTES));
        } catch (error) {
          if (!(error instanceof ChatError)) throw error;
          this.#leave(error.code);
        }
      },
      onClose: () => {
        this.#isGone = true;
        this.#leave();
      },
    });
  }

  /** The only writer of the socket: what is pending by the time it may write becomes one message. */
  async #writePump(): Promise<void> {
    for await (const batch of this.#send) {
      await this.#untilWritable();
      if (this.#isGone) break;
      this.#write(batch);
      if (this.#isLagging && this.#send.size === 0) {
        this.#isLagging = false;
        this.#hub.catchUp(this, this.#writtenSeq);
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

  #write(first: Batch): void {
    const frames = [first.frame];
    let bytes = first.byteLength;
    let last = first;
    while (bytes < HIGH_WATER_BYTES) {
      const next = this.#send.tryReceive();
      if (next.state !== "ok") break;
      last = next.value;
      frames.push(last.frame);
      bytes += last.byteLength;
    }
    this.#queuedBytes -= bytes;
    this.#connection.send(frames.length === 1 ? first.frame : joinFrames(frames));
    this.#writtenSeq = last.lastSeq;
    this.#writtenBytes += bytes + frames.length - 1;
    this.#watch ??= this.#watchProgress();
  }

  /** While bytes wait in the socket some must leave, or this client is stuck and goes. */
  #watchProgress(): ReturnType<typeof setInterval> {
    let leftBytes = 0;
    let leftAt = Date.now();
    const watch = setInterval(() => {
      const waiting = this.#connection.bufferedAmount;
      const left = this.#writtenBytes - waiting;
      if (left > leftBytes) {
        leftBytes = left;
        leftAt = Date.now();
      }
      if (waiting === 0) {
        clearInterval(watch);
        this.#watch = undefined;
      } else if (Date.now() - leftAt >= WRITE_WAIT_MS) {
        this.#isGone = true;
        this.#leave("stalled");
      }
    }, WATCH_PERIOD_MS);
    return watch;
  }

  #leave(code?: ErrorCode): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#closeCode = code;
    this.#hub.unregister(this, code);
  }
}
