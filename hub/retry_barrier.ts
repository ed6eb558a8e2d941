// A retry barrier keeps the order of one connection when a message is refused that may succeed later. Messages behind it are
// on their way already, and must not overtake it. It does not find duplicates: `Journal.append` does. Times are monotonic (`performance.now()`).

/** Time after which the barrier opens for a client that never sends the refused message again. */
const PATIENCE_MS = 30_000;

/**
 * Once closed, the barrier opens for the message that it was closed for, and for no other. When that message comes again, the
 * client has read the refusal, so everything behind it is in order.
 */
export class RetryBarrier {
  #awaitedId: string | undefined;
  #openAtMs = 0;

  get isClosed(): boolean {
    return this.#awaitedId !== undefined;
  }

  /** Closes the barrier for a refused message. Has no effect while it is closed. */
  close(id: string, nowMs: number): void {
    if (this.isClosed) return;
    this.#awaitedId = id;
    this.#openAtMs = nowMs + PATIENCE_MS;
  }

  /** Lets the message pass, and opens the barrier; or returns false. */
  tryPass(id: string, nowMs: number): boolean {
    if (this.isClosed && this.#awaitedId !== id && nowMs < this.#openAtMs) return false;
    this.#awaitedId = undefined;
    return true;
  }
}
