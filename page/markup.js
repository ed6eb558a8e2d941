// Parses a message: a small Markdown, links, mentions and emoji (docs/protocol.md, "Text"). Marks without a partner stay as they
// were typed. Never touches the document. The time is in proportion to the text.
import { makeTokens, mergeTexts, parseLine } from "./inline.js";

/** @import { Part } from "./inline.js" */

/** Maximum depth of quotes and lists in each other. Further marks are text. */
const MAX_DEPTH = 5;

const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)(?:[-*•]|(\d{1,3})[.)])[ \t]+(?=\S)/;
const BACKTICKS = /`{3,}/g;
const TILDES = /^ *(~{3,})[^~]*$/;
/** Language of a code block, after its opening fence. */
const LANGUAGE = /^[ \t]*[\w+#.-]*[ \t]*$/;

const ONE = /(?=\p{Emoji})\p{Extended_Pictographic}[\uFE0F🏻-🏿\u{E0020}-\u{E007F}]*/u.source;
const EMOJI = `(${ONE}(\u200D${ONE})*|\\p{RI}{2}|[\\d#*]\uFE0F?\u20E3)\\s*`;
const ONLY_EMOJI = RegExp(`^\\s*(${EMOJI}){1,12}$`, "u");

/** @param {string} text */
export const isEmojiOnly = (text) => ONLY_EMOJI.test(text);

/** Whether a text mentions a name as "@name", outside of code and links. @param {string} text @param {string} name */
export function mentions(text, name) {
  /** @param {Part} part @returns {boolean} */
  const isMention = ({ type, parts }) => type === "mention" || !!parts?.some(isMention);
  return text.includes("@") && parseText(text, [name]).some(isMention);
}

/** Splits a text into parts. @param {string} text @param {string[]} names names that may be mentioned */
export function parseText(text, names = []) {
  return parseBlocks(text.split(/\r\n?|\n/), makeTokens(names), 0);
}

/** @param {string[]} lines @param {RegExp} tokens @param {number} depth */
function parseBlocks(lines, tokens, depth) {
  /** @type {Part[]} */
  const parts = [];
  /** Lengths from which on fences have no end, by character. @type {Record<string, number>} */
  const unclosed = {};
  let at = 0;
  const lineEnd = () => at < lines.length ? "\n" : "";
  while (at < lines.length) {
    const line = lines[at] ?? "";
    const marker = depth < MAX_DEPTH
      ? [QUOTE, ITEM].find((pattern) => pattern.test(line))
      : undefined;
    if (marker) {
      const { inner, next } = marker === QUOTE ? readQuote(lines, at) : readItem(lines, at);
      at = next;
      const content = parseBlocks(inner, tokens, depth + 1);
      endLine(content, lineEnd());
      if (marker === QUOTE) parts.push({ type: "quote", parts: content });
      else addItem(parts, content, Number(ITEM.exec(line)?.[2] ?? NaN));
      continue;
    }
    const fence = findFence(line);
    const [char = "", length = 0] = fence ? [fence.mark[0], fence.mark.length] : [];
    if (fence && length < (unclosed[char] ?? Infinity)) {
      const block = readFence(lines, at, fence);
      if (block) {
        if (fence.before) parts.push(...parseLine(`${fence.before}\n`, tokens));
        at = block.next;
        if (block.after) lines[--at] = block.after;
        parts.push({ type: "fence", text: block.code + lineEnd() });
        continue;
      }
      unclosed[char] = length;
    }
    parts.push(...parseLine(line, tokens));
    at++;
    parts.push({ type: "text", text: lineEnd() });
  }
  return mergeTexts(parts);
}

/** Adds a line break to the parts; to the innermost block if they end in one. @param {Part[]} parts @param {string} end */
function endLine(parts, end) {
  const last = parts.at(-1);
  if (last?.type === "quote" || last?.type === "list" || last?.type === "item") {
    endLine(last.parts ?? [], end);
  } else if (last?.type === "text" || last?.type === "fence") last.text += end;
  else if (end) parts.push({ type: "text", text: end });
}

/** Finds a fence that opens in a line and does not close there. @param {string} line */
function findFence(line) {
  const tildes = TILDES.exec(line)?.[1];
  const runs = tildes ? [] : [...line.matchAll(BACKTICKS)];
  const mark = tildes ?? (runs.length % 2 === 1 ? runs.at(-1)?.[0] : undefined);
  if (!mark) return undefined;
  const start = line.lastIndexOf(mark);
  const before = line.slice(0, start);
  const isIndent = before.trim() === "";
  return {
    mark,
    indent: isIndent ? start : 0,
    before: isIndent ? "" : before,
    rest: line.slice(start + mark.length),
  };
}

/**
 * Reads a code block. The closing fence is at least as long, and no word follows it. Undefined if there is none.
 * @param {string[]} lines
 * @param {number} at
 * @param {NonNullable<ReturnType<typeof findFence>>} fence
 */
function readFence(lines, at, { mark, indent, before, rest }) {
  const closing = RegExp(`${mark[0]}{${mark.length},}(?![\\w${mark[0]}])`);
  const margin = RegExp(`^ {0,${indent}}`);
  const code = [];
  for (let next = at + 1; next < lines.length; next++) {
    const line = lines[next] ?? "";
    const match = line.includes(mark) ? closing.exec(line) : null;
    const content = (match ? line.slice(0, match.index) : line).replace(margin, "");
    if (!match || content.trim()) code.push(content);
    if (!match) continue;
    // Code directly before the closing fence begins directly behind the opening one, too.
    const isLanguage = !before && !content.trim() && LANGUAGE.test(rest);
    if (rest.trim() && !isLanguage) code.unshift(rest);
    const after = line.slice(match.index + match[0].length).trimStart();
    return { code: code.join("\n"), after, next: next + 1 };
  }
  return undefined;
}

/** Reads quoted lines, without their marks. @param {string[]} lines @param {number} at */
function readQuote(lines, at) {
  let next = at;
  while (QUOTE.test(lines[next] ?? "")) next++;
  return { inner: lines.slice(at, next).map((line) => line.replace(QUOTE, "")), next };
}

/** Reads an item of a list with the lines that are indented below it. @param {string[]} lines @param {number} at */
function readItem(lines, at) {
  const [mark = "", indent = ""] = ITEM.exec(lines[at] ?? "") ?? [];
  const margin = RegExp(`^ {${indent.length + 2},${mark.length}}(?=\\s*\\S)`);
  const inner = [(lines[at] ?? "").slice(mark.length)];
  let next = at + 1;
  while (margin.test(lines[next] ?? "")) inner.push((lines[next++] ?? "").replace(margin, ""));
  return { inner, next };
}

/** Adds an item to the list before it, or to a new one. @param {Part[]} parts @param {Part[]} content @param {number} start */
function addItem(parts, content, start) {
  const last = parts.at(-1);
  const isOrdered = !Number.isNaN(start);
  const item = { type: /** @type {const} */ ("item"), parts: content };
  if (last?.type === "list" && (last.start !== undefined) === isOrdered) last.parts?.push(item);
  else parts.push({ type: "list", parts: [item], ...isOrdered ? { start } : {} });
}
