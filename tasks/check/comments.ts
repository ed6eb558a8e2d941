// Counts comments that open with a word which hides their subject. Pure functions.

/** A comment that opens with one of these makes its reader decode a clause before learning what it is about. */
const ODD_OPENING = /^(?:What|Who|Whom|Whoever|Where|Why|Of|That|One|How|Those)\b/;

/** Block comments, and runs of line comments that stand on lines of their own. */
const COMMENTS = /\/\*\*?([\s\S]*?)\*\/|^[ \t]*\/\/(.*(?:\n[ \t]*\/\/.*)*)/gm;

/** Returns the text of each comment, without its marks. */
export function listComments(source: string): string[] {
  return [...source.matchAll(COMMENTS)]
    .map(([, block, lines]) => (block ?? lines ?? "").replace(/^[\s*/]+/, "").trim())
    .filter((text) => text !== "" && !text.startsWith("deno-lint-ignore"));
}

/** Returns the comments that open with such a word. */
export function findOddOpenings(source: string): string[] {
  return listComments(source).filter((text) => ODD_OPENING.test(text));
}
