// A client stands between one connection and the hub: its read pump is the only reader of the socket, its write pump the only
// writer. `http/room/` makes one for each WebSocket or stream; the hub knows it as a Member. A protocol handler knows what messages mean.
import { Channel } from "@std/async/channel";
import type { Principal } from "./auth/principal.ts";
import type { MakeHandler, ProtocolHandler } from "./client/handler.ts";
import { ChatError, closeFor, type ErrorCode } from "./protocol/errors.ts";
import type { Hub } from "./hub.ts";
import { DEFAULT_LIMITS, type Limits, maxMessageBytes } from "./base/limits.ts";
import type { AddressBudget } from "./base/address_budget.ts";
import type { Log } from "./base/log.ts";
import type { Hold, Holder, Holding } from "./base/waiting_bytes.ts";
import type { Member } from "./hub/subscription.ts";
import type { Connection, ConnectionHandlers } from "./transport/transport.ts";
import { Frame } from "./protocol/frame.ts";
import type { Batch, Notice, Wire } from "./protocol/message.ts";

/** Maximum bytes of batches in the send channel. An empty channel accepts a batch of any size. */
const SEND_BYTES = 1024 * 1024;

/** Maximum bytes in the send channel, notices included. Beyond it the client is closed, because most notices must not be dropped. */
const MAX_QUEUED_BYTES = 2 * SEND_BYTES;

/** Bytes waiting in the socket at which writing pauses. A WebSocket's own `send` never pauses. */
const HIGH_WATER_BYTES = 256 * 1024;

/** The same for an address that makes the server keep very much. */
const CROWDED_HIGH_WATER_BYTES = 64 * 1024;

/** Maximum bytes of a frame that is joined with others. A larger one becomes a message of its own. */
const MAX_JOINED_BYTES = 4096;

/** Write deadline, if progress can be observed byte by byte: time without any, while bytes wait. */
const WRITE_WAIT_MS = 10_000;

/** Otherwise the write deadline is the time that a reader at this speed needs to drain the transport's `unseenBytes`. */
const SLOWEST_READER_BYTES_PER_S = 1024;

/** Period of the check for progress. Must be well below `WRITE_WAIT_MS`. */
const WATCH_PERIOD_MS = 1_000;

/** Period at which a full socket is polled: it has no event for having drained. */
const DRAIN_POLL_MS = 5;

/** Time after which a client should reconnect when the server has closed it. */
const RETRY_AFTER_MS = 250;

/** Time after which a banned client should retry: the ban may have been lifted by then. */
export const BANNED_RETRY_AFTER_MS = 600_000;

/** Time for a client that is cut to read the reason. */
const CUT_WAIT_MS = 5_000;

/** Stands in the queue for a batch that the protocol does not show, so that the order is kept. */
const EMPTY = new Frame("");

/** Clients whose write pump has to run. One microtask serves them all. */
const due: Client[] = [];

/** Registers a client when it starts, and returns a function that removes it when it has ended. */
export type TrackConnection = (client: Client) => () => void;

export interface ClientOptions {
  readonly hub: Hub;
  readonly connection: Connection;
  readonly makeHandler: MakeHandler;
  readonly log: Log;
  readonly principal: Principal;
  /** IP address of the client. The connection's own address may be that of a proxy. */
  readonly address: string;
  /** Budget of that address. Undefined if nothing is counted. */
  readonly budget?: AddressBudget | undefined;
  readonly trackConnection?: TrackConnection | undefined;
  readonly limits?: Limits | undefined;
  /** Counts what waits for that address. */
  readonly hold?: Hold | undefined;
}

/** A member of a room whose batches go to a connection. */
export class Client implements Member, ConnectionHandlers, Holder {
  readonly wire: Wire;
  readonly principal: Principal;
  readonly address: string;
  readonly budget: AddressBudget | undefined;
  /** Readers of a room have the same frames. */
  readonly isShared = true;
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
  /** Whether it has refused a batch: the hub then sends none until the client asks. */
  #isLagging = false;
  /** Whether it has asked the hub to remove it. Messages that still arrive are ignored. */
  #isLeaving = false;
  /** Whether the socket is gone. The queue is then dropped. */
  #isGone = false;
  #writtenBytes = 0;
  /** Time when the peer last showed a sign of life, by reading bytes or by sending a message. */
  #aliveAtMs = 0;
  #closeCode: ErrorCode | undefined;
  /** Time after which it should reconnect when the server has closed it. */
  #retryAfterMs = RETRY_AFTER_MS;
  #watch: ReturnType<typeof setInterval> | undefined;
  #isPumpDue = false;
  readonly #holding: Holding | undefined;
  /** Bytes of a message that has not arrived completely. */
  #unfinishedBytes = 0;
  /** Whether its address makes the server keep too much, and this client the most of it. The queue is then dropped. */
  #isCut = false;
  #cutTimer: ReturnType<typeof setTimeout> | undefined;
  #hasEnded = false;

  constructor(options: ClientOptions) {
    this.#hub = options.hub;
    this.#connection = options.connection;
    this.#log = options.log;
    this.principal = options.principal;
    this.address = options.address;
    this.budget = options.budget;
    this.#trackConnection = options.trackConnection;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
    this.#handler = options.makeHandler(this);
    this.wire = this.#handler.wire;
    this.#holding = options.hold?.(this);
  }

  /** Starts both pumps. */
  run(): void {
    this.#handler.begin();
    this.#connection.listen(this);
    if (!this.#isLeaving) this.#release = this.#trackConnection?.(this);
  }

  /** Handles one inbound message: the read pump, the only reader of the socket. */
  onMessage(data: string | ArrayBuffer): void {
    if (this.#isLeaving) return;
    this.#aliveAtMs = performance.now();
    try {
      this.#handler.read(data);
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      this.leave(error.code, error.retryAfterMs);
    }
  }

  /** Called by the connection when it keeps more bytes of an unfinished message, or fewer. */
  onUnfinished(bytes: number): void {
    this.#unfinishedBytes = bytes;
    this.#holding?.update();
  }

  /** Called by the connection when the peer has broken the protocol or a limit of the transport. */
  onFault(code: ErrorCode): void {
    this.leave(code);
  }

  /** Called by the connection when it has ended. */
  onClose(): void {
    this.#isGone = this.#hasEnded = true;
    clearTimeout(this.#cutTimer);
    this.#holding?.update();
    this.leave();
  }

  /** Bytes that the address makes the server keep. A dead socket keeps its own until the runtime reports its end. */
  get waitingBytes(): number {
    if (this.#hasEnded) return 0;
    return this.#queuedBytes + this.#connection.bufferedAmount + this.#unfinishedBytes;
  }

  /** Drops the queue and leaves. A peer that still reads receives the reason. */
  cut(): void {
    this.#isCut = true;
    while (this.#send.size > 0) this.#take();
    this.leave("address_full");
  }

  /** Queues a batch for the hub. False leaves the queue as it is, without a hole, and marks this client as lagging. */
  trySend(batch: Batch): boolean {
    const { frame = EMPTY } = batch;
    if (this.#isCut) return false;
    const fits = this.#send.size === 0 ||
      !this.#holding?.isCrowded && this.#send.size < this.#limits.queuedBatches &&
        this.#queuedBytes + frame.byteLength <= SEND_BYTES;
    if (fits && this.#queue(frame)) return true;
    this.#isLagging = true;
    return false;
  }

  /** Queues a notice for the hub or the handler, if the protocol can express it. */
  notify(notice: Notice): void {
    const mayDrop = notice.type === "presence" || notice.type === "typing";
    if (mayDrop && (this.#isLagging || this.#queuedBytes > SEND_BYTES)) return;
    const frame = this.wire.encodeNotice(notice);
    if (frame === undefined) return;
    if (notice.type === "error") this.#hub.countRefusal(notice.code);
    this.#queue(frame);
    // The limit grows with the maximum text, so that one long message does not exceed it.
    const maxBytes = Math.max(MAX_QUEUED_BYTES, 2 * maxMessageBytes(this.#limits));
    if (this.#queuedBytes > maxBytes) this.leave("fell_behind");
  }

  /** Ends the membership for the hub: the queue is still written, then the socket is closed. */
  close(code?: ErrorCode): void {
    if (this.#send.closed) return;
    this.#closeCode ??= code;
    this.#isLeaving = true;
    this.#release?.();
    this.#handler.end();
    if (this.#closeCode) {
      const isBanned = this.#closeCode === "banned";
      const retryAfterMs = isBanned ? BANNED_RETRY_AFTER_MS : this.#retryAfterMs;
      this.notify({ type: "bye", code: this.#closeCode, retryAfterMs });
      this.#hub.countClose(this.#closeCode);
      this.#log("info", "client closed", { code: this.#closeCode, remote: this.address });
    }
    this.#send.close();
    this.#pumpSoon();
  }

  /**
   * Asks the hub to remove this client, if it has joined; the hub then calls {@linkcode close}, and the pump closes the socket.
   * The code is the reason, if there is one.
   */
  leave(code?: ErrorCode, retryAfterMs = RETRY_AFTER_MS): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#closeCode = code;
    this.#retryAfterMs = retryAfterMs;
    if (this.#handler.hasJoined) this.#hub.unregister(this, code);
    else this.close(code);
  }

  /**
   * The write pump, the only writer of the socket. It joins small pending frames into one message. It runs when scheduled
   * instead of awaiting the channel: with a hundred clients, the promises would cost more than the writes.
   */
  #writePump(): void {
    this.#isPumpDue = false;
    while (!this.#isGone) {
      if (this.#send.size === 0) {
        if (this.#send.closed) break;
        return;
      }
      if (this.#connection.bufferedAmount >= this.#highWaterBytes) return this.#pumpLater();
      this.#write();
      if (this.#isLagging && this.#send.size === 0) {
        this.#isLagging = false;
        this.#hub.catchUp(this);
      }
    }
    this.#endPump();
  }

  get #highWaterBytes(): number {
    if (this.#isCut) return Infinity;
    return this.#holding?.isCrowded ? CROWDED_HIGH_WATER_BYTES : HIGH_WATER_BYTES;
  }

  /** Schedules the pump as a microtask, so that frames queued until then are written together. */
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
    // A runtime may keep a dead socket, and with it this object, for a long time. It must not keep the batches too.
    while (this.#send.size > 0) this.#take();
    this.#holding?.update();
    const { closeCode, reason } = closeFor(this.#closeCode);
    if (this.#isGone) this.#connection.terminate(closeCode, reason);
    else this.#connection.close(closeCode, reason);
    if (!this.#isCut || this.#hasEnded) return;
    const terminate = () => this.#connection.terminate(closeCode, reason);
    this.#cutTimer = setTimeout(terminate, CUT_WAIT_MS);
  }

  #queue(frame: Frame): boolean {
    if (this.#isGone || !this.#send.trySend(frame)) return false;
    this.#queuedBytes += frame.byteLength;
    this.#holding?.update();
    this.#pumpSoon();
    return true;
  }

  /**
   * Writes the queue, up to `HIGH_WATER_BYTES`. Small frames are joined into one message. A large one is most likely shared
   * with other clients and encoded already, so it is sent as it is.
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
    this.#holding?.update();
    this.#watch ??= this.#watchProgress();
  }

  /** Closes the client as stalled after the write deadline: bytes wait in the socket, none leaves, and the peer sends nothing. */
  #watchProgress(): ReturnType<typeof setInterval> {
    const unseenMs = this.#connection.unseenBytes / SLOWEST_READER_BYTES_PER_S * 1000;
    const allowedMs = this.#limits.stallMs ?? Math.max(WRITE_WAIT_MS, unseenMs);
    let leftBytes = 0;
    this.#aliveAtMs = performance.now();
    const watch = setInterval(() => {
      const waiting = this.#connection.bufferedAmount;
      this.#holding?.update();
      const left = this.#writtenBytes - waiting;
      if (left > leftBytes) {
        leftBytes = left;
        this.#aliveAtMs = performance.now();
      }
      if (waiting === 0) {
        clearInterval(watch);
        this.#watch = undefined;
      } else if (performance.now() - this.#aliveAtMs >= allowedMs) {
        this.#isGone = true;
        this.leave("stalled");
      }
    }, WATCH_PERIOD_MS);
    return watch;
  }
}

/** Joins frames into one. */
function join(frames: readonly Frame[]): Frame {
  const shown = frames.filter((frame) => frame !== EMPTY);
  return shown.length > 1 ? new Frame(shown.map(({ text }) => text).join("\n")) : shown[0] ?? EMPTY;
}
