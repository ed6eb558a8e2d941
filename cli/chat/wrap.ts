// Wraps lines for a terminal, so that the rest of a long line cannot look like a line of its own. Pure functions.

/** Begins every row of a line but its first. */
export const INDENT = "      ";

/** Minimum columns for text beside the indent. A narrower terminal wraps by itself. */
const MIN_COLUMNS = 10;

/** A sequence that sets a color, or one character. */
// deno-lint-ignore no-control-regex -- escape sequences contain it
const PIECE = /\x1b\[\d*m|[^]/gu;

/** Characters that may occupy two columns. More than really do: a row that ends early does no harm. */
const WIDE = /[\u1100-\u115f\u2e80-\u{10ffff}]|\p{Extended_Pictographic}|\p{Emoji_Presentation}/u;

/** Characters that occupy no column: marks on the character before them. */
const NARROW = /[\p{Mn}\p{Me}\u200c\u200d]/u;

/** Wraps each line at a number of columns, where possible behind a space. Sequences that set a color have no width. */
export function wrap(text: string, columns: number): string {
  if (columns < INDENT.length + MIN_COLUMNS) return text;
  return text.split("\n").map((line) => wrapLine(line, columns)).join("\n");
}

function wrapLine(line: string, columns: number): string {
  if (line.length * 2 <= columns) return line;
  const rows: string[] = [];
  let row = "";
  let width = 0;
  /** End of the last word in the row, and the width up to there. */
  let cut = { end: 0, width: 0 };
  for (const [piece] of line.matchAll(PIECE)) {
    const added = widthOf(piece);
    // Leave one column free: behind the last one, some terminals wrap before the next character.
    if (width + added > columns - 1) {
      const { end, width: cutWidth } = cut.end > 0 ? cut : { end: row.length, width };
      rows.push(row.slice(0, end));
      row = INDENT + row.slice(end);
      width = INDENT.length + width - cutWidth;
      cut = { end: 0, width: 0 };
    }
    row += piece;
    width += added;
    if (piece === " " && row.length > INDENT.length) cut = { end: row.length, width };
  }
  return [...rows, row].join("\n");
}

function widthOf(piece: string): number {
  if (piece.startsWith("\x1b") || NARROW.test(piece)) return 0;
  return WIDE.test(piece) ? 2 : 1;
}
