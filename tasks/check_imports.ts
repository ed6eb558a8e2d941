// Imports point one way: a module may import what stands below it, never what stands above. Checked from what Deno
// itself resolves, so that no import is missed.

/** Each part of the program, with what it may import. Types count as well. */
const MAY_IMPORT: Record<string, string[]> = {
  "main.ts": [
    "access/*",
    "cli/*",
    "config.ts",
    "dialog.ts",
    "errors.ts",
    "hook/hook.ts",
    "hub.ts",
    "journal/*",
    "log.ts",
    "metrics.ts",
    "server.ts",
    "transport/*",
  ],
  "cli/run.ts": ["cli/*", "config.ts"],
  "config.ts": ["cli/commands.ts", "cli/flags.ts", "cli/room_url.ts", "cli/values.ts", "names.ts"],
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
    "cli/bearer.ts",
    "cli/lines.ts",
    "cli/output.ts",
    "cli/request.ts",
    "config.ts",
    "errors.ts",
    "wire/harmless.ts",
  ],
  "cli/tail.ts": [
    "cli/bearer.ts",
    "cli/entry.ts",
    "cli/follow.ts",
    "cli/output.ts",
    "config.ts",
    "wire/message.ts",
    "wire/transcript.ts",
    "wire/harmless.ts",
  ],
  "cli/export.ts": [
    "cli/bearer.ts",
    "cli/entry.ts",
    "cli/export_journal.ts",
    "cli/output.ts",
    "cli/request.ts",
    "config.ts",
    "wire/transcript.ts",
    "wire/harmless.ts",
  ],
  "cli/backup.ts": [
    "cli/output.ts",
    "config.ts",
    "errors.ts",
    "journal/backup.ts",
    "journal/folder.ts",
  ],
  "cli/export_journal.ts": ["cli/entry.ts", "journal/*", "wire/json_lines.ts"],
  "cli/chat.ts": [
    "cli/bearer.ts",
    "cli/chat_pipe.ts",
    "cli/chat_place.ts",
    "cli/chat_terminal.ts",
    "cli/request.ts",
    "errors.ts",
  ],
  "cli/chat_place.ts": [
    "cli/bearer.ts",
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
  "cli/certificate.ts": ["cli/values.ts", "errors.ts", "transport/transport.ts"],
  "cli/secret.ts": ["cli/flags.ts", "config.ts"],
  "cli/flags.ts": ["errors.ts"],
  "cli/bearer.ts": ["cli/secret.ts", "config.ts"],
  "cli/invite.ts": [
    "cli/bearer.ts",
    "cli/output.ts",
    "cli/request.ts",
    "config.ts",
    "wire/harmless.ts",
  ],
  "cli/follow.ts": ["cli/bearer.ts", "cli/lines.ts", "cli/request.ts"],
  "cli/request.ts": ["errors.ts", "wire/harmless.ts", "http/retry_after.ts"],
  "cli/entry.ts": ["wire/ban.ts", "wire/message.ts"],
  "cli/greeting.ts": [],
  "cli/lines.ts": [],
  "cli/output.ts": [],
  "server.ts": [
    "access/admission.ts",
    "access/gate.ts",
    "errors.ts",
    "http/*",
    "hub.ts",
    "log.ts",
    "names.ts",
    "page/assets.ts",
    "transport/transport.ts",
  ],
  "metrics.ts": ["hub.ts", "tally.ts", "wire/*"],
  "http/metrics.ts": ["http/problem.ts", "http/visitor.ts", "metrics.ts"],
  "http/room.ts": [
    "errors.ts",
    "http/origin.ts",
    "http/post.ts",
    "http/problem.ts",
    "http/query.ts",
    "http/stream.ts",
    "http/visit.ts",
    "hub.ts",
    "tally.ts",
    "transport/transport.ts",
    "wire/*",
  ],
  "http/stream.ts": [
    "client.ts",
    "dialog.ts",
    "errors.ts",
    "http/post.ts",
    "http/query.ts",
    "http/visit.ts",
    "hub.ts",
    "names.ts",
    "transport/transport.ts",
    "wire/*",
  ],
  "http/post.ts": [
    "dialog.ts",
    "errors.ts",
    "http/body.ts",
    "http/github.ts",
    "http/slack.ts",
    "http/visit.ts",
    "hub.ts",
    "names.ts",
    "wire/*",
  ],
  "http/github.ts": ["errors.ts", "http/payload.ts", "wire/*"],
  "http/slack.ts": ["errors.ts", "http/payload.ts", "names.ts", "wire/*"],
  "http/payload.ts": ["errors.ts", "wire/*"],
  "http/health.ts": ["http/problem.ts", "hub.ts", "names.ts"],
  "http/page.ts": ["http/problem.ts", "page/assets.ts"],
  "http/query.ts": ["errors.ts", "wire/json_lines.ts"],
  "http/body.ts": ["errors.ts"],
  "http/problem.ts": ["errors.ts"],
  "http/origin.ts": ["http/front.ts"],
  "http/front.ts": ["http/problem.ts", "transport/transport.ts"],
  "client.ts": [
    "access/admission.ts",
    "dialog.ts",
    "errors.ts",
    "hub.ts",
    "log.ts",
    "seat.ts",
    "tally.ts",
    "transport/transport.ts",
    "wire/frame.ts",
    "wire/message.ts",
  ],
  "dialog.ts": ["errors.ts", "hub.ts", "names.ts", "seat.ts", "wire/*"],
  "hub.ts": [
    "access/admission.ts",
    "errors.ts",
    "journal/journal.ts",
    "log.ts",
    "poster.ts",
    "room.ts",
    "rules.ts",
    "seat.ts",
    "tally.ts",
    "turn.ts",
    "wire/message.ts",
  ],
  "turn.ts": [
    "errors.ts",
    "journal/journal.ts",
    "log.ts",
    "names.ts",
    "room.ts",
    "rules.ts",
    "seat.ts",
    "tally.ts",
    "wire/message.ts",
  ],
  "rules.ts": [
    "errors.ts",
    "journal/journal.ts",
    "names.ts",
    "seat.ts",
    "wire/ban.ts",
    "wire/message.ts",
  ],
  "poster.ts": ["access/admission.ts", "errors.ts", "seat.ts", "wire/message.ts"],
  "seat.ts": ["access/admission.ts", "errors.ts", "wire/message.ts"],
  "room.ts": ["journal/journal.ts", "names.ts", "seat.ts", "tally.ts", "wire/message.ts"],
  "tally.ts": ["errors.ts"],
  "journal/sqlite.ts": ["errors.ts", "journal/*", "names.ts", "wire/message.ts"],
  "journal/memory.ts": ["journal/journal.ts", "names.ts", "wire/message.ts"],
  "journal/backup.ts": ["journal/folder.ts", "journal/schema.ts"],
  "journal/folder.ts": ["errors.ts"],
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
  "transport/http_server.ts": ["log.ts", "transport/transport.ts"],
  "transport/transport.ts": ["log.ts", "wire/frame.ts"],
  "wire/event_stream.ts": ["wire/frame.ts", "wire/json_lines.ts", "wire/message.ts"],
  "wire/ban.ts": ["wire/message.ts"],
  "wire/transcript.ts": ["wire/ban.ts", "wire/frame.ts", "wire/message.ts", "wire/harmless.ts"],
  "wire/json_lines.ts": [
    "errors.ts",
    "wire/ban.ts",
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
  "http/visit.ts": ["access/admission.ts", "client.ts", "hub.ts", "log.ts"],
  "http/socket.ts": [
    "client.ts",
    "dialog.ts",
    "http/origin.ts",
    "http/problem.ts",
    "http/visit.ts",
    "transport/transport.ts",
    "wire/*",
  ],
  "http/visitor.ts": ["transport/transport.ts"],
  "wire/harmless.ts": [],
  "http/entrance.ts": [
    "access/admission.ts",
    "access/gate.ts",
    "errors.ts",
    "http/credentials.ts",
    "http/origin.ts",
    "http/problem.ts",
    "http/sign_in_page.ts",
    "http/visitor.ts",
  ],
  "http/sign_in.ts": [
    "errors.ts",
    "http/body.ts",
    "http/credentials.ts",
    "http/entrance.ts",
    "http/origin.ts",
    "http/problem.ts",
    "http/sign_in_page.ts",
    "wire/text.ts",
  ],
  "http/invites.ts": [
    "access/store.ts",
    "errors.ts",
    "http/body.ts",
    "http/entrance.ts",
    "http/problem.ts",
    "names.ts",
    "wire/*",
  ],
  "http/sign_in_page.ts": [
    "errors.ts",
    "http/page.ts",
    "http/problem.ts",
    "page/assets.ts",
    "sign_in/files.ts",
  ],
  "http/credentials.ts": ["access/gate.ts", "access/store.ts", "http/visitor.ts"],
  "sign_in/files.ts": ["sign_in/*"],
  "access/gate.ts": ["access/*", "errors.ts", "log.ts"],
  "access/store.ts": ["errors.ts"],
  "access/password.ts": ["errors.ts"],
  "access/throttle.ts": ["errors.ts"],
  "access/openings.ts": ["errors.ts"],
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
