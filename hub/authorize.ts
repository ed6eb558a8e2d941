// Decides who may do what in a room. Pure: everything that a decision depends on is passed in. Bans and closed rooms are
// kept by moderation.ts; this file says what they mean.
import type { Principal } from "../auth/principal.ts";
import { ChatError, type ErrorCode } from "../protocol/errors.ts";
import type { Entry, Message } from "../protocol/message.ts";
import type { Reactions } from "../journal/journal.ts";
import { isAnonymous } from "../protocol/names.ts";

/** The sender of a message, as far as a decision depends on it. */
export interface Actor {
  /** Author and name. Undefined if the sender's protocol knows no authors. */
  readonly person: { readonly author: string; readonly name: string } | undefined;
  readonly principal: Principal | undefined;
  /** The ban that applies to the sender now. */
  readonly ban: ChatError | undefined;
}

/** The state of a room, as far as a decision depends on it. */
export interface RoomState {
  readonly isClosed: boolean;
  /** Number of the newest entry. */
  readonly head: number;
  /** The entry that the message refers to; undefined if it is not kept. */
  readonly target: Entry | undefined;
  /** Reactions to the target, those of this iteration included. Present for a `react` only. */
  readonly reactions?: Reactions | undefined;
}

/** Maximum number of different emoji on a message. */
export const MAX_EMOJI = 20;

/** Maximum number of times that a person may set or take back a reaction on one message. Twice as many if the last only take back. */
export const MAX_OWN_REACTIONS = 40;

/** Reason to refuse a message: a code, or an error if the code's own sentence does not say enough. */
export type RefusalReason = ErrorCode | ChatError;

/** Returns why the actor may not send the message; undefined if it may. */
export function authorize(
  message: Message,
  actor: Actor,
  room: RoomState,
): RefusalReason | undefined {
  const { kind, ref } = message;
  const { person, principal } = actor;
  const isOperator = principal?.isOperator ?? false;
  if (actor.ban) return actor.ban;
  // In a closed room, authors may still delete what they wrote.
  if (kind !== "delete" && isSilenced(principal, room)) return "room_closed";
  if (!person) return undefined; // plain lines can only send new messages, so nothing else needs a check
  if ((kind === "close" || kind === "ban") && !isOperator) return "not_operator";
  if (isAnonymous(person.author)) {
    // Clients without a key cannot be told apart, so none of them may change entries.
    if (kind !== "say") return "no_key";
  } else if (person.name === "") return "no_name";
  if (kind === "close") return undefined;
  if (kind === "say") return ref > room.head ? "unknown_ref" : undefined;
  const { target } = room;
  if (target?.seq !== ref || target.kind !== "say") return "unknown_ref";
  if (kind === "react") return room.reactions && checkReaction(message, room.reactions);
  if (kind === "ban") return checkBannable(target);
  const isTheirs = target.author === person.author;
  return isTheirs || kind === "delete" && isOperator ? undefined : "not_yours";
}

/** Reports whether the room is closed to this principal. In a closed room, only operators may change what others see. */
export function isSilenced(
  principal: Principal | undefined,
  { isClosed }: Pick<RoomState, "isClosed">,
): boolean {
  return isClosed && !principal?.isOperator;
}

/** Returns why a reaction would be one too many; undefined if it is not. */
function checkReaction({ text, on }: Message, { emoji, own }: Reactions): ErrorCode | undefined {
  const isTooMany = own >= MAX_OWN_REACTIONS * (on ? 1 : 2);
  const isNewEmoji = on && !emoji.includes(text);
  return isTooMany || isNewEmoji && emoji.length >= MAX_EMOJI ? "too_many_reactions" : undefined;
}

/** Returns why the author of an entry cannot be banned; undefined if it can. */
function checkBannable({ seq, author }: Entry): ChatError | undefined {
  if (author && !isAnonymous(author)) return undefined;
  const message = `Cannot ban the author of message ${seq}: it was sent without a key, ` +
    "and its address is not stored";
  return new ChatError("bad_field", { message });
}
