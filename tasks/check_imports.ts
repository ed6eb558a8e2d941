// Imports point one way: a module may import what stands below it, never what stands above. Checked from what Deno
// itself resolves, so that no import is missed.

import table from "./may_import.txt" with { type: "text" };

const MAY_IMPORT = new Map(table.split("\n").filter((line) => /^[^#]/.test(line)).map(parseRow));

/** Data that anybody may import. */
const DATA = ["deno.json"];

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly { readonly code?: Target; readonly type?: Target }[];
}
interface Target {
  readonly specifier?: string;
}

/** Every import that points the wrong way, as `from -> to`. `modules` is what `deno info --json` lists. */
export function findWrongImports(modules: readonly Module[], root: string): string[] {
  const wrong: string[] = [];
  for (const module of modules) {
    const from = localPath(module.specifier, root);
    if (!from || !from.endsWith(".ts") || from.startsWith("std/")) continue;
    const allowed = MAY_IMPORT.get(from);
    if (!allowed) wrong.push(`${from} is not listed`);
    for (const { code, type } of module.dependencies ?? []) {
      const to = localPath((code ?? type)?.specifier ?? "", root);
      if (!to || to.startsWith("std/") || DATA.includes(to)) continue;
      const fits = (pattern: string) =>
        pattern === to || pattern.endsWith("/*") && to.startsWith(pattern.slice(0, -1));
      if (!allowed?.some(fits)) wrong.push(`${from} -> ${to}`);
    }
  }
  return wrong;
}

/** `client.ts: errors.ts wire/*` */
function parseRow(row: string): [module: string, allowed: string[]] {
  const [module, allowed] = row.split(":");
  return [module!, allowed!.split(" ").filter((pattern) => pattern !== "")];
}

function localPath(specifier: string, root: string): string | undefined {
  return specifier.startsWith(root) ? specifier.slice(root.length) : undefined;
}

if (import.meta.main) {
  const command = new Deno.Command(Deno.execPath(), { args: ["info", "--json", "main.ts"] });
  const { stdout, stderr, success } = await command.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const { modules } = JSON.parse(new TextDecoder().decode(stdout));
  const wrong = findWrongImports(modules, new URL("../", import.meta.url).href);
  for (const line of wrong) console.error(`Import points the wrong way: ${line}`);
  if (wrong.length > 0) Deno.exit(1);
}
