// Imports point one way: a module may import what stands below it, never what stands above. Checked from what Deno
// itself resolves, so that no import is missed.

/** Each part of the program, with what it may import. Types count as well. */
const MAY_IMPORT: Record<string, string[]> = {
  "main.ts": [
    "config.ts",
    "dialog.ts",
    "errors.ts",
    "hub.ts",
    "journal/*",
    "log.ts",
    "server.ts",
    "transport/*",
  ],
  "server.ts": [
    "client.ts",
    "dialog.ts",
    "errors.ts",
    "hub.ts",
    "log.ts",
    "names.ts",
    "page/assets.ts",
    "transport/transport.ts",
    "wire/*",
  ],
  "client.ts": [
    "dialog.ts",
    "errors.ts",
    "hub.ts",
    "log.ts",
    "seat.ts",
    "transport/transport.ts",
    "wire/frame.ts",
    "wire/message.ts",
  ],
  "dialog.ts": ["errors.ts", "hub.ts", "names.ts", "seat.ts", "wire/*"],
  "hub.ts": [
    "errors.ts",
    "journal/journal.ts",
    "log.ts",
    "room.ts",
    "seat.ts",
    "turn.ts",
    "wire/message.ts",
  ],
  "turn.ts": [
    "errors.ts",
    "journal/journal.ts",
    "log.ts",
    "room.ts",
    "seat.ts",
    "wire/message.ts",
  ],
  "room.ts": ["journal/journal.ts", "names.ts", "seat.ts", "wire/message.ts"],
  "seat.ts": ["errors.ts", "wire/message.ts"],
  "journal/sqlite.ts": ["errors.ts", "journal/*", "names.ts", "wire/message.ts"],
  "journal/memory.ts": ["journal/journal.ts", "names.ts", "wire/message.ts"],
  "journal/schema.ts": [],
  "journal/journal.ts": ["wire/message.ts"],
  "transport/deno.ts": [
    "errors.ts",
    "log.ts",
    "transport/open_connections.ts",
    "transport/transport.ts",
    "wire/frame.ts",
  ],
  "transport/open_connections.ts": [],
  "transport/ws.ts": [
    "errors.ts",
    "transport/http_server.ts",
    "transport/open_connections.ts",
    "transport/transport.ts",
    "transport/ws_connection.ts",
  ],
  "transport/ws_connection.ts": ["errors.ts", "log.ts", "transport/transport.ts", "wire/frame.ts"],
  "transport/http_server.ts": ["log.ts"],
  "transport/transport.ts": ["log.ts", "wire/frame.ts"],
  "wire/json_lines.ts": ["errors.ts", "wire/frame.ts", "wire/message.ts", "wire/text.ts"],
  "wire/text.ts": ["errors.ts", "wire/frame.ts", "wire/message.ts"],
  "wire/message.ts": ["errors.ts", "wire/frame.ts"],
  "wire/frame.ts": [],
  "page/assets.ts": ["page/files.ts"],
  "page/files.ts": ["home.html", "page/*"],
  "config.ts": ["errors.ts"],
  "names.ts": ["errors.ts"],
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
