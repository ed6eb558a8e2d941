// Keeps the order of one connection when something is refused that may succeed later: what was sent behind it is on its
// way already, and must not overtake it. Knows neither what passes nor why it was refused. Times are of a clock that nobody
// sets.

/** A client that gives up what was refused is heard again after this. */
const PATIENCE_MS = 30_000;

/**
 * Once closed, it opens for the message that it was closed for, and for nothing else: that this comes again shows that
 * the client has read the refusal, so that all that follows is in order.
 */
export class RetryBarrier {
  #awaitedId: string | undefined;
  #openAtMs = 0;

  get isClosed(): boolean {
    return this.#awaitedId !== undefined;
  }

  /** Has no effect on one that is closed. */
  close(id: string, nowMs: number): void {
    if (this.isClosed) return;
    this.#awaitedId = id;
    this.#openAtMs = nowMs + PATIENCE_MS;
  }

  /** Whether the message may pass. */
  passes(id: string, nowMs: number): boolean {
    if (this.isClosed && this.#awaitedId !== id && nowMs < this.#openAtMs) return false;
    this.#awaitedId = undefined;
    return true;
  }
}
