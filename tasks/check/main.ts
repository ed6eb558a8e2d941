// `deno task check` runs this after format, lint and types: it checks the direction of imports, type names, comments and
// the length of files, and prints everything that is wrong.
import layers from "../layers.txt" with { type: "text" };
import { findOddOpenings, listComments } from "./comments.ts";
import { findCircles, findWrongImports, parseLayers } from "./imports.ts";
import { listModules, readModules } from "./modules.ts";
import { findSharedNames } from "./names.ts";

const ROOT = new URL("../../", import.meta.url);

/** Comments that may open with What, Who, Where and the like. Lower it with every one that is rewritten. */
export const MAX_ODD_OPENINGS = 0;

/** Lines of a file, blank ones and comments not counted. A longer file does two jobs. */
const MAX_CODE_LINES = 400;

/** Returns a sentence for everything that is wrong. */
export async function findFaults(): Promise<string[]> {
  const modules = await readModules(ROOT);
  const sources = await readSources();
  const odd = [...sources].flatMap(([path, source]) =>
    findOddOpenings(source).map((text) => `${path}: ${text.split("\n")[0]}`)
  );
  const count = [...sources.values()].flatMap(listComments).length;
  console.log(`${odd.length} of ${count} comments open with What, Who, Where or the like`);
  return [
    ...findWrongImports(modules, parseLayers(layers)).map((row) => `Wrong import: ${row}`),
    ...findCircles(modules).map((circle) => `Circle of imports: ${circle.join(", ")}`),
    ...[...findSharedNames(sources)]
      .map(([name, paths]) => `Type name with several meanings: ${name} in ${paths.join(", ")}`),
    ...[...sources].filter(([, source]) => countCode(source) > MAX_CODE_LINES)
      .map(([path, source]) => `File with ${countCode(source)} lines of code: ${path}`),
    ...odd.length > MAX_ODD_OPENINGS ? odd.map((row) => `Comment to rewrite: ${row}`) : [],
    ...odd.length < MAX_ODD_OPENINGS ? [`MAX_ODD_OPENINGS can fall to ${odd.length}`] : [],
  ];
}

async function readSources(): Promise<Map<string, string>> {
  const paths = await listModules(ROOT);
  return new Map(
    await Promise.all(paths.map(async (path): Promise<[string, string]> => [
      path,
      await Deno.readTextFile(new URL(path, ROOT)),
    ])),
  );
}

function countCode(source: string): number {
  return source.split("\n").filter((line) => !/^\s*(?:\/\/|\/?\*|$)/.test(line)).length;
}

if (import.meta.main) {
  const faults = await findFaults();
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) Deno.exit(1);
}
