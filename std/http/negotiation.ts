// Stand-in for jsr:@std/http/negotiation: the part that Confab uses, with upstream's contract.

/** Media type, or a range of them in an `Accept` header. */
interface MediaRange {
  type: string;
  subtype: string;
  /** All parameters but the quality. */
  parameters: Map<string, string>;
  quality: number;
}

interface Rank {
  quality: number;
  specificity: number;
}

/**
 * Returns the type that the request's `Accept` header prefers; undefined when it accepts none of them. The first type
 * counts without a header and with an empty one, and between types of equal quality that are named equally closely.
 */
export function accepts<T extends string = string>(
  request: Pick<Request, "headers">,
  ...types: T[]
): T | undefined {
  const header = request.headers.get("accept");
  if (!header) return types[0];
  const ranges = header.split(",").map(parseRange).filter((range) => range !== undefined);
  let best: T | undefined;
  let bestRank: Rank | undefined;
  for (const type of types) {
    const rank = rankType(type, ranges);
    if (!rank || !(rank.quality > 0)) continue;
    if (bestRank && compare(rank, bestRank, "quality", "specificity") <= 0) continue;
    best = type;
    bestRank = rank;
  }
  return best;
}

/** Returns the quality that the closest range gives the type; the highest one among equally close ranges. */
function rankType(text: string, ranges: readonly MediaRange[]): Rank | undefined {
  const type = parseRange(text);
  if (!type) return undefined;
  let best: Rank | undefined;
  for (const range of ranges) {
    const specificity = specificityOf(range, type);
    if (specificity === undefined) continue;
    const rank = { quality: range.quality, specificity };
    if (!best || compare(rank, best, "specificity", "quality") > 0) best = rank;
  }
  return best;
}

function compare(a: Rank, b: Rank, first: keyof Rank, second: keyof Rank): number {
  return a[first] - b[first] || a[second] - b[second];
}

/** Returns how closely the range names the type: more for the type, then the subtype, then parameters. */
function specificityOf(range: MediaRange, type: MediaRange): number | undefined {
  const isType = range.type === type.type;
  const isSubtype = range.subtype === type.subtype;
  if (!isType && range.type !== "*" || !isSubtype && range.subtype !== "*") return undefined;
  for (const [name, value] of range.parameters) {
    if ((type.parameters.get(name) ?? "") !== value) return undefined;
  }
  return (isType ? 4 : 0) + (isSubtype ? 2 : 0) + (range.parameters.size > 0 ? 1 : 0);
}

/** Parses a media type; undefined if it is invalid. */
function parseRange(text: string): MediaRange | undefined {
  const [, type, subtype, rest] =
    /^([^\s/;]+)\/([^\s;]+)\s*(?:;(.*))?$/.exec(text.trim().toLowerCase()) ?? [];
  if (type === undefined || subtype === undefined) return undefined;
  const parameters = new Map<string, string>();
  for (const parameter of rest ? rest.split(";") : []) {
    const [name = "", quoted = ""] = parameter.trim().split("=");
    const value = quoted.replace(/^"(.*)"$/, "$1");
    // Parameters behind the quality do not belong to the media type.
    if (name === "q" && value) return { type, subtype, parameters, quality: parseFloat(value) };
    parameters.set(name, value);
  }
  return { type, subtype, parameters, quality: 1 };
}
