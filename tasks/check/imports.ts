// Checks the direction of imports: a module imports what stands below it, never what stands above, and no modules form a
// circle. Pure functions.
import type { Module } from "./modules.ts";

/** Parts of the program, and the parts that each may import besides itself, in the order of the table. */
export type Layers = ReadonlyMap<string, readonly string[]>;

/** Parses a table of rows such as `client: base hub transport/transport.ts`. Lines that open with `#` are comments. */
export function parseLayers(table: string): Layers {
  const rows = table.split("\n").filter((line) => /^[^#]/.test(line));
  return new Map(rows.map((row) => {
    const [part, allowed] = row.split(":");
    return [part!, allowed!.split(" ").filter((door) => door !== "")];
  }));
}

/** Returns each import that the table does not allow, as `from -> to`, and each module that is in no part. */
export function findWrongImports(modules: readonly Module[], layers: Layers): string[] {
  return modules.flatMap(({ path, imports }) => {
    const part = partOf(path);
    const allowed = layers.get(part);
    if (!allowed) return [`${path} is in no part that the table lists`];
    const fits = (target: string) =>
      partOf(target) === part ||
      allowed.some((door) =>
        door === "*" || door === partOf(target) || door === target || target.startsWith(`${door}/`)
      );
    return imports.filter((target) => !fits(target)).map((target) => `${path} -> ${target}`);
  });
}

/** Returns each group of modules that import one another, directly or not. */
export function findCircles(modules: readonly Module[]): string[][] {
  const imports = new Map(modules.map((module) => [module.path, module.imports]));
  // Tarjan's strongly connected components.
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (path: string): number => {
    const index = order.size;
    let low = index;
    order.set(path, index);
    stack.push(path);
    for (const target of imports.get(path) ?? []) {
      if (target === path) circles.push([path]);
      if (!order.has(target)) low = Math.min(low, visit(target));
      else if (stack.includes(target)) {
        low = Math.min(low, lowest.get(target) ?? order.get(target)!);
      }
      lowest.set(path, low);
    }
    lowest.set(path, low);
    if (low === index) {
      const group = stack.splice(stack.indexOf(path));
      if (group.length > 1) circles.push(group.toSorted());
    }
    return low;
  };
  for (const { path } of modules) if (!order.has(path)) visit(path);
  return circles;
}

/** Returns the part that a path belongs to: a folder, or a file of the top level. `hub.ts` covers `hub/`, `client.ts` `client/`. */
export function partOf(path: string): string {
  if (path === "main.ts") return path;
  if (path === "home.html") return "page";
  return path.split("/")[0]!.replace(/\.ts$/, "");
}
