// Watches the write-ahead log (WAL) of the journal: measures it, notices that it was deleted, and empties it. The log keeps a
// copy of each page until it is overwritten, so it is emptied after a deletion. It is also emptied after it has grown: SQLite
// cannot reuse it while another process reads, and never shrinks it by itself.
import type { DatabaseSync } from "node:sqlite";
import { closeSync, fstatSync, openSync } from "node:fs";
import { emptyWal } from "../../base/sqlite.ts";

/** Pause between two attempts, in durations of the last one: however many requests there are, they take 5 % of the time. */
const PAUSE = 20;

/** Pause before the next attempt while the log is in use. */
const RETRY_MS = 1_000;

export interface WalOptions {
  readonly path: string;
  /** Descriptor of the database's file. Its owner closes it after the database, whose locks would end with it. */
  readonly database: number;
  /** Size to keep. Above the size at which SQLite writes the log into the database, so that a usual log is not emptied for it. */
  readonly maxKeptBytes: number;
}

export class Wal implements Disposable {
  readonly #db: DatabaseSync;
  /** Measures the log: unlike any other call, seeking needs no permission for a file that is open. */
  readonly #file: Deno.FsFile;
  readonly #descriptor: number;
  readonly #database: number;
  readonly #maxKeptBytes: number;
  /** Earliest time of the next attempt, as `performance.now()` counts. */
  #nextMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** The log must exist: a database that was read has one. */
  constructor(db: DatabaseSync, { path, database, maxKeptBytes }: WalOptions) {
    this.#db = db;
    this.#maxKeptBytes = maxKeptBytes;
    this.#database = database;
    this.#file = Deno.openSync(path);
    this.#descriptor = openSync(path, "r");
    db.exec(`PRAGMA journal_size_limit = ${maxKeptBytes}`);
  }

  /** Size of the log's file. */
  get bytes(): number {
    return this.#file.seekSync(0, Deno.SeekMode.End);
  }

  /** Whether the log or the database was deleted. SQLite does not notice, and would lose what it stores. */
  get isDeleted(): boolean {
    try {
      return [this.#descriptor, this.#database].some((file) => fstatSync(file).nlink === 0);
    } catch {
      return false; // Deno 2.6 needs a permission that the server has revoked
    }
  }

  /** Empties the log if it has grown. */
  trim(): void {
    if (this.bytes > this.#maxKeptBytes) this.empty();
  }

  /** Empties the log now, or as soon as an attempt is due. */
  empty(): void {
    if (this.#timer !== undefined) return;
    const waitMs = this.#nextMs - performance.now();
    if (waitMs > 0) this.#emptyIn(waitMs);
    else this.#tryEmpty();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#file.close();
    closeSync(this.#descriptor);
  }

  #tryEmpty(): void {
    const startMs = performance.now();
    const isDone = emptyWal(this.#db);
    const nowMs = performance.now();
    this.#nextMs = nowMs + (nowMs - startMs) * PAUSE;
    if (!isDone) this.#emptyIn(RETRY_MS);
  }

  #emptyIn(waitMs: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#tryEmpty();
    }, waitMs);
  }
}
