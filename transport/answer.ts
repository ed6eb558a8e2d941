// An answer is sent here over node:http: within a deadline, within a budget of memory, and without the rest of a request that
// nobody has read. The end of an unread body is the end of its connection, except for a short one.
import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Hold, Holder, Holding } from "../base/waiting_bytes.ts";

/** Bytes of an unread body that are discarded so that the connection can be used again. */
const MAX_DISCARDED_BYTES = 256 * 1024;

/** Time for these bytes to arrive. */
const DISCARD_WAIT_MS = 5_000;

/** Bounds of one answer. */
export interface AnswerOptions {
  /** Time for the whole answer to leave the process. Infinity for a stream, whose sender watches its progress. */
  readonly writeWaitMs: number;
  /** Counts the bytes that wait until the peer reads. Those of a stream are counted by its sender. */
  readonly hold: Hold | undefined;
}

/** Whether a part of the request is still to come. Deno 2.6 does not set `complete`. */
export function isUnread(message: IncomingMessage): boolean {
  return !message.complete && !message.readableEnded;
}

/** Sends an answer. Destroys the connection if the peer does not read it in time, or if it would take too much memory. */
export async function sendAnswer(
  message: IncomingMessage,
  response: ServerResponse,
  { answer, writeWaitMs, hold }: AnswerOptions & { readonly answer: Response },
): Promise<void> {
  const timer = writeWaitMs === Infinity
    ? undefined
    : setTimeout(() => response.destroy(), writeWaitMs);
  const waiting = new WaitingAnswer(response, timer === undefined ? undefined : hold);
  try {
    // A stream goes on: its listener ends it if the body does not arrive.
    if (timer !== undefined && isUnread(message)) {
      return await sendEarly(message, response, { answer, waiting });
    }
    writeHead(response, answer);
    if (timer === undefined) response.flushHeaders(); // otherwise the head of a stream waits for its first bytes
    if (answer.body && message.method !== "HEAD") {
      await writeBody(response, answer.body, waiting);
    }
    if (response.destroyed) return;
    response.end();
    discard(message);
    if (timer !== undefined) await until(response, "finish");
  } finally {
    clearTimeout(timer);
    waiting.set(0);
  }
}

/** The bytes of an answer that wait. The answer that is cut has begun, so its connection ends. */
class WaitingAnswer implements Holder {
  readonly isShared = false;
  waitingBytes = 0;
  readonly #response: ServerResponse;
  readonly #holding: Holding | undefined;

  constructor(response: ServerResponse, hold: Hold | undefined) {
    this.#response = response;
    this.#holding = hold?.(this);
  }

  set(bytes: number): void {
    this.waitingBytes = bytes;
    this.#holding?.update();
  }

  cut(): void {
    this.waitingBytes = 0;
    this.#response.destroy();
  }
}

/**
 * Sends an answer whose request has not arrived completely. The peer may write its whole request before it reads: what arrives
 * is discarded, up to a limit. If the body is longer, or its length is unknown, the connection ends with the answer.
 */
async function sendEarly(
  message: IncomingMessage,
  response: ServerResponse,
  { answer, waiting }: { readonly answer: Response; readonly waiting: WaitingAnswer },
): Promise<void> {
  const body = Buffer.from(await answer.arrayBuffer());
  const announced = Number(message.headers["content-length"] ?? Infinity);
  const hasNoBody = answer.status === 204 || answer.status === 304;
  if (!hasNoBody) answer.headers.set("content-length", String(body.length));
  if (announced > MAX_DISCARDED_BYTES) answer.headers.set("connection", "close");
  writeHead(response, answer);
  if (body.length > 0 && message.method !== "HEAD") response.write(body);
  else response.flushHeaders();
  waiting.set(body.length);
  // Only after that: node:http destroys the connection behind its last answer, and the system discards the answer if bytes of
  // the request arrive later.
  await discardRest(message);
  if (isUnread(message)) response.destroy();
  else response.end();
}

/** Resolves when the rest of the request has arrived, or too much of it, or in the end. */
async function discardRest(message: IncomingMessage): Promise<void> {
  if (!isUnread(message) || message.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, DISCARD_WAIT_MS);
  let bytes = 0;
  discard(message);
  message.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_DISCARDED_BYTES) resolve();
  });
  message.on("end", resolve);
  message.on("close", resolve);
  await promise;
  clearTimeout(timer);
}

/** Lets the rest of a body pass: node:http reads no further request before. A reader that was abandoned would pause it. */
function discard(message: IncomingMessage): void {
  if (message.readableEnded) return;
  message.removeAllListeners("data");
  message.resume();
}

function writeHead(response: ServerResponse, { status, headers }: Response): void {
  const cookies = headers.getSetCookie();
  const others = Object.fromEntries([...headers].filter(([name]) => name !== "set-cookie"));
  response.writeHead(status, cookies.length > 0 ? { ...others, "set-cookie": cookies } : others);
}

/** Writes a body part by part, and waits while the peer reads nothing. */
async function writeBody(
  response: ServerResponse,
  body: ReadableStream<Uint8Array>,
  waiting: WaitingAnswer,
): Promise<void> {
  const reader = body.getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  response.once("close", cancel);
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      if (response.destroyed) return;
      if (response.write(part.value)) continue;
      waiting.set(part.value.length);
      await until(response, "drain");
      waiting.set(0);
    }
  } finally {
    response.off("close", cancel);
  }
}

/** Resolves at the event, or when the connection has ended. */
function until(response: ServerResponse, event: "drain" | "finish"): Promise<void> {
  if (response.destroyed || event === "finish" && response.writableFinished) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const end = () => {
      response.off(event, end);
      response.off("close", end);
      resolve();
    };
    response.on(event, end);
    response.on("close", end);
  });
}
