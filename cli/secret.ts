// The secret that signs what hooks are sent. It comes from a file or the environment, never from a flag, and no error
// shows it.
import type { HookSecret } from "../config.ts";
import { badUsage } from "./flags.ts";

/** A secret is at least this long, so that nobody guesses it. */
const MIN_SECRET_CHARS = 16;

/**
 * Reads the secret; a line break at the end of its file is the editor's.
 * @throws {ChatError} `bad_usage` when there is no such file, or too little in it.
 */
export function readSecret(from: HookSecret): string {
  const source = "file" in from ? `hook secret "${from.file}"` : "hook secret";
  const secret = ("file" in from ? readFile(from.file) : from.value).trim();
  if (secret.length >= MIN_SECRET_CHARS) return secret;
  throw badUsage(
    `Cannot use ${source}: expected ${MIN_SECRET_CHARS} characters or more, ` +
      `received ${secret.length}`,
  );
}

function readFile(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw badUsage(`Cannot read hook secret "${path}": ${(error as Error).message}`);
  }
}
