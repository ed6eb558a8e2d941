// The body of a request is bounded in size and time before it is in memory, and its text is UTF-8.
import { ChatError } from "../protocol/errors.ts";
import { decodeText } from "../protocol/plain_lines.ts";

/** Initial size of the buffer. It doubles when it is full. */
const FIRST_BYTES = 4096;

/** Time for a body to arrive. */
const BODY_WAIT_MS = 20_000;

/** Names of UTF-8 in a `Content-Type`. */
const UTF8_NAMES = ["utf-8", "utf8"];

/**
 * Reads the whole body as text.
 * @throws {ChatError} `bad_media_type` for another charset or a content coding, `not_text`, and as {@linkcode readBody} does.
 */
export async function readText(request: Request, maxBytes: number): Promise<string> {
  checkTextHeaders(request.headers);
  return decodeText(await readBody(request, maxBytes));
}

/**
 * Refuses a charset or a coding that is not decoded: its bytes may be valid UTF-8 by chance, and would be stored as another text.
 * @throws {ChatError} `bad_media_type`
 */
export function checkTextHeaders(headers: Headers): void {
  const coding = headers.get("content-encoding")?.trim() || "identity";
  if (coding.toLowerCase() !== "identity") {
    throw new ChatError("bad_media_type", {
      message: "Cannot read the body: expected no Content-Encoding",
    });
  }
  const [, charset] = /;\s*charset\s*=\s*([^;]*)/i.exec(headers.get("content-type") ?? "") ?? [];
  const name = charset?.trim().replace(/^"(.*)"$/, "$1").toLowerCase();
  if (name !== undefined && !UTF8_NAMES.includes(name)) {
    throw new ChatError("bad_media_type", {
      message: "Cannot read the body: expected the charset UTF-8",
    });
  }
}

/**
 * Reads the whole body.
 * @throws {ChatError} `too_long` above `maxBytes`, `body_timeout`, `bad_request`.
 */
export async function readBody(request: Request, maxBytes: number): Promise<ArrayBuffer> {
  if (Number(request.headers.get("content-length")) > maxBytes) throw tooLong(maxBytes);
  // Parts are copied: even a small one is a view of a large buffer.
  let bytes = new Uint8Array(Math.min(FIRST_BYTES, maxBytes));
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
      const end = size + part.value.byteLength;
      if (end > maxBytes) throw tooLong(maxBytes);
      if (end > bytes.length) bytes = enlarge(bytes, Math.min(Math.max(end, 2 * size), maxBytes));
      bytes.set(part.value, size);
      size = end;
    }
    if (isLate) throw new ChatError("body_timeout");
    return bytes.slice(0, size).buffer;
  } catch (cause) {
    if (cause instanceof ChatError) throw cause;
    throw new ChatError(isLate ? "body_timeout" : "bad_request", { cause }); // otherwise the peer has disconnected
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
}

function enlarge(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}

function tooLong(maxBytes: number): ChatError {
  return new ChatError("too_long", { message: `The body is longer than ${maxBytes} bytes` });
}
