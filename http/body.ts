// The body of a request is bounded in size and time before it is in memory, and its text is UTF-8.
import type { Hold, Holder } from "../base/waiting_bytes.ts";
import { ChatError } from "../protocol/errors.ts";
import { decodeText } from "../protocol/plain_lines.ts";

/** Sizes of the first block of a body, and of a later one at most. Each is as large as those before it together. */
const FIRST_BYTES = 4096;
const MAX_BLOCK_BYTES = 64 * 1024;

/** Maximum body that is accepted from an address that makes the server keep much. A message is not longer by default. */
const CROWDED_BYTES = 128 * 1024;

/** Time for a body to arrive. */
const BODY_WAIT_MS = 20_000;

/** Names of UTF-8 in a `Content-Type`. */
const UTF8_NAMES = ["utf-8", "utf8"];

/**
 * Reads the whole body as text.
 * @throws {ChatError} `bad_media_type` for another charset or a content coding, `not_text`, and as {@linkcode readBody} does.
 */
export async function readText(
  request: Request,
  maxBytes: number,
  hold?: Hold,
): Promise<string> {
  checkTextHeaders(request.headers);
  return decodeText(await readBody(request, maxBytes, hold));
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
 * @param hold counts the bytes until the body is complete
 * @throws {ChatError} `too_long` above `maxBytes`, `body_timeout`, `address_full`, `bad_request`.
 */
export async function readBody(
  request: Request,
  maxBytes: number,
  hold?: Hold,
): Promise<ArrayBuffer> {
  // All of it is counted from the beginning: a body that will be refused should not be read.
  const expectedBytes = Number(request.headers.get("content-length") ?? maxBytes);
  if (expectedBytes > maxBytes) throw tooLong(maxBytes);
  const blocks = new Blocks();
  const reader = request.body?.getReader();
  if (!reader) return new ArrayBuffer(0);
  let isWaiting = true;
  let fault: "body_timeout" | "address_full" | undefined;
  const giveUp = (code: NonNullable<typeof fault>) => {
    fault = code;
    isWaiting = false;
    reader.cancel().catch(() => {});
  };
  const timer = setTimeout(() => giveUp("body_timeout"), BODY_WAIT_MS);
  const holder: Holder = {
    isShared: false,
    get waitingBytes() {
      return isWaiting ? Math.max(expectedBytes, blocks.capacity) : 0;
    },
    cut: () => giveUp("address_full"),
  };
  const holding = hold?.(holder);
  holding?.update();
  if (holding?.isCrowded && expectedBytes > CROWDED_BYTES) giveUp("address_full");
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      if (blocks.size + part.value.byteLength > maxBytes) throw tooLong(maxBytes);
      blocks.append(part.value);
      holding?.update();
      if (fault) break;
    }
    if (fault) throw new ChatError(fault);
    return blocks.join();
  } catch (cause) {
    if (cause instanceof ChatError) throw cause;
    throw new ChatError(fault ?? "bad_request", { cause }); // otherwise the peer has disconnected
  } finally {
    clearTimeout(timer);
    isWaiting = false;
    holding?.update();
    reader.cancel().catch(() => {});
  }
}

/** Copies of the parts of a body: even a small part is a view of a large buffer. No block is ever copied to grow. */
class Blocks {
  #blocks: Uint8Array<ArrayBuffer>[] = [];
  capacity = 0;
  size = 0;

  append(part: Uint8Array): void {
    for (let at = 0; at < part.length;) {
      if (this.size === this.capacity) this.#grow();
      const block = this.#blocks.at(-1)!;
      const start = block.length - (this.capacity - this.size);
      const copied = part.subarray(at, at + block.length - start);
      block.set(copied, start);
      this.size += copied.length;
      at += copied.length;
    }
  }

  join(): ArrayBuffer {
    const whole = new Uint8Array(this.size);
    let at = 0;
    for (const block of this.#blocks) {
      whole.set(block.subarray(0, this.size - at), at);
      at += block.length;
    }
    return whole.buffer;
  }

  #grow(): void {
    const length = Math.min(Math.max(FIRST_BYTES, this.capacity), MAX_BLOCK_BYTES);
    this.#blocks.push(new Uint8Array(length));
    this.capacity += length;
  }
}

function tooLong(maxBytes: number): ChatError {
  return new ChatError("too_long", { message: `The body is longer than ${maxBytes} bytes` });
}
