// Checks that a type name has one meaning: no two production files declare the same one. Pure functions.

/** A declaration in TypeScript, or a type that a JSDoc comment defines. */
const DECLARATION =
  /^[ \t]*(?:export )?(?:default )?(?:declare )?(?:abstract )?(?:(?:class|interface|enum) (\w+)|type (\w+)(?=[ \t]*[=<]))|@(?:typedef|callback) \{.*\} (\w+)/gm;

/** Returns each type name that several files declare, with those files. */
export function findSharedNames(sources: ReadonlyMap<string, string>): Map<string, string[]> {
  const files = new Map<string, Set<string>>();
  for (const [path, source] of sources) {
    for (const [, declared, alias, typedef] of source.matchAll(DECLARATION)) {
      const name = (declared ?? alias ?? typedef)!;
      files.set(name, (files.get(name) ?? new Set()).add(path));
    }
  }
  const shared = [...files].filter(([, paths]) => paths.size > 1);
  return new Map(shared.map(([name, paths]) => [name, [...paths].toSorted()]));
}
