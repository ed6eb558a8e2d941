// One connection, between its socket and the hub: a read pump and a write pump, each the only one on its side.
// Made by the server for each upgrade; the hub knows it as a Member. What its messages mean is the dialog's part.
import { Channel } from "@std/async/channel";
import type { Principal } from "./auth/principal.ts";
import type { MakeHandler, ProtocolHandler } from "./client/handler.ts";
import { ChatError, closeFor, type ErrorCode } from "./protocol/errors.ts";
import type { Hub } from "./hub.ts";
import { DEFAULT_LIMITS, type Limits, maxMessageBytes } from "./base/limits.ts";
import type { Log } from "./base/log.ts";
import type { Member } from "./hub/subscription.ts";
import { increment } from "./hub/stats.ts";
import type { Connection, ConnectionHandlers } from "./transport/transport.ts";
import { Frame } from "./protocol/frame.ts";
import type { Batch, Notice, Wire } from "./protocol/message.ts";

/** The send channel takes batches up to this many bytes, and one of any size when it is empty. */
const SEND_BYTES = 1024 * 1024;

/** Answers are not dropped, so they may take as much again; who reads none of them is closed. */
const MAX_QUEUED_BYTES = 2 * SEND_BYTES;

/** Bytes waiting in the socket at which writing stops. A WebSocket's own `send` never would. */
const HIGH_WATER_BYTES = 256 * 1024;

/** A frame above this goes as a message of its own. */
const MAX_JOINED_BYTES = 4096;

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

/** Who is banned would be turned away again, and may ask now and then whether that has changed. */
export const BANNED_RETRY_AFTER_MS = 600_000;

/** A batch of which the wire shows nothing takes its place in the queue all the same, so that all keep their order. */
const EMPTY = new Frame("");

/** Clients whose write pump is to run: one microtask for all of them. */
const due: Client[] = [];

/** Told of a client when it begins, and by the function that it gives, when it has ended. */
export type TrackConnection = (client: Client) => () => void;

export interface ClientOptions {
  readonly hub: Hub;
  readonly connection: Connection;
  readonly makeHandler: MakeHandler;
  readonly log: Log;
  readonly principal: Principal;
  /** IP address that it comes from; that of the connection may be a proxy's. */
  readonly address: string;
  readonly trackConnection?: TrackConnection | undefined;
  readonly limits?: Limits | undefined;
}

/** A member of a room whose batches go to a WebSocket. */
export class Client implements Member, ConnectionHandlers {
  readonly wire: Wire;
  readonly principal: Principal;
  readonly address: string;
  readonly #hub: Hub;
  readonly #connection: Connection;
  readonly #handler: ProtocolHandler;
  readonly #log: Log;
  readonly #trackConnection: TrackConnection | undefined;
  #release: (() => void) | undefined;
  readonly #limits: Limits;
  readonly #send = new Channel<Frame>({ capacity: Number.MAX_SAFE_INTEGER });
  /** Bytes in `#send`. */
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
  #isPumpDue = false;

  constructor(options: ClientOptions) {
    this.#hub = options.hub;
    this.#connection = options.connection;
    this.#log = options.log;
    this.principal = options.principal;
    this.address = options.address;
    this.#trackConnection = options.trackConnection;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
    this.#handler = options.makeHandler(this);
    this.wire = this.#handler.wire;
  }

  /** Starts both pumps. */
  run(): void {
    this.#handler.begin();
    this.#connection.listen(this);
    if (!this.#isLeaving) this.#release = this.#trackConnection?.(this);
  }

  /** The read pump, the only reader of the socket. */
  onMessage(data: string | ArrayBuffer): void {
    if (this.#isLeaving) return;
    this.#aliveAt = Date.now();
    try {
      this.#handler.read(data);
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      this.leave(error.code);
    }
  }

  /** For the connection: it has ended. */
  onClose(): void {
    this.#isGone = true;
    this.leave();
  }

  /** For the hub: queues a batch. False leaves the queue as it is, without a hole, and marks this client lagging. */
  trySend(batch: Batch): boolean {
    const { frame = EMPTY } = batch;
    const fits = this.#send.size === 0 || this.#send.size < this.#limits.queuedBatches &&
        this.#queuedBytes + frame.byteLength <= SEND_BYTES;
    if (fits && this.#queue(frame)) return true;
    this.#isLagging = true;
    return false;
  }

  /** For hub and dialog: queues a notice, if the wire has a word for it. */
  notify(notice: Notice): void {
    const mayDrop = notice.type === "presence" || notice.type === "typing";
    if (mayDrop && (this.#isLagging || this.#queuedBytes > SEND_BYTES)) return;
    const frame = this.wire.encodeNotice(notice);
    if (frame === undefined) return;
    if (notice.type === "error") this.#hub.countRefusal(notice.code);
    this.#queue(frame);
    // Where texts may be very long, one of them must not look like a reader that is behind.
    const maxBytes = Math.max(MAX_QUEUED_BYTES, 2 * maxMessageBytes(this.#limits));
    if (this.#queuedBytes > maxBytes) this.leave("fell_behind");
  }

  /** For the hub: no more batches. What is queued is written, then the socket is closed. */
  close(code?: ErrorCode): void {
    if (this.#send.closed) return;
    this.#closeCode ??= code;
    this.#isLeaving = true;
    this.#release?.();
    this.#handler.end();
    if (this.#closeCode) {
      const isBanned = this.#closeCode === "banned";
      const retryAfterMs = isBanned ? BANNED_RETRY_AFTER_MS : RETRY_AFTER_MS;
      this.notify({ type: "bye", code: this.#closeCode, retryAfterMs });
      increment(this.#hub.stats.closed, this.#closeCode);
      this.#log("info", "client closed", { code: this.#closeCode, remote: this.address });
    }
    this.#send.close();
    this.#pumpSoon();
  }

  /** Asks the hub, if that knows this client, to let it go. With a code, that is why. */
  leave(code?: ErrorCode): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#closeCode = code;
    if (this.#handler.hasJoined) this.#hub.unregister(this, code);
    else this.close(code);
  }

  /**
   * The only writer of the socket: what is pending by the time it may write becomes one message. Not a loop that awaits
   * the channel: with the same frame for a hundred clients, their promises would cost more than writing does.
   */
  #writePump(): void {
    this.#isPumpDue = false;
    while (!this.#isGone) {
      if (this.#send.size === 0) {
        if (this.#send.closed) break;
        return;
      }
      if (this.#connection.bufferedAmount >= HIGH_WATER_BYTES) return this.#pumpLater();
      this.#write();
      if (this.#isLagging && this.#send.size === 0) {
        this.#isLagging = false;
        this.#hub.catchUp(this);
      }
    }
    this.#endPump();
  }

  /** Lets the pump run once this turn has delivered everything. */
  #pumpSoon(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    if (due.push(this) === 1) queueMicrotask(Client.#pumpDue);
  }

  #pumpLater(): void {
    this.#isPumpDue = true;
    setTimeout(() => this.#pump(), DRAIN_POLL_MS);
  }

  #pump(): void {
    try {
      this.#writePump();
    } catch (error) {
      this.#log("error", "client failed", { error });
      this.#isGone = true;
      if (this.#send.closed) this.#endPump();
      else this.leave("internal");
    }
  }

  static #pumpDue(this: void): void {
    for (const client of due.splice(0)) client.#pump();
  }

  #endPump(): void {
    clearInterval(this.#watch);
    // A runtime may keep a dead socket, and with it this object, for long: not the batches as well.
    while (this.#send.tryReceive().state === "ok");
    const { closeCode, reason } = closeFor(this.#closeCode);
    if (this.#isGone) this.#connection.terminate(closeCode, reason);
    else this.#connection.close(closeCode, reason);
  }

  #queue(frame: Frame): boolean {
    if (this.#isGone || !this.#send.trySend(frame)) return false;
    this.#queuedBytes += frame.byteLength;
    this.#pumpSoon();
    return true;
  }

  /**
   * Writes what is pending, up to `HIGH_WATER_BYTES`. Small frames become one message; a large one is most likely
   * everybody's and encoded already, so it goes as it is.
   */
  #write(): void {
    if (this.#send.size === 1) return this.#put(this.#take());
    let small: Frame[] = [];
    for (let bytes = 0; bytes < HIGH_WATER_BYTES && this.#send.size > 0;) {
      const frame = this.#take();
      bytes += frame.byteLength;
      if (frame.byteLength <= MAX_JOINED_BYTES) small.push(frame);
      else {
        this.#put(join(small));
        this.#put(frame);
        small = [];
      }
    }
    this.#put(join(small));
  }

  #take(): Frame {
    const next = this.#send.tryReceive();
    if (next.state !== "ok") return EMPTY;
    this.#queuedBytes -= next.value.byteLength;
    return next.value;
  }

  #put(frame: Frame): void {
    if (frame === EMPTY) return;
    this.#connection.send(frame);
    this.#writtenBytes += frame.byteLength;
    this.#watch ??= this.#watchProgress();
  }

  /** While bytes wait in the socket some must leave, or the peer must say something, or this client is stuck and goes. */
  #watchProgress(): ReturnType<typeof setInterval> {
    const unseenMs = this.#connection.unseenBytes / SLOWEST_READER_BYTES_PER_S * 1000;
    const allowedMs = this.#limits.stallMs ?? Math.max(WRITE_WAIT_MS, unseenMs);
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

/** One frame of several. */
function join(frames: readonly Frame[]): Frame {
  const shown = frames.filter((frame) => frame !== EMPTY);
  return shown.length > 1 ? new Frame(shown.map(({ text }) => text).join("\n")) : shown[0] ?? EMPTY;
}
