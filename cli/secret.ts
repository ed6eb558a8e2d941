// Reads secrets: the password, the operator key, and the keys of webhooks and metrics. A secret comes from a file or the
// environment, never from a flag, and no error shows it.
import { Buffer } from "node:buffer";
import type { Log } from "../base/log.ts";
import { ChatError, type ErrorCode } from "../protocol/errors.ts";
import type { Bearer, SecretSource, ServeConfig } from "./config/config.ts";
import { badUsage } from "./config/flags.ts";

/** Rules for one kind of secret. */
export interface SecretKind {
  /** Name in error messages. */
  readonly name: string;
  readonly minBytes: number;
}

/** Headers that authenticate each request of a command. */
export type BearerHeaders = Readonly<Record<string, string>>;

/** Secrets that programs keep: too long to guess. */
export const HOOK_SECRET: SecretKind = { name: "hook secret", minBytes: 16 };
export const GITHUB_SECRET: SecretKind = { name: "GitHub secret", minBytes: 16 };
export const METRICS_TOKEN: SecretKind = { name: "metrics token", minBytes: 16 };
export const OPERATOR_KEY: SecretKind = { name: "operator key", minBytes: 16 };

/** A secret that people remember may be short: guesses are throttled. */
export const PASSWORD: SecretKind = { name: "password", minBytes: 1 };

/** Permission bits of the group and of all others. */
const OTHERS = 0o077;

/** Folder of systemd's credentials. Only the service can read them, but the mode shows its access as that of a group. */
const CREDENTIALS = /^\/run\/credentials\//;

/** Maximum size of a secret, which must fit a header and a form. */
const MAX_BYTES = 1024;

/**
 * Reads the secret, without the white space around it: editors end a file with a line break.
 * @throws {ChatError} `bad_usage` if the file cannot be read, or the secret is too short, too long or not one line.
 */
export function readSecret(from: SecretSource, { name, minBytes }: SecretKind): string {
  const source = "file" in from ? `${name} "${from.file}"` : name;
  const secret =
    ("file" in from ? readTextFile(from.file, { name, code: "bad_usage" }) : from.value)
      .trim();
  const bytes = Buffer.byteLength(secret);
  if (bytes < minBytes || bytes > MAX_BYTES) {
    const minimum = minBytes > 1 ? `${minBytes} bytes or more` : "a value";
    const expected = bytes < minBytes ? minimum : `at most ${MAX_BYTES} bytes`;
    throw badUsage(`Cannot use ${source}: expected ${expected}, received ${bytes || "none"}`);
  }
  if (/\p{Cc}/u.test(secret)) {
    throw badUsage(`Cannot use ${source}: expected one line without control characters`);
  }
  return secret;
}

/**
 * Reads the secret of a command and returns the headers that carry it. Called before the command revokes its access to
 * files.
 * @throws {ChatError} `bad_usage`, as {@linkcode readSecret} does.
 */
export function readBearer(bearer: Bearer | undefined): BearerHeaders {
  if (!bearer) return {};
  const secret = readSecret(bearer.from, bearer.kind === "operator" ? OPERATOR_KEY : PASSWORD);
  // Characters of a header value are its bytes.
  return { authorization: `Bearer ${Buffer.from(secret).toString("latin1")}` };
}

/**
 * Reads a text file that a flag names.
 * @throws {ChatError} `code`, with a sentence that names the file and the reason.
 */
export function readTextFile(
  path: string,
  { name, code }: { readonly name: string; readonly code: ErrorCode },
): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    const message = `Cannot read ${name} "${path}": ${(cause as Error).message}`;
    throw new ChatError(code, { message, cause });
  }
}

/** Returns the paths of the files of a server's secrets, with the key of its certificate. */
export function secretFilesOf(config: ServeConfig): string[] {
  const { password, operatorKey, hookSecret, githubSecret, metricsToken, certificate } = config;
  const sources = [password, operatorKey, hookSecret, githubSecret, metricsToken];
  const files = sources.flatMap((source) => source && "file" in source ? [source.file] : []);
  return [...new Set(certificate ? [certificate.key, ...files] : files)];
}

/** Makes a function that logs a warning if other users may access a file, once for each path. */
export function makeFileWarning(log: Log): (path: string) => void {
  const warned = new Set<string>();
  return (path) => {
    if (Deno.build.os === "windows" || CREDENTIALS.test(path) || warned.has(path)) return;
    const { mode, isFile } = Deno.statSync(path);
    if (!isFile || ((mode ?? 0) & OTHERS) === 0) return;
    warned.add(path);
    const shown = `0${(mode! & 0o777).toString(8)}`;
    log("warn", "secret file is open to other users", { path, mode: shown, expected: "0600" });
  };
}
