// Draws a message as an element. It redraws the whole content whenever the message changes, and keeps no state.
import { el, makeButton } from "./dom.js";
import { isEmojiOnly, mentions } from "./markup.js";
import { drawText, fold } from "./text_view.js";
import { isSame, personOf } from "../sdk/messages.js";
import { clock, fullTime } from "../sdk/time.js";

/** @import { From } from "../sdk/types.d.ts" */
/** @import { Names } from "../sdk/names.js" */
/** @import { ShownMessage } from "../sdk/messages.js" */

/** Reactions that are drawn. More than that would bury the text. */
const MAX_REACTIONS = 20;

/**
 * Actions on messages. An own message that waits to be sent has an id, a stored one a `seq`.
 * @typedef {object} Actions
 * @property {(id: string) => void} retry
 * @property {(id: string) => void} discard
 * @property {(seq: number) => void} goTo
 * @property {(seq: number, emoji: string, on: boolean) => void} react
 */

/**
 * Facts about the room that a message is drawn with.
 * @typedef {object} Context
 * @property {From} me
 * @property {Names} names people who may be mentioned
 * @property {(seq: number) => ShownMessage | undefined} find
 * @property {Actions} actions
 */

/** Makes an empty element for a message. */
export function makeItem() {
  const item = el("article", "message");
  item.tabIndex = -1;
  return item;
}

/**
 * Draws a message into its element. Equal parts stay: they may be selected or focused, and were read out.
 * @param {HTMLElement} item
 * @param {Pick<ShownMessage, "from" | "at" | "text"> & Partial<ShownMessage>} message
 * @param {Context} context
 */
export function drawItem(item, message, context) {
  const { text, isDeleted = false, isRemoved, editSeq, from, at } = message;
  const gone = isRemoved ? "Deleted by an operator" : "Message deleted";
  const body = el("div", "text", ...(isDeleted ? [gone] : drawText(text, context)));
  body.dir = "auto";
  if (editSeq && !isDeleted) body.append(el("span", "edited", " (edited)"));
  const { dataset, classList } = item;
  dataset["at"] = String(at);
  dataset["author"] = `${from.name}#${from.tag}`;
  classList.toggle("deleted", isDeleted);
  classList.toggle("emoji", !isDeleted && isEmojiOnly(text));
  classList.toggle("mine", isSame(context.me, from.tag));
  classList.toggle("calls-me", !isDeleted && callsMe(message, context));
  const parts = [
    drawHead(from, at, context.names),
    ...isDeleted ? [] : drawQuote(message, context),
    body,
    ...isDeleted ? [] : fold(body, text, item),
    ...isDeleted ? [] : [drawReactions(message, context)],
  ];
  const old = [...item.children].filter((part) => isDeleted || !part.matches(".state, .tools"));
  const kept = parts.map((part) => old.find((known) => known.isEqualNode(part)) ?? part);
  for (const part of old) if (!kept.includes(part)) part.remove();
  for (const [index, part] of kept.entries()) {
    if (item.children[index] !== part) item.insertBefore(part, item.children[index] ?? null);
  }
}

/**
 * Whether a message mentions the reader or replies to one of the reader's own.
 * @param {{ text: string, replyTo?: number }} message
 * @param {Pick<Context, "me" | "find">} context
 */
export function callsMe({ text, replyTo = 0 }, context) {
  const original = context.find(replyTo);
  const { me } = context;
  return mentions(text, me.name) || (!!original && isSame(me, original.from.tag));
}

/** @param {From} from @param {Names} names @returns {(Node | string)[]} */
export function drawPerson({ name, tag }, names) {
  return [el("bdi", "", name || "no name"), tag && " ", drawTag({ name, tag }, names)];
}

/** Draws a tag. It is marked if several people have names that look like this one. @param {From} from @param {Names} names */
function drawTag({ name, tag }, names) {
  const isShared = names.isShared(name);
  const mark = el("span", isShared ? "tag shared" : "tag", tag);
  if (isShared) mark.title = "Somebody else has a name that looks like this";
  return mark;
}

/** Draws author and time. @param {From} from @param {number} at @param {Names} names */
function drawHead({ name, tag }, at, names) {
  const author = el("bdi", "name", name || "no name");
  author.style.setProperty("--hue", String(hueOf(name)));
  const time = el("time", "", clock(at));
  // To the minute: if it stays equal when the server's time replaces the local one, it is not read out again.
  time.dateTime = new Date(at - at % 60_000).toISOString();
  time.title = fullTime(at);
  return el("div", "head", author, " ", drawTag({ name, tag }, names), " ", time);
}

/**
 * Draws the message that this one replies to, in one line. Redrawn when that message arrives or changes.
 * @param {{ replyTo?: number }} message
 * @param {Context} context
 */
function drawQuote({ replyTo }, context) {
  if (replyTo === undefined) return [];
  const original = context.find(replyTo);
  const text = !original
    ? `message ${replyTo}`
    : original.isDeleted
    ? "Message deleted"
    : original.text;
  const name = original ? [...drawPerson(original.from, context.names), ": "] : [];
  const quote = el(
    "a",
    original ? "quote" : "quote unknown",
    "↩ ",
    ...name,
    el("bdi", "", text.slice(0, 200)),
  );
  quote.href = `#${replyTo}`;
  quote.onclick = (event) => {
    event.preventDefault();
    context.actions.goTo(replyTo);
  };
  return [quote];
}

/**
 * @param {Partial<ShownMessage>} message
 * @param {Context} context
 */
function drawReactions({ seq = 0, reactions = new Map() }, { me, actions }) {
  const row = el("div", "reactions");
  let more = 0;
  for (const [emoji, people] of reactions) {
    const fans = [...people].filter(([, { on }]) => on);
    if (fans.length === 0) continue;
    if (row.childElementCount >= MAX_REACTIONS) {
      more++;
      continue;
    }
    const isMine = fans.some(([tag]) => isSame(me, tag));
    const button = makeButton(`${emoji} ${fans.length}`, () => actions.react(seq, emoji, !isMine));
    button.title = fans.map(([tag, { name }]) => personOf({ name, tag })).join(", ");
    button.setAttribute("aria-label", `${emoji} ${fans.length}: ${button.title}`);
    button.setAttribute("aria-pressed", String(isMine));
    row.append(button);
  }
  if (more) row.append(`+${more}`);
  return row;
}

/** Returns a hue for a name: always the same one. The theme sets the lightness. @param {string} name */
function hueOf(name) {
  let hash = 7;
  for (const char of name) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 65_521;
  return hash % 360;
}
