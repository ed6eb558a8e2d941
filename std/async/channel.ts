// Stand-in for jsr:@std/async/channel: the part of upstream's Channel that Confab uses, with upstream's
// contract, over npm:denque. Nothing may be added here that upstream lacks (docs/decisions/0002).
import Denque from "denque";

/** Thrown by a closed {@linkcode Channel}. From `send`, `value` is the unsent value. */
export class ChannelClosedError extends Error {
  declare readonly value?: unknown;

  constructor(message: string, ...rest: [value: unknown] | []) {
    super(message);
    this.name = "ChannelClosedError";
    if (rest.length > 0) {
      Object.defineProperty(this, "value", { value: rest[0], enumerable: true });
    }
  }
}

/** Result of {@linkcode Channel.tryReceive}. */
export type ChannelReceiveResult<T> =
  | { state: "ok"; value: T }
  | { state: "empty" }
  | { state: "closed" };

/** Options of a {@linkcode Channel}. */
export interface ChannelOptions {
  /** Number of values that it buffers before `send` waits; 0 hands over directly. Default 0. */
  capacity?: number;
}

/** Shared, as most channels are never closed with a reason. */
const NO_REASON: [] = [];

interface Waiter<In> {
  resolve: (value: In) => void;
  reject: (reason: unknown) => void;
}

/**
 * A first-in, first-out queue between tasks. Each value goes to exactly one receiver, in the order of sending;
 * after `close` it still delivers the buffered values.
 */
export class Channel<T> implements AsyncIterable<T>, Disposable, AsyncDisposable {
  readonly #capacity: number;
  readonly #buffered = new Denque<T>();
  /** Waiting senders and receivers, allocated on demand: on many channels nobody ever waits. */
  #senders: Denque<Waiter<void> & { value: T }> | undefined;
  #receivers: Denque<Waiter<T>> | undefined;
  #closed = false;
  #reason: [reason: unknown] | [] = NO_REASON;

  /** @throws {RangeError} if `capacity` is not a whole number from 0 up. */
  constructor(options: ChannelOptions = {}) {
    const { capacity = 0 } = options;
    if (!Number.isInteger(capacity) || capacity < 0) {
      throw new RangeError(
        `Cannot create channel: capacity must be a non-negative integer, received ${capacity}`,
      );
    }
    this.#capacity = capacity;
  }

  /** Whether `close` has been called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Number of values that it buffers before `send` waits. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Number of buffered values. */
  get size(): number {
    return this.#buffered.length;
  }

  /**
   * Resolves once the value is buffered or handed over.
   * @throws {ChannelClosedError} with the unsent value, if the channel is closed before that.
   */
  send(value: T): Promise<void> {
    if (this.#closed) return Promise.reject(sendError(value));
    if (this.trySend(value)) return Promise.resolve();
    const senders = this.#senders ??= new Denque();
    return new Promise((resolve, reject) => senders.push({ value, resolve, reject }));
  }

  /**
   * Resolves with the next value.
   * @throws the reason that `close` was given, or {@linkcode ChannelClosedError}, once closed and empty.
   */
  receive(): Promise<T> {
    const next = this.tryReceive();
    if (next.state === "ok") return Promise.resolve(next.value);
    if (next.state === "closed") return Promise.reject(this.#receiveError());
    const receivers = this.#receivers ??= new Denque();
    return new Promise((resolve, reject) => receivers.push({ resolve, reject }));
  }

  /** Sends without waiting. Returns false if that is not possible now. */
  trySend(value: T): boolean {
    if (this.#closed) return false;
    const receiver = this.#receivers?.shift();
    if (receiver) receiver.resolve(value);
    else if (this.#buffered.length < this.#capacity) this.#buffered.push(value);
    else return false;
    return true;
  }

  /** Receives without waiting. */
  tryReceive(): ChannelReceiveResult<T> {
    if (this.#buffered.length > 0) {
      const value = this.#buffered.shift() as T;
      const sender = this.#senders?.shift();
      if (sender) {
        this.#buffered.push(sender.value);
        sender.resolve();
      }
      return { state: "ok", value };
    }
    const sender = this.#senders?.shift();
    if (sender) {
      sender.resolve();
      return { state: "ok", value: sender.value };
    }
    return this.#closed ? { state: "closed" } : { state: "empty" };
  }

  /** Ends the channel: waiting senders fail at once, receivers once it is empty. A second call does nothing. */
  close(): void;
  close(reason: unknown): void;
  close(...reason: [reason: unknown] | []): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reason = reason;
    for (let s = this.#senders?.shift(); s; s = this.#senders?.shift()) {
      s.reject(sendError(s.value));
    }
    for (let r = this.#receivers?.shift(); r; r = this.#receivers?.shift()) {
      r.reject(this.#receiveError());
    }
  }

  /** Yields values until the channel is closed and empty; throws the reason if `close` was given one. */
  async *[Symbol.asyncIterator](): AsyncIterableIterator<T> {
    try {
      while (true) yield await this.receive();
    } catch (error) {
      if (this.#reason.length > 0 || !(error instanceof ChannelClosedError)) throw error;
    }
  }

  /** Closes without a reason. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Closes without a reason. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  #receiveError(): unknown {
    if (this.#reason.length > 0) return this.#reason[0];
    return new ChannelClosedError("Cannot receive from a closed channel");
  }
}

function sendError(value: unknown): ChannelClosedError {
  return new ChannelClosedError("Cannot send to a closed channel", value);
}
