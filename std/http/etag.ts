// Stand-in for jsr:@std/http/etag: the part that Confab uses, with upstream's contract.
import { createHash } from "node:crypto";

/** Resolves with a strong entity tag of the content: its length in bytes and the beginning of its SHA-256. */
export function eTag(entity: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof entity === "string" ? new TextEncoder().encode(entity) : entity;
  const hash = createHash("sha256").update(bytes).digest("base64").slice(0, 27);
  return Promise.resolve(`"${bytes.length.toString(16)}-${hash}"`);
}

/** Returns whether the content must be sent: false only when the `If-None-Match` value names this tag, weak or strong. */
export function ifNoneMatch(value: string | null, etag: string | undefined): boolean {
  if (!value || !etag) return true;
  if (value.trim() === "*") return false;
  const named = value.split(",").map((tag) => opaque(tag.trim()));
  return !named.includes(opaque(etag));
}

/** Returns the tag without its mark of weakness. */
function opaque(etag: string): string {
  return etag.replace(/^W\//, "");
}
