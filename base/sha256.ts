// SHA-256 of a text in UTF-8, or of bytes.
import type { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/** Returns the 32 bytes of the hash. */
export function sha256(data: string | Uint8Array): Buffer {
  return createHash("sha256").update(data).digest();
}
