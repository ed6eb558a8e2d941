// Describes the conditions of the measurements: the machine and the commit.
import os from "node:os";
import type { Machine } from "./result.ts";

const ROOT = new URL("../", import.meta.url);

/** Describes this machine by what its system reports. */
export function describeMachine(): Machine {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() || "unknown CPU",
    cores: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 1024 ** 3 * 10) / 10,
    os: `${os.type()} ${os.release()}`,
  };
}

/** Returns the short hash of the commit, with `+` if files differ from it; "unknown" outside a checkout. */
export async function describeCommit(): Promise<string> {
  const commit = await git(["rev-parse", "--short", "HEAD"]);
  if (!commit) return "unknown";
  return commit + (await git(["status", "--porcelain"]) ? "+" : "");
}

async function git(args: string[]): Promise<string> {
  try {
    const options = { args, cwd: ROOT, stderr: "null" } as const;
    const { success, stdout } = await new Deno.Command("git", options).output();
    return success ? new TextDecoder().decode(stdout).trim() : "";
  } catch {
    return ""; // Without git there is no commit to name, and nothing else is missing.
  }
}
