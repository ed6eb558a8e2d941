// The commands but for the server: each is loaded when it is called.
import type { Config, ServeConfig } from "./config/config.ts";
import deno from "../deno.json" with { type: "json" };
import { readBearer } from "./bearer.ts";
import { helpText } from "./commands/help.ts";
import { note } from "./stdio.ts";

/** Runs the command to its end. Resolves with the exit code. */
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
      leaveFilesAlone();
      if (config.text === undefined && Deno.stdin.isTerminal()) note("Reading until Ctrl-D");
      return send(config, Deno.stdin.readable, bearer);
    }
    case "tail": {
      const { tail } = await import("./commands/tail.ts");
      const bearer = readBearer(config.bearer);
      leaveFilesAlone();
      Deno.addSignalListener("SIGINT", () => Deno.exit(0)); // that is how one leaves it
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
      leaveFilesAlone();
      return invite(config, bearer);
    }
    case "completions":
      console.log((await import("./commands/completions.ts")).makeCompletions(config.shell));
      return 0;
  }
}

/** What speaks to a server has no business with files, whatever it is answered. */
function leaveFilesAlone(): void {
  Deno.permissions.revokeSync({ name: "write" });
  Deno.permissions.revokeSync({ name: "read" });
}
