// The secrets: what signs hooks, the password, the operator key. They come from a file or the environment, never from a
// flag, and no error shows them.
import { Buffer } from "node:buffer";
import type { SecretSource } from "./config/config.ts";
import { badUsage } from "./config/flags.ts";

/** What a secret must be. */
export interface SecretKind {
  /** As an error names it. */
  readonly name: string;
  readonly minBytes: number;
}

/** So long that nobody guesses it. */
export const HOOK_SECRET: SecretKind = { name: "hook secret", minBytes: 16 };
export const METRICS_TOKEN: SecretKind = { name: "metrics token", minBytes: 16 };
export const OPERATOR_KEY: SecretKind = { name: "operator key", minBytes: 16 };

/** As long as people choose: guesses are throttled. */
export const PASSWORD: SecretKind = { name: "password", minBytes: 1 };

/** It is to fit a header, and a form. */
const MAX_BYTES = 1024;

/**
 * Reads the secret; a line break at the end of its file is the editor's.
 * @throws {ChatError} `bad_usage` when there is no such file, or too little or too much in it.
 */
export function readSecret(from: SecretSource, { name, minBytes }: SecretKind): string {
  const source = "file" in from ? `${name} "${from.file}"` : name;
  const secret = ("file" in from ? readFile(from.file, name) : from.value).trim();
  const bytes = Buffer.byteLength(secret);
  if (bytes < minBytes || bytes > MAX_BYTES) {
    const least = minBytes > 1 ? `${minBytes} bytes or more` : "a value";
    const expected = bytes < minBytes ? least : `at most ${MAX_BYTES} bytes`;
    throw badUsage(`Cannot use ${source}: expected ${expected}, received ${bytes || "none"}`);
  }
  if (/\p{Cc}/u.test(secret)) {
    throw badUsage(`Cannot use ${source}: expected one line without control characters`);
  }
  return secret;
}

function readFile(path: string, name: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw badUsage(`Cannot read ${name} "${path}": ${(error as Error).message}`);
  }
}
