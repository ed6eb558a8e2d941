// Looks up tags and reactions in the journal on disk. Only sqlite_journal.ts uses it. Changes nothing.
import { findFreeTag } from "../../protocol/names.ts";
import { MAX_EMOJI_READ, type Reactions } from "../journal.ts";
import type { Statements } from "./statements.ts";

/** Identifies a room by its row; undefined for a room that has none. */
export interface InRoom {
  readonly room: { readonly id: number } | undefined;
  readonly author: string;
}

/** Returns the tag that an author has in a room; undefined for none. */
export function findTag(sql: Statements, { room, author }: InRoom): string | undefined {
  return room && sql.findTag.get(room.id, author)?.["tag"] as string | undefined;
}

/** Returns the tag that an author has in a room, or the one to claim. */
export function tagOf(
  sql: Statements,
  { room, author }: InRoom,
  isReserved: (tag: string) => boolean,
): string {
  const isHeld = (tag: string) =>
    room !== undefined && sql.findTagHolder.get(room.id, tag) !== undefined;
  return findTag(sql, { room, author }) ??
    findFreeTag(author, (tag) => isHeld(tag) || isReserved(tag));
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
