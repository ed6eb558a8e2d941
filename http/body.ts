// The body of a request, bounded in size and time before it is in memory.
import { Buffer } from "node:buffer";
import { ChatError } from "../errors.ts";

/** Time for a body to arrive. */
const BODY_WAIT_MS = 20_000;

/**
 * The whole body.
 * @throws {ChatError} `too_long` over `maxBytes`, `body_timeout`.
 */
export async function readBody(request: Request, maxBytes: number): Promise<ArrayBuffer> {
  if (Number(request.headers.get("content-length")) > maxBytes) throw tooLong(maxBytes);
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = request.body?.getReader();
  if (!reader) return new ArrayBuffer(0);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    reader.cancel().catch(() => {});
  }, BODY_WAIT_MS);
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.byteLength;
      if (size > maxBytes) throw tooLong(maxBytes);
      parts.push(part.value);
    }
    if (isLate) throw new ChatError("body_timeout");
    return new Uint8Array(Buffer.concat(parts)).buffer;
  } catch (cause) {
    if (cause instanceof ChatError) throw cause;
    throw new ChatError(isLate ? "body_timeout" : "bad_request", { cause }); // or the peer has gone
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
}

function tooLong(maxBytes: number): ChatError {
  return new ChatError("too_long", { message: `The body is longer than ${maxBytes} bytes` });
}
