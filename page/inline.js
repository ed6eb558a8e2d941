// Parses one line of a message: code, links, mentions and emphasis. Uses no lookbehind, which old Safari refuses.

/**
 * Part of a text. `code`, `fence`, `mention` and `text` have a text, the others have parts. Blocks (`fence`, `quote`, `item`) end
 * in the line break that follows them.
 * @typedef {object} Part
 * @property {"text"|"code"|"mention"|"link"|"strong"|"em"|"strike"|"fence"|"quote"|"list"|"item"} type
 * @property {string} [text]
 * @property {Part[]} [parts]
 * @property {string} [href]
 * @property {number} [start] number of the first item of an ordered list
 */

// Scripts that write no spaces between words: links, mentions and emphasis begin and end beside any of their letters.
const SPACELESS =
  "[\\p{sc=Han}\\p{sc=Hira}\\p{sc=Kana}\\p{sc=Thai}\\p{sc=Laoo}\\p{sc=Khmr}\\p{sc=Mymr}ー]";
const LETTER = `(?!${SPACELESS})[\\p{L}\\p{M}\\p{N}]`;
const WORD = `(?!\\p{M})${LETTER}(?:_*${LETTER})*`;
const SCHEME = "(?:https?:\\/\\/|mailto:)";
// A link ends at invisible characters and at the quotes of any language. A bare one also ends at punctuation of full width.
const END = '\\s<>"\\p{Cc}\\p{DI}';
const BARE = `(${SCHEME}[^${END}«»‘-‟‹›、-〃〈-】〔-〟！-．：-＠［-｀｛-･]+)`;
const BRACKETED = `<(${SCHEME}[^${END}]+)>`;
const LABELED =
  `!?\\[([^[\\]]+)\\]\\((${SCHEME}[^${END}()]*(?:\\([^${END}()]*\\)[^${END}()]*)*)\\)`;
const MARK = "(`+|\\*+|_+|~+)";

// Emphasis stands between words and the punctuation of sentences, so that code and faces such as ¯\\_(ツ)_/¯ are left alone.
const OPENS_AFTER = RegExp(
  `(^|${SPACELESS}|[\\s([<"'*_~>\\p{Pi}\\p{Ps}、-】\\p{Emoji_Presentation}–—-])$`,
  "u",
);
const OPENS_BEFORE = /^[\p{L}\p{M}\p{N}\p{S}\p{Ps}\p{Pi}"'*_~@#/\\]/u;
const CLOSES_BEFORE = RegExp(
  `^($|${SPACELESS}|[\\s)\\]>"'*_~.,:;!?\\p{Pf}\\p{Pe}、-】！-？…–—-])`,
  "u",
);

/** Types of emphasis by mark, outermost first. @type {Record<string, ("em"|"strong"|"strike")[]>} */
const EMPHASIS = {
  "*": ["em"],
  "_": ["em"],
  "**": ["strong"],
  "***": ["strong", "em"],
  "~~": ["strike"],
};

/** Maximum number of marks that wait for their partner. It bounds the depth of the parts. */
const MAX_OPEN = 8;

/** Makes the pattern of a line's tokens. @param {string[]} names names that may be mentioned */
export function makeTokens(names) {
  const any = names.filter(Boolean).sort((a, b) => b.length - a.length)
    .map((name) => name.replace(/[$()*+.?[\\\]^{|}]/g, "\\$&")).join("|") || "[]";
  const mention = `(@(?:${any}))(?!_*${LETTER})@?`;
  // Words are matched whole: no token begins inside one.
  const tokens = [LABELED, BRACKETED, BARE, mention, `${WORD}@?`, MARK];
  return RegExp(tokens.join("|"), "giu");
}

/** Splits a line into parts. @param {string} line @param {RegExp} tokens */
export function parseLine(line, tokens) {
  /** @type {Part[]} */
  const parts = [];
  /** Marks that wait for their partner, each with its index in the parts. @type {{ mark: string, at: number }[]} */
  const open = [];
  let from = 0;
  tokens.lastIndex = 0;
  for (let match; (match = tokens.exec(line));) {
    const [all, label, target, bracketed, bare, mention, mark = ""] = match;
    const { index } = match;
    const href = target ?? bracketed ??
      (bare && trimLink(bare, open.some(({ mark }) => mark === "_")));
    const code = mark[0] === "`" ? readCode(line, index, mark) : undefined;
    /** @type {Part | undefined} */
    const part = href && URL.canParse?.(href)
      ? { type: "link", href, parts: [{ type: "text", text: label ?? href }] }
      : mention
      ? { type: "mention", text: mention }
      : code && { type: "code", text: code.text };
    if (!part && !EMPHASIS[mark]) continue;
    if (index > from) parts.push({ type: "text", text: line.slice(from, index) });
    from = index + (mention ?? code?.all ?? (bare ? href : all) ?? "").length;
    tokens.lastIndex = from;
    if (part) parts.push(part);
    else {emphasize(parts, open, {
        mark,
        before: line.slice(0, index),
        after: line.slice(from, from + 2),
      });}
  }
  parts.push({ type: "text", text: line.slice(from) });
  return mergeTexts(parts);
}

/**
 * Ends the emphasis that an equal mark has begun; otherwise begins it, if the mark can.
 * @param {Part[]} parts
 * @param {{ mark: string, at: number }[]} open
 * @param {{ mark: string, before: string, after: string }} place
 */
function emphasize(parts, open, { mark, before, after }) {
  const canClose = /\S$/.test(before.slice(-1)) && CLOSES_BEFORE.test(after);
  const partner = canClose ? open.findLastIndex((other) => other.mark === mark) : -1;
  const begun = open[partner];
  if (begun) {
    open.length = partner;
    const inner = mergeTexts(parts.splice(begun.at).slice(1));
    parts.push(...EMPHASIS[mark]?.reduceRight((parts, type) => [{ type, parts }], inner) ?? []);
    return;
  }
  if (OPENS_BEFORE.test(after) && OPENS_AFTER.test(before.slice(-2))) {
    if (open.length === MAX_OPEN) open.shift();
    open.push({ mark, at: parts.length });
  }
  parts.push({ type: "text", text: mark });
}

/** Reads code up to the next run of as many backticks. @param {string} line @param {number} at @param {string} mark */
function readCode(line, at, mark) {
  const start = at + mark.length;
  for (let end = start;;) {
    end = line.indexOf(mark, end);
    if (end < 0) return undefined;
    let after = end + mark.length;
    while (line[after] === "`") after++;
    if (after - end === mark.length) {
      const code = line.slice(start, end);
      // More than one backtick may need a space beside one of the code's own.
      const text = mark.length > 1 ? code.replace(/^ (.*\S.*) $/, "$1") : code;
      return { text, all: line.slice(at, after) };
    }
    end = after;
  }
}

/** Trims from the end of a link what belongs to the sentence. @param {string} link @param {boolean} isUnderlined */
function trimLink(link, isUnderlined) {
  const open = [0];
  let end = 0, at = 0;
  for (const char of link) {
    at += char.length;
    const kind = "([{)]}".indexOf(char);
    const left = open[kind % 3] ?? 0;
    if (kind > 2 && !left) continue;
    open[kind % 3] = left + (kind > 2 ? -1 : 1);
    if (!".,;:!?'…*~،؛؟।".includes(char) && !(isUnderlined && char === "_")) end = at;
  }
  return link.slice(0, end);
}

/** Merges neighbouring texts and leaves out empty ones. @param {Part[]} parts */
export function mergeTexts(parts) {
  /** @type {Part[]} */
  const merged = [];
  for (const part of parts) {
    const last = merged.at(-1);
    if (part.type !== "text") merged.push(part);
    else if (last?.type === "text") last.text += part.text ?? "";
    else if (part.text) merged.push({ ...part });
  }
  return merged;
}
