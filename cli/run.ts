// Runs the commands other than the server, and reports the error that ends any command. Each command is loaded when it
// is run.
import deno from "../deno.json" with { type: "json" };
import { ChatError, type ErrorRow, ERRORS } from "../protocol/errors.ts";
import { readBearer } from "./secret.ts";
import { helpText } from "./commands/help.ts";
import { COMMANDS } from "./config/command_table.ts";
import type { Config, ServeConfig } from "./config/config.ts";
import { note, writeError } from "./stdio.ts";

/** Runs the command. Resolves to the exit code. */
export async function run(config: Exclude<Config, ServeConfig>): Promise<number> {
  switch (config.command) {
    case "help":
      console.log(helpText(deno.version, config.about));
      return 0;
    case "version":
      console.log(`confab ${deno.version}`);
      return 0;
    case "send": {
      const { send } = await import("./commands/send.ts");
      const bearer = readBearer(config.bearer);
      revokeFileAccess();
      if (config.text === undefined && Deno.stdin.isTerminal()) note("Reading until Ctrl-D");
      return send(config, Deno.stdin.readable, bearer);
    }
    case "tail": {
      const { tail } = await import("./commands/tail.ts");
      const bearer = readBearer(config.bearer);
      revokeFileAccess();
      Deno.addSignalListener("SIGINT", () => Deno.exit(0)); // the normal way to end it
      return tail(config, bearer);
    }
    case "chat":
      return (await import("./chat/chat.ts")).chat(config, readBearer(config.bearer));
    case "export":
      return (await import("./commands/export.ts")).exportRoom(config, readBearer(config.bearer));
    case "backup":
      return (await import("./commands/backup.ts")).makeBackup(config);
    case "restore":
      return (await import("./commands/backup.ts")).restoreBackup(config);
    case "health":
      return (await import("./commands/health.ts")).checkHealth(config.url);
    case "invite": {
      const { invite } = await import("./commands/invite.ts");
      const bearer = readBearer(config.bearer);
      revokeFileAccess();
      return invite(config, bearer);
    }
    case "completions":
      console.log((await import("./commands/completions.ts")).makeCompletions(config.shell));
      return 0;
  }
}

/** Revokes access to files. A command that only talks to a server must not touch files, whatever the server responds. */
function revokeFileAccess(): void {
  Deno.permissions.revokeSync({ name: "write" });
  Deno.permissions.revokeSync({ name: "read" });
}

/** Prints the error on standard error, with its stack for `--debug`. Returns the exit code. */
export function reportError(error: unknown, args: readonly string[]): number {
  // The reader of the output has closed it, and needs no more: `confab tail URL | head`.
  if (error instanceof Deno.errors.BrokenPipe) return 0;
  const isDebug = args.some((arg) => /^--?debug$/.test(arg));
  const row: ErrorRow = ERRORS[error instanceof ChatError ? error.code : "internal"];
  writeError(isDebug ? error : `confab: ${(error as Error).message}`);
  if (error instanceof ChatError && error.code === "bad_usage") {
    const command = args[0] && Object.hasOwn(COMMANDS, args[0]) ? `${args[0]} ` : "";
    writeError(`Run confab ${command}--help for the options.`);
  }
  return row.exitCode ?? 1;
}
