// The secret that signs what hooks are sent, and the like. It comes from a file or the environment, never from a flag, and no error
// shows it.
import type { Secret } from "../config.ts";
import { badUsage } from "./flags.ts";

/** A secret is at least this long, so that nobody guesses it. */
const MIN_SECRET_CHARS = 16;

/**
 * Reads the secret; a line break at the end of its file is the editor's.
 * @throws {ChatError} `bad_usage` when there is no such file, or too little in it.
 */
export function readSecret(from: Secret, what = "hook secret"): string {
  const source = "file" in from ? `${what} "${from.file}"` : what;
  const secret = ("file" in from ? readFile(from.file, what) : from.value).trim();
  if (secret.length >= MIN_SECRET_CHARS) return secret;
  throw badUsage(
    `Cannot use ${source}: expected ${MIN_SECRET_CHARS} characters or more, ` +
      `received ${secret.length}`,
  );
}

function readFile(path: string, what: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw badUsage(`Cannot read ${what} "${path}": ${(error as Error).message}`);
  }
}
