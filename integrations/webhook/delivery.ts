// Delivery posts the entries of a room to one URL, one request for each entry, and stores its cursor in the journal. It keeps
// no state between calls. webhook.ts calls it, at most once at a time for each room.
import type { Hub } from "../../hub.ts";
import type { Reading } from "../../hub/room.ts";
import type { ReadLimit } from "../../journal/journal.ts";
import { parseRetryAfterMs } from "../../base/retry.ts";
import { encodeEntry } from "../../protocol/entry.ts";
import { signatureHeaders } from "./signature.ts";

/** Part of the hub that a webhook uses. */
export type WebhookSource = Pick<Hub, "read" | "roomNames" | "cursor" | "moveCursor">;

export interface DeliveryOptions {
  /** Name under which the cursors are stored. */
  readonly reader: string;
  readonly url: string;
  /** Key that signs the requests. */
  readonly key: Uint8Array;
  readonly source: WebhookSource;
}

/** Reports a failed request. Its message contains no part of the URL but the origin. */
export class PostError extends Error {
  /** Status of the answer; undefined if there was none. */
  readonly status: number | undefined;
  /** Time to wait that the receiver asked for; 0 if it did not. */
  readonly retryAfterMs: number;

  constructor(message: string, answer: { status?: number; retryAfterMs?: number } = {}) {
    super(message);
    this.name = "PostError";
    this.status = answer.status;
    this.retryAfterMs = answer.retryAfterMs ?? 0;
  }
}

/** A request to send. */
interface Post {
  readonly id: string;
  readonly body: string;
  /** Seq of the last entry that it covers. */
  readonly seq: number;
}

/** Size of a page: it is read at once and stays in memory until it is posted. */
const PAGE: ReadLimit = { entries: 100, chars: 128 * 1024 };

/** Maximum time to wait that a receiver may ask for. It may exceed the back-off. */
const MAX_RETRY_AFTER_MS = 5 * 60_000;

/** Time for the head of an answer to arrive. */
const ANSWER_WAIT_MS = 15_000;

/**
 * Time after which a slow page ends early. The cursor is stored after each page: entries posted since then are posted again
 * after a crash.
 */
const MAX_PAGE_MS = 1_000;

/** Posts entries to one URL. */
export class Delivery {
  readonly #reader: string;
  readonly #url: string;
  readonly #key: Uint8Array;
  readonly #source: WebhookSource;
  /** Requests under way. One shared signal would leak: `AbortSignal.any` never releases the signals that it derives from it. */
  readonly #requests = new Set<AbortController>();
  #isStopped = false;

  constructor(options: DeliveryOptions) {
    this.#reader = options.reader;
    this.#url = new URL(options.url).href;
    this.#key = options.key;
    this.#source = options.source;
  }

  /**
   * Posts the next page of a room behind its cursor, and calls `onPosted` after each accepted request. Resolves with whether
   * there is more.
   * @throws {PostError} if the receiver did not accept a request.
   */
  async deliver(room: string, onPosted: () => void): Promise<boolean> {
    const after = await this.#source.cursor(this.#reader, room) ?? 0;
    const reading = await this.#source.read(room, { after }, PAGE);
    const startedAtMs = performance.now();
    let posted = after;
    try {
      for (const post of makePosts(reading, after)) {
        await this.#post(post);
        posted = post.seq;
        onPosted();
        if (performance.now() - startedAtMs >= MAX_PAGE_MS) break; // the rest is read again: it may have been deleted meanwhile
      }
    } finally {
      if (posted > after) await this.#source.moveCursor(this.#reader, room, posted);
    }
    return posted < reading.head;
  }

  /** Aborts requests under way, and posts nothing more. */
  stop(): void {
    this.#isStopped = true;
    for (const request of this.#requests) request.abort();
  }

  async #post(post: Post): Promise<void> {
    const { status, ok, headers, body } = await this.#request(post);
    // The body of the answer may be long and is not used, so a failure to cancel it does not matter.
    await body?.cancel().catch(() => {});
    if (ok) return;
    const retryAfterMs = parseRetryAfterMs(headers.get("retry-after"), {
      nowMs: Date.now(),
      maxMs: MAX_RETRY_AFTER_MS,
    });
    throw new PostError(`The answer was ${status}`, { status, retryAfterMs });
  }

  async #request({ id, body }: Post): Promise<Response> {
    if (this.#isStopped) throw new PostError("It was stopped");
    const request = new AbortController();
    this.#requests.add(request);
    const timer = setTimeout(() => request.abort(), ANSWER_WAIT_MS);
    try {
      return await fetch(this.#url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "user-agent": "Confab",
          // Signed again for each attempt: receivers refuse a signature that is some minutes old.
          ...signatureHeaders(this.#key, { id, body, atMs: Date.now() }),
        },
        body,
        redirect: "manual",
        signal: request.signal,
      });
    } catch (error) {
      if (request.signal.aborted) throw new PostError("There was no answer in time");
      throw new PostError(explain(error));
    } finally {
      clearTimeout(timer);
      this.#requests.delete(request);
    }
  }
}

/** Generates the requests for the entries behind a cursor. The first one reports entries that retention has removed. */
function* makePosts(
  { room, epoch, floor, entries }: Reading,
  after: number,
): Generator<Post> {
  const id = `${epoch}.${encodeURIComponent(room)}`;
  const head = `{"room":${JSON.stringify(room)},"epoch":${JSON.stringify(epoch)}`;
  const to = (entries[0]?.seq ?? floor + 1) - 1;
  if (to > after) {
    const gap = { from: after + 1, to, count: to - after, reason: "retention" };
    yield { id: `${id}.gap.${to}`, body: `${head},"gap":${JSON.stringify(gap)}}`, seq: to };
  }
  for (const entry of entries) {
    const { seq } = entry;
    yield { id: `${id}.${seq}`, body: `${head},"entry":${encodeEntry(entry)}}`, seq };
  }
}

/**
 * Returns why there is no connection: the part of Deno's message behind the URL, because the URL may contain a secret. Up to
 * Deno 2.6 the error has no cause.
 */
function explain(error: unknown): string {
  const { message, cause } = error as Error;
  const text = cause instanceof Error ? cause.message : message;
  return /: (client error .*)$/.exec(text)?.[1] ?? "There was no connection";
}
