// Signs what is posted to other programs, by the Standard Webhooks scheme (standardwebhooks.com): who knows the secret
// can tell that it comes from here, and when. Pure functions.
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { ChatError } from "../../protocol/errors.ts";

/** How a secret begins that is written in base64. */
const BASE64_PREFIX = "whsec_";

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** A message to sign. */
export interface Signed {
  /** The same whenever this message is sent again. */
  readonly id: string;
  /** When it is sent, in milliseconds since 1970. */
  readonly atMs: number;
  readonly body: string;
}

/**
 * The key that a secret stands for.
 * @throws {ChatError} `bad_usage` when it is empty, or should be base64 and is not. The message does not hold it.
 */
export function parseSecret(secret: string): Uint8Array {
  if (!secret.startsWith(BASE64_PREFIX)) {
    if (secret !== "") return new TextEncoder().encode(secret);
    throw new ChatError("bad_usage", { message: "Cannot use the hook secret: it is empty" });
  }
  const digits = secret.slice(BASE64_PREFIX.length);
  if (BASE64.test(digits)) return Buffer.from(digits, "base64");
  throw new ChatError("bad_usage", {
    message: `Cannot use the hook secret: expected base64 after "${BASE64_PREFIX}"`,
  });
}

/** The headers that say which message it is, when it was sent, and that the key's holder sent it. */
export function signatureHeaders(
  key: Uint8Array,
  { id, atMs, body }: Signed,
): Record<string, string> {
  const timestamp = String(Math.floor(atMs / 1000));
  const hash = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${hash}`,
  };
}
