// The table of ids tells which message of an author has which id. An id of an author without a key ends after days, and has a
// hash of the content until then. Called within the journal's transactions.
import { hashContent } from "../../protocol/content_hash.ts";
import { isAnonymous } from "../../protocol/names.ts";
import { type Draft, ENDED_IDS_PER_APPEND, KEYLESS_ID_MS, type KnownId } from "../journal.ts";
import type { Statements } from "./statements.ts";

export class IdTable {
  readonly #sql: Statements;

  constructor(sql: Statements) {
    this.#sql = sql;
  }

  /** Adds the id of a draft, by the rows of its room and author. False if the author has used it. */
  add(draft: Draft, row: { room: number; author: number; seq: number }): boolean {
    const ending = isAnonymous(draft.author) ? [draft.at, hashContent(draft)] : [null, null];
    return this.#sql.addId.run(row.room, row.author, draft.id, row.seq, ...ending).changes !== 0;
  }

  /** Returns an id as the table has it: only an id that ends has a hash. */
  find(room: number, author: string, id: string): KnownId | undefined {
    const row = this.#sql.findId.get(room, author, id);
    if (!row) return undefined;
    const { seq, content } = row as { seq: number; content: string | null };
    return { seq, contentHash: content ?? undefined };
  }

  /** Erases the hash of a message that is deleted. */
  eraseContent(room: number, seq: number): void {
    this.#sql.eraseContent.run(room, seq);
  }

  /**
   * Removes ids that are old enough when these drafts are appended, a limited number at once.
   * @param reserve reserves space to remove as many rows; false if there is none, so that a later append removes them
   */
  end(drafts: readonly Draft[], reserve: (count: number) => boolean): void {
    const before = (drafts[0]?.at ?? 0) - KEYLESS_ID_MS;
    const oldest = this.#sql.findOldestId.get()!["at"] as number | null;
    // Even without anything to remove, the deletion takes ten times as long as the look.
    if (oldest === null || oldest >= before) return;
    const most = drafts.length + ENDED_IDS_PER_APPEND;
    if (reserve(most)) this.#sql.endIds.run(before, most);
  }
}
