// Imports point one way: a module may import what stands below it, never what stands above. Checked from what Deno
// itself resolves, so that no import is missed.

/** Each part of the program, with what it may import. Types count as well. */
const MAY_IMPORT: Record<string, string[]> = {
  "main.ts": [
    "cli/*",
    "config.ts",
    "dialog.ts",
    "errors.ts",
    "hook/hook.ts",
    "http/proxies.ts",
    "http/turnstile.ts",
    "hub.ts",
    "journal/*",
    "limits.ts",
    "log.ts",
    "server.ts",
    "transport/*",
  ],
  "cli/run.ts": ["cli/*", "config.ts"],
  "config.ts": [
    "cli/commands.ts",
    "cli/flags.ts",
    "cli/room_url.ts",
    "cli/values.ts",
    "limits.ts",
    "names.ts",
  ],
  "hook/hook.ts": ["hook/back_off.ts", "hook/courier.ts", "hook/signature.ts", "log.ts"],
  "hook/courier.ts": [
    "hook/signature.ts",
    "hub.ts",
    "journal/journal.ts",
    "wire/json_lines.ts",
    "http/retry_after.ts",
  ],
  "hook/signature.ts": ["errors.ts"],
  "hook/back_off.ts": [],
  "cli/send.ts": [
    "cli/lines.ts",
    "cli/output.ts",
    "cli/request.ts",
    "config.ts",
    "errors.ts",
    "wire/harmless.ts",
  ],
  "cli/tail.ts": [
    "cli/entry.ts",
    "cli/follow.ts",
    "cli/output.ts",
    "config.ts",
    "wire/message.ts",
    "wire/transcript.ts",
    "wire/harmless.ts",
  ],
  "cli/export.ts": [
    "cli/entry.ts",
    "cli/export_journal.ts",
    "cli/output.ts",
    "cli/request.ts",
    "config.ts",
    "wire/transcript.ts",
    "wire/harmless.ts",
  ],
  "cli/export_journal.ts": ["cli/entry.ts", "errors.ts", "journal/*", "wire/json_lines.ts"],
  "cli/chat.ts": ["cli/chat_pipe.ts", "cli/chat_place.ts", "cli/chat_terminal.ts"],
  "cli/chat_place.ts": [
    "cli/file_storage.ts",
    "cli/room_url.ts",
    "page/outbox.js",
    "page/protocol.d.ts",
  ],
  "cli/chat_pipe.ts": [
    "cli/chat_place.ts",
    "cli/chat_lines.ts",
    "cli/lines.ts",
    "cli/output.ts",
    "errors.ts",
    "page/protocol.d.ts",
    "page/session.js",
    "wire/harmless.ts",
  ],
  "cli/chat_terminal.ts": [
    "cli/chat_place.ts",
    "cli/chat_commands.ts",
    "cli/chat_footer.ts",
    "cli/chat_lines.ts",
    "cli/chat_people.ts",
    "cli/screen.ts",
    "page/protocol.d.ts",
    "page/session.js",
    "wire/harmless.ts",
  ],
  "cli/chat_footer.ts": [
    "cli/chat_lines.ts",
    "page/protocol.d.ts",
    "wire/harmless.ts",
  ],
  "cli/chat_lines.ts": ["page/protocol.d.ts", "page/time.js", "wire/harmless.ts"],
  "cli/chat_people.ts": ["page/protocol.d.ts", "wire/harmless.ts"],
  "cli/chat_commands.ts": [],
  "cli/file_storage.ts": ["page/protocol.d.ts"],
  "cli/screen.ts": [],
  "cli/health.ts": ["cli/output.ts", "cli/request.ts", "wire/harmless.ts"],
  "cli/completions.ts": ["cli/commands.ts", "cli/flags.ts", "config.ts"],
  "cli/help.ts": ["cli/commands.ts", "cli/flags.ts"],
  "cli/commands.ts": ["cli/flags.ts"],
  "cli/values.ts": ["cli/flags.ts", "names.ts"],
  "cli/room_url.ts": ["cli/flags.ts", "names.ts"],
  "cli/secret.ts": ["cli/flags.ts", "config.ts"],
  "cli/flags.ts": ["errors.ts"],
  "cli/follow.ts": ["cli/lines.ts", "cli/request.ts"],
  "cli/request.ts": ["errors.ts", "wire/harmless.ts", "http/retry_after.ts"],
  "cli/entry.ts": ["wire/message.ts"],
  "cli/greeting.ts": [],
  "cli/lines.ts": [],
  "cli/output.ts": [],
  "server.ts": [
    "client.ts",
    "dialog.ts",
    "errors.ts",
    "http/*",
    "hub.ts",
    "limits.ts",
    "log.ts",
    "names.ts",
    "page/assets.ts",
    "rate.ts",
    "transport/transport.ts",
    "wire/*",
  ],
  "http/room.ts": [
    "errors.ts",
    "http/origin.ts",
    "http/post.ts",
    "http/problem.ts",
    "http/query.ts",
    "http/stream.ts",
    "hub.ts",
    "transport/transport.ts",
    "wire/*",
  ],
  "http/stream.ts": [
    "client.ts",
    "dialog.ts",
    "http/post.ts",
    "http/query.ts",
    "http/turnstile.ts",
    "hub.ts",
    "limits.ts",
    "log.ts",
    "names.ts",
    "transport/transport.ts",
    "wire/*",
  ],
  "http/post.ts": [
    "errors.ts",
    "http/body.ts",
    "http/github.ts",
    "http/payload.ts",
    "http/slack.ts",
    "hub.ts",
    "limits.ts",
    "names.ts",
    "rate.ts",
    "wire/*",
  ],
  "http/github.ts": ["errors.ts", "http/payload.ts", "wire/*"],
  "http/slack.ts": ["errors.ts", "http/payload.ts", "names.ts", "wire/*"],
  "http/payload.ts": ["errors.ts", "limits.ts", "wire/*"],
  "http/health.ts": ["http/problem.ts", "hub.ts", "names.ts"],
  "http/page.ts": ["http/problem.ts", "page/assets.ts"],
  "http/query.ts": ["errors.ts", "wire/json_lines.ts"],
  "http/body.ts": ["errors.ts"],
  "http/problem.ts": ["errors.ts"],
  "http/origin.ts": [],
  "client.ts": [
    "dialog.ts",
    "errors.ts",
    "hub.ts",
    "limits.ts",
    "log.ts",
    "seat.ts",
    "transport/transport.ts",
    "wire/frame.ts",
    "wire/message.ts",
  ],
  "dialog.ts": [
    "errors.ts",
    "gate.ts",
    "hub.ts",
    "limits.ts",
    "names.ts",
    "rate.ts",
    "seat.ts",
    "wire/*",
  ],
  "hub.ts": [
    "errors.ts",
    "journal/journal.ts",
    "limits.ts",
    "log.ts",
    "poster.ts",
    "room.ts",
    "seat.ts",
    "turn.ts",
    "wire/message.ts",
  ],
  "turn.ts": [
    "errors.ts",
    "gate.ts",
    "journal/journal.ts",
    "log.ts",
    "names.ts",
    "room.ts",
    "seat.ts",
    "wire/message.ts",
  ],
  "room.ts": ["journal/journal.ts", "names.ts", "seat.ts", "wire/message.ts"],
  "poster.ts": ["errors.ts", "seat.ts", "wire/message.ts"],
  "seat.ts": ["errors.ts", "gate.ts", "wire/message.ts"],
  "journal/sqlite.ts": ["errors.ts", "journal/*", "names.ts", "wire/message.ts"],
  "journal/memory.ts": ["journal/journal.ts", "names.ts", "wire/message.ts"],
  "journal/schema.ts": [],
  "journal/statements.ts": [],
  "journal/journal.ts": ["wire/message.ts"],
  "transport/deno.ts": [
    "errors.ts",
    "log.ts",
    "transport/open_connections.ts",
    "transport/stream_connection.ts",
    "transport/transport.ts",
    "wire/frame.ts",
  ],
  "transport/open_connections.ts": [],
  "transport/ws.ts": [
    "errors.ts",
    "transport/http_server.ts",
    "transport/open_connections.ts",
    "transport/stream_connection.ts",
    "transport/transport.ts",
    "transport/ws_connection.ts",
  ],
  "transport/stream_connection.ts": ["log.ts", "transport/transport.ts", "wire/frame.ts"],
  "transport/ws_connection.ts": ["errors.ts", "log.ts", "transport/transport.ts", "wire/frame.ts"],
  "transport/http_server.ts": ["log.ts"],
  "transport/transport.ts": ["log.ts", "wire/frame.ts"],
  "wire/event_stream.ts": ["wire/frame.ts", "wire/json_lines.ts", "wire/message.ts"],
  "wire/transcript.ts": ["wire/frame.ts", "wire/message.ts", "wire/harmless.ts"],
  "wire/json_lines.ts": [
    "errors.ts",
    "limits.ts",
    "wire/frame.ts",
    "wire/message.ts",
    "wire/text.ts",
  ],
  "wire/text.ts": ["errors.ts", "wire/frame.ts", "wire/message.ts"],
  "wire/message.ts": ["errors.ts", "wire/frame.ts"],
  "wire/frame.ts": [],
  "page/assets.ts": ["page/files.ts"],
  "page/files.ts": ["home.html", "page/*"],
  "page/protocol.d.ts": [],
  "names.ts": ["errors.ts"],
  "http/retry_after.ts": [],
  "http/visitor.ts": ["transport/transport.ts"],
  "http/proxies.ts": ["http/visitor.ts", "transport/transport.ts"],
  "http/turnstile.ts": ["errors.ts", "limits.ts"],
  "limits.ts": [],
  "rate.ts": [],
  "gate.ts": [],
  "wire/harmless.ts": [],
  "access/admission.ts": [],
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
