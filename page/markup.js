// Finds links, code, mentions and emoji in a text. Never touches the document. Uses no lookbehind, which old Safari refuses.

/** @typedef {{ type: "text"|"link"|"code"|"fence"|"mention", text: string, href?: string }} Token */

const WORD = /[\p{L}\p{M}\p{N}_]/u.source;
// An opening fence also closes one: only the last fence can lack its end.
const CODE = /^```[^\s`]*\n([^]*?)\n?^```(?!`)|`([^`\n]+)`/u.source;
const LINK = /((?:https?:\/\/|mailto:)[^\s<>"\p{Cc}\p{Bidi_C}]+)/u.source;

const ONE = /(?=\p{Emoji})\p{Extended_Pictographic}[\uFE0F🏻-🏿\u{E0020}-\u{E007F}]*/u.source;
const EMOJI = `(${ONE}(\u200D${ONE})*|\\p{RI}{2}|[\\d#*]\uFE0F?\u20E3)\\s*`;
const ONLY_EMOJI = RegExp(`^\\s*(${EMOJI}){1,12}$`, "u");

/** @param {string} text */
export const isEmojiOnly = (text) => ONLY_EMOJI.test(text);

/** Whether a text mentions a name outside of code and links. A short name needs "@". @param {string} text @param {string} name */
export function mentions(text, name) {
  return parseText(text, [name], [...name][2] ? "@?" : "@").some(({ type }) => type === "mention");
}

/** Splits a text into tokens. @param {string} text @param {string[]} names */
export function parseText(text, names = [], at = "@") {
  const any = names.filter(Boolean).sort((a, b) => b.length - a.length)
    .map((name) => name.replace(/[$()*+.?[\\\]^{|}]/g, "\\$&")).join("|") || "[]";
  // Words are matched whole: no token begins inside one.
  const rest = `(${at}(?:${any}))(?!${WORD})@?|(?!\\p{M})${WORD}+@?`;
  /** @type {Token[]} */
  const tokens = [];
  let from = 0;
  for (const match of text.matchAll(RegExp(`${CODE}|${LINK}|${rest}`, "gimu"))) {
    const [all, fence, code, link, mention] = match;
    const href = trim(link);
    const found = fence ?? code ?? mention ?? href;
    if (found === undefined) continue;
    if (match.index > from) tokens.push({ type: "text", text: text.slice(from, match.index) });
    const type = mention ? "mention" : code ? "code" : "fence";
    tokens.push(href ? { type: "link", text: href, href } : { type, text: found });
    from = match.index + (mention ?? href ?? all).length;
  }
  if (from < text.length) tokens.push({ type: "text", text: text.slice(from) });
  return tokens;
}

/** Trims the punctuation of the sentence from the end of a link. Undefined for what is no URL. */
function trim(link = "") {
  const open = [0];
  let end = 0, at = 0;
  for (const char of link) {
    at += char.length;
    const kind = "([{)]}".indexOf(char);
    const left = open[kind % 3] ?? 0;
    if (kind > 2 && !left) continue;
    open[kind % 3] = left + (kind > 2 ? -1 : 1);
    if (!".,;:!?'…".includes(char)) end = at;
  }
  link = link.slice(0, end);
  if (URL.canParse?.(link)) return link;
}
