// Imports point one way: a module may import what stands below it, never what stands above. Checked from what Deno
// itself resolves, so that no import is missed.

/** Each part of the program, with what it may import. Types count as well. */
const MAY_IMPORT: Record<string, string[]> = {
  "main.ts": ["config.ts", "errors.ts", "hub.ts", "log.ts", "server.ts", "transport/*", "wire/*"],
  "server.ts": ["client.ts", "errors.ts", "hub.ts", "log.ts", "page/*", "transport/transport.ts"],
  "client.ts": ["errors.ts", "hub.ts", "log.ts", "transport/transport.ts", "wire/*"],
  "hub.ts": ["backlog.ts", "errors.ts", "log.ts", "wire/message.ts"],
  "backlog.ts": ["wire/message.ts"],
  "transport/deno.ts": ["errors.ts", "log.ts", "transport/transport.ts"],
  "transport/transport.ts": ["log.ts"],
  "wire/text.ts": ["errors.ts"],
  "wire/message.ts": [],
  "page/assets.ts": ["home.html", "page/*"],
  "config.ts": ["errors.ts"],
  "errors.ts": [],
  "log.ts": [],
};

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
    const allowed = MAY_IMPORT[from];
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
