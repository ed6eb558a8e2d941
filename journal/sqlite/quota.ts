// Bounds the size of the data folder (`--max-data`). Every message reserves space before it is accepted, so that the database and
// its write-ahead log (WAL) stay within the limit at any moment, also while another process keeps the log from shrinking.
//
// New rooms are refused first, and messages before deletions and moderation: strangers who fill the folder with rooms must not
// silence the rooms that exist, and somebody must be able to free space in a full folder. Reservations are upper bounds. The
// exact figures are read only when they seem not to fit.
import type { DatabaseSync } from "node:sqlite";
import { boundFiles, countPages, prepareAll, type Prepared } from "../../base/sqlite.ts";
import type { Draft, Shortage, Usage } from "../journal.ts";
import type { Wal } from "./wal.ts";

/** Parts of the limit that stored data may fill before the next new room, message, or deletion is refused. */
const SHARES = { room: 0.7, message: 0.85, removal: 0.9 } as const;

/** Part of the limit that the database file may have. The WAL has the rest, but for that of {@linkcode accessBytes}. */
const FILE_SHARE = SHARES.removal;

/** Part of the limit for access.db, which has its own bound. */
const ACCESS_SHARE = 0.02;

/** Part of the limit at which SQLite writes the WAL into the database, and that a WAL may keep. */
const WAL_SHARE = 0.02;

/** Maximum of the same in bytes: SQLite's default. */
const MAX_WAL_BYTES = 4 * 1024 * 1024;

/** Pages that a message changes beside those of its text: of entries, ids, names and their indexes, splits included. */
const MESSAGE_PAGES = 10;

/** Bytes of a row beside its text, at most. */
const ROW_BYTES = 300;

/** A longer text has pages of its own. */
const LONG_TEXT_BYTES = 800;

/** Bytes that any transaction may need beside its reservations, and those of the shared memory. */
const SLACK_BYTES = 256 * 1024;

/** The WAL has a header for each page, and shared memory for each header. */
const WAL_OVERHEAD = 1.02;

const SQL = {
  findErasable: `SELECT
    (SELECT octet_length(text) FROM entries
      WHERE room = ?1 AND seq = ?2 AND kind = 0 AND "on") AS message,
    (SELECT count(*) FROM entries WHERE room = ?1 AND kind = 1 AND ref = ?2) AS edits,
    (SELECT total(octet_length(text)) FROM entries
      WHERE room = ?1 AND kind = 1 AND ref = ?2) AS bytes`,
  readSizes: `SELECT seq, octet_length(text) AS bytes FROM entries
    WHERE room = ? AND seq <= ? ORDER BY seq`,
} as const;

/** Returns the bytes that access.db may have, within the limit of its folder. */
export function accessBytes(maxBytes: number): number {
  return maxBytes * ACCESS_SHARE;
}

/** Returns the size at which SQLite writes the WAL of a folder with this limit into the database. */
export function walBytes(maxBytes: number): number {
  return Math.min(maxBytes * WAL_SHARE, MAX_WAL_BYTES);
}

export interface QuotaOptions {
  readonly wal: Wal;
  /** Limit of the folder; Infinity for none. */
  readonly maxBytes: number;
}

export class Quota {
  readonly #db: DatabaseSync;
  readonly #maxBytes: number;
  readonly #wal: Wal;
  readonly #sql: Prepared<keyof typeof SQL>;
  readonly #pageBytes: number;
  /** Size of the database, with the pages that are only in the WAL yet. */
  #fileBytes = 0;
  /** Size without free pages. */
  #storedBytes = 0;
  #walBytes = 0;
  /** Reserved by what was committed since the sizes were read. */
  #committed = 0;
  /** Reserved for the next commit. */
  #pending = 0;

  constructor(db: DatabaseSync, { wal, maxBytes }: QuotaOptions) {
    this.#db = db;
    this.#maxBytes = maxBytes;
    this.#wal = wal;
    this.#sql = prepareAll(db, SQL);
    this.#pageBytes = db.prepare("PRAGMA page_size").get()!["page_size"] as number;
    if (this.#isBounded) {
      boundFiles(db, { fileBytes: maxBytes * FILE_SHARE, walBytes: walBytes(maxBytes) });
    }
    this.#measure();
  }

  get usage(): Usage {
    this.#measure();
    return {
      storedBytes: this.#storedBytes,
      fileBytes: this.#fileBytes + this.#walBytes,
      maxBytes: this.#maxBytes,
    };
  }

  /** Reserves space for a message in the room with this row and head, or returns why there is none. */
  reserveMessage(
    room: { readonly id: number; readonly head: number } | undefined,
    { kind, text, ref }: Pick<Draft, "kind" | "text" | "ref">,
  ): Shortage | undefined {
    if (!this.#isBounded) return undefined;
    const bytes = MESSAGE_PAGES * this.#pageBytes + this.#sizeOf(text.length * 3);
    if (kind === "close" || kind === "ban") return this.#reserve(bytes, SHARES.removal);
    const erased = kind === "delete" && room ? this.#sizeOfErased(room.id, ref) : 0;
    if (erased > 0) return this.#reserve(bytes + erased, SHARES.removal);
    return this.#reserve(bytes, room && room.head > 0 ? SHARES.message : SHARES.room);
  }

  /** Reserves space to update as many small rows. Returns false if there is none. */
  reserveRows(count: number): boolean {
    return count === 0 || !this.#isBounded ||
      this.#reserve(count * this.#pageBytes, SHARES.removal) === undefined;
  }

  /**
   * Reserves the WAL that the removal of a room's entries takes, up to `through`. Returns the last entry that can be removed;
   * 0 if there is no space for any.
   */
  reservePrune(room: number, through: number): number {
    if (!this.#isBounded) return through;
    let last = 0;
    for (const { seq, bytes } of this.#sql.readSizes.iterate(room, through)) {
      if (this.#reserve(this.#sizeOf(bytes as number), Infinity)) break;
      last = seq as number;
    }
    return last;
  }

  /** Ends the reservations for an append, whether it succeeded or not. */
  finishAppend(): void {
    this.#committed += this.#pending;
    this.#pending = 0;
  }

  get #isBounded(): boolean {
    return this.#maxBytes !== Infinity;
  }

  #reserve(bytes: number, share: number): Shortage | undefined {
    const isShort = () =>
      !this.#hasShare(share, this.#reserved + bytes) || !this.#hasDisk(this.#reserved + bytes);
    if (isShort()) {
      this.#measure();
      if (isShort()) {
        // Another process may be what keeps the WAL from shrinking.
        const isBrief = this.#hasShare(share, this.#reserved + bytes) && this.#hasDisk(bytes, 0);
        return isBrief ? "not_stored" : "data_full";
      }
    }
    this.#pending += bytes;
    return undefined;
  }

  get #reserved(): number {
    return this.#committed + this.#pending;
  }

  /** Reports whether stored data may grow by as many bytes within a share of the limit. */
  #hasShare(share: number, reserved: number): boolean {
    return this.#storedBytes + reserved <= this.#maxBytes * share;
  }

  /** Reports whether the files have space for as many changed bytes. */
  #hasDisk(reserved: number, walBytes = this.#walBytes): boolean {
    // A reserved byte may be needed twice: in the WAL, and in the file unless SQLite finds a free page.
    const fileBytes = Math.min(
      this.#fileBytes + reserved,
      Math.max(this.#fileBytes, this.#maxBytes * FILE_SHARE),
    );
    const wal = (walBytes + reserved) * WAL_OVERHEAD + SLACK_BYTES;
    return fileBytes + wal <= this.#maxBytes - accessBytes(this.#maxBytes);
  }

  /** Reads the exact sizes. Within a transaction they need not have its changes: those stay reserved. */
  #measure(): void {
    const { used, all } = countPages(this.#db);
    this.#fileBytes = all * this.#pageBytes;
    this.#storedBytes = used * this.#pageBytes;
    this.#walBytes = this.#wal.bytes;
    this.#committed = 0;
  }

  #sizeOf(textBytes: number): number {
    return ROW_BYTES + textBytes + (textBytes > LONG_TEXT_BYTES ? this.#pageBytes : 0);
  }

  /** Returns the bytes that a deletion changes: those of the message and its edits; 0 if there is nothing to delete. */
  #sizeOfErased(room: number, seq: number): number {
    const { message, edits, bytes } = this.#sql.findErasable.get(room, seq)!;
    if (message === null) return 0;
    const [count, textBytes] = [Number(edits) + 1, Number(message) + Number(bytes)];
    return count * 2 * this.#pageBytes + textBytes;
  }
}
