// Stand-in for jsr:@std/http/etag: the part that Confab uses, over npm:etag and npm:fresh.
import { Buffer } from "node:buffer";
// @ts-types="@types/etag"
import etag from "etag";
// @ts-types="@types/fresh"
import fresh from "fresh";

/** Resolves with a strong entity tag of the content. */
export function eTag(entity: string | Uint8Array): Promise<string> {
  return Promise.resolve(etag(typeof entity === "string" ? entity : Buffer.from(entity)));
}

/** Whether the content must be sent: false only when the `If-None-Match` value names this tag. */
export function ifNoneMatch(value: string | null, etag: string | undefined): boolean {
  if (!value || !etag) return true;
  return !fresh({ "if-none-match": value }, { etag });
}
