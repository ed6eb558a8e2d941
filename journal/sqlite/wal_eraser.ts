// The WAL eraser removes deleted texts from the write-ahead log, which keeps a copy of each page until it is overwritten. It
// does so at once if it can. It bounds the time that this takes, and retries while another process reads the log.
import type { DatabaseSync } from "node:sqlite";
import { emptyWal } from "../../base/sqlite.ts";

/** Pause between two erasures, in durations of the last one: however many deletions there are, they take 5 % of the time. */
const PAUSE = 20;

/** Pause before the next attempt while the log is in use. */
const RETRY_MS = 1_000;

export class WalEraser implements Disposable {
  readonly #db: DatabaseSync;
  /** Earliest time of the next erasure, as `performance.now()` counts. */
  #nextMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Erases now, or as soon as an erasure is due. */
  request(): void {
    if (this.#timer !== undefined) return;
    const waitMs = this.#nextMs - performance.now();
    if (waitMs > 0) this.#eraseIn(waitMs);
    else this.#erase();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #erase(): void {
    const startMs = performance.now();
    const isDone = emptyWal(this.#db);
    const nowMs = performance.now();
    this.#nextMs = nowMs + (nowMs - startMs) * PAUSE;
    if (!isDone) this.#eraseIn(RETRY_MS);
  }

  #eraseIn(waitMs: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#erase();
    }, waitMs);
  }
}
