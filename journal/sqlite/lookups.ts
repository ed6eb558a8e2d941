// Looks up tags and reactions in the journal on disk. Only sqlite_journal.ts uses it. Changes nothing.
import { findFreeTag } from "../../protocol/names.ts";
import { MAX_EMOJI_READ, type Reactions } from "../journal.ts";
import type { Statements } from "./statements.ts";

/** Identifies a room by its row; undefined for a room that has none. */
export interface InRoom {
  readonly room: { readonly id: number } | undefined;
  readonly author: string;
}

export interface TagOptions {
  /** Whether nobody else may claim the tag, although the file has no holder of it. */
  readonly isReserved?: (tag: string) => boolean;
  /** Tag for an author without one, if it is free. */
  readonly wish?: string | undefined;
}

/** Returns the tag that an author has in a room, or the one to claim. */
export function tagOf(
  sql: Statements,
  { room, author }: InRoom,
  { isReserved = () => false, wish }: TagOptions,
): string {
  const known = room && sql.findTag.get(room.id, author)?.["tag"] as string | undefined;
  if (known !== undefined) return known;
  const isTaken = (tag: string) =>
    isReserved(tag) || room !== undefined && sql.findTagHolder.get(room.id, tag) !== undefined;
  return wish !== undefined && !isTaken(wish) ? wish : findFreeTag(author, isTaken);
}

/** Returns the reactions to an entry, as far as their limits depend on them. */
export function findReactions(sql: Statements, { room, author }: InRoom, ref: number): Reactions {
  if (!room) return { emoji: [], own: 0 };
  const rows = sql.findEmoji.all(room.id, ref, MAX_EMOJI_READ);
  return {
    emoji: rows.map((row) => row["emoji"] as string),
    own: sql.countReactions.get(room.id, ref, author)!["count"] as number,
  };
}
