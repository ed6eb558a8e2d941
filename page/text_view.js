// Draws the text of a message as elements. The text of the elements is the text to copy: line breaks are in it, marks are not.
import { el, makeButton } from "./dom.js";
import { parseText } from "./markup.js";

/** @import { Part } from "./inline.js" */
/** @import { Names } from "../sdk/names.js" */
/** @import { From } from "../sdk/types.d.ts" */

/** Size from which on a text is folded. */
const LONG_LINES = 40;
const LONG_CHARS = 6_000;

/** Elements of parts that need nothing else. @type {Partial<Record<Part["type"], keyof HTMLElementTagNameMap>>} */
const TAGS = { strong: "strong", em: "em", strike: "s", quote: "blockquote", item: "li" };

/** Draws a text. @param {string} text @param {{ me: From, names: Names }} context */
export function drawText(text, { me, names }) {
  return parseText(text, text.includes("@") ? [me.name, ...names.all()] : []).map(drawPart);
}

/** @param {Part} part @returns {Node | string} */
function drawPart({ type, text = "", parts = [], href = "", start }) {
  const children = parts.map(drawPart);
  if (type === "text") return text;
  if (type === "mention") return el("b", "mention", text);
  if (type === "code") return el("code", "", text);
  if (type === "fence") return makeBlock(text);
  if (type === "link") return makeLink(href, parts[0]?.text ?? "");
  if (type !== "list") return el(TAGS[type] ?? "span", "", ...children);
  if (start === undefined) return el("ul", "", ...children);
  const list = el("ol", "", ...children);
  list.start = start;
  return list;
}

/** Makes a code block. Wide lines can be scrolled, by keyboard as well. @param {string} text */
function makeBlock(text) {
  const block = el("pre", "", el("code", "", text));
  block.tabIndex = 0;
  return block;
}

/** Makes a link. A label never hides the host that it leads to. @param {string} href @param {string} label */
function makeLink(href, label) {
  const link = el("a", "", label);
  link.href = href;
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
  return label === href ? link : el("span", "", link, ` (${link.host || href})`);
}

/**
 * Folds a long text until the reader wants all of it, which the item remembers.
 * @param {HTMLElement} body
 * @param {string} text
 * @param {HTMLElement} item
 * @returns {HTMLElement[]} the button that unfolds it, if it is folded
 */
export function fold(body, text, item) {
  const isLong = text.length > LONG_CHARS || text.split("\n", LONG_LINES + 1).length > LONG_LINES;
  if (!isLong || item.dataset["unfolded"]) return [];
  body.classList.add("folded");
  const button = makeButton("Show all", () => {
    item.dataset["unfolded"] = "true";
    item.querySelector(".folded")?.classList.remove("folded");
    item.focus({ preventScroll: true });
    button.remove();
  });
  button.className = "unfold";
  return [button];
}
