// Signs requests to other programs by the Standard Webhooks scheme (standardwebhooks.com). A receiver that knows the secret can
// verify the sender and the time. Pure functions.
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { ChatError } from "../../protocol/errors.ts";

/** Prefix of a secret that is written in base64. */
const BASE64_PREFIX = "whsec_";

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** A message to sign. */
export interface Signed {
  /** Id of the message: the same for each attempt to send it. */
  readonly id: string;
  /** Time of sending, in milliseconds since 1970. */
  readonly atMs: number;
  readonly body: string;
}

/**
 * Parses a secret into a key.
 * @throws {ChatError} `bad_usage` if it is empty, or should be base64 and is not. The message does not contain the secret.
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

/** Returns the headers that carry the id, the time of sending and the signature of a message. */
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
