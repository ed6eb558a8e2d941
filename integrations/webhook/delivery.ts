// Takes what is said in a room to one URL: reads what is due, posts it, one request for each entry, and notes how far
// it came. Keeps nothing between calls: the place in each room is in the journal. Called by hook.ts, at most once at a
// time for a room.
import type { Hub, Reading } from "../../hub.ts";
import type { ReadLimit } from "../../journal/journal.ts";
import { parseRetryAfterMs } from "../../base/retry_after.ts";
import { encodeEntry } from "../../protocol/entry.ts";
import { signatureHeaders } from "./signature.ts";

/** What a hook needs of the hub. */
export type WebhookSource = Pick<Hub, "read" | "roomNames" | "cursor" | "moveCursor">;

export interface CourierOptions {
  /** By what name the places in rooms are noted. */
  readonly reader: string;
  readonly url: string;
  /** What to sign with. */
  readonly key: Uint8Array;
  readonly source: WebhookSource;
}

/** What did not take a post, in words that hold nothing of the URL but its origin. */
export class PostError extends Error {
  /** Undefined when there was no answer. */
  readonly status: number | undefined;
  /** How long the receiver asked to wait; 0 when it did not. */
  readonly retryAfterMs: number;

  constructor(message: string, answer: { status?: number; retryAfterMs?: number } = {}) {
    super(message);
    this.name = "PostError";
    this.status = answer.status;
    this.retryAfterMs = answer.retryAfterMs ?? 0;
  }
}

/** One request. */
interface Post {
  readonly id: string;
  readonly body: string;
  /** The last entry that it tells of. */
  readonly seq: number;
}

/** How much is read at a time, and then is in memory until it is posted. */
const PAGE: ReadLimit = { entries: 100, chars: 128 * 1024 };

/** A receiver may ask for more patience than the back-off has, up to this. */
const MAX_RETRY_AFTER_MS = 5 * 60_000;

/** How long to wait for the head of an answer. */
const ANSWER_WAIT_MS = 15_000;

/** The place is noted after each page, and within a slow one this often: as much is posted again after a crash. */
const NOTE_PERIOD_MS = 1_000;

export class Delivery {
  readonly #reader: string;
  readonly #url: string;
  readonly #key: Uint8Array;
  readonly #source: WebhookSource;
  /** Requests under way. Not one signal for all: `AbortSignal.any` never lets go of what it made of that. */
  readonly #requests = new Set<AbortController>();
  #isStopped = false;

  constructor(options: CourierOptions) {
    this.#reader = options.reader;
    this.#url = new URL(options.url).href;
    this.#key = options.key;
    this.#source = options.source;
  }

  /**
   * Posts the next page of what is due in a room, and calls `onPosted` whenever something was taken. Resolves with
   * whether there is more.
   * @throws {PostError} when the receiver did not take it.
   */
  async deliver(room: string, onPosted: () => void): Promise<boolean> {
    const after = await this.#source.cursor(this.#reader, room) ?? 0;
    const reading = await this.#source.read(room, { after }, PAGE);
    let [posted, noted, notedAt] = [after, after, Date.now()];
    try {
      for (const post of makePosts(reading, after)) {
        await this.#post(post);
        posted = post.seq;
        onPosted();
        if (Date.now() - notedAt < NOTE_PERIOD_MS) continue;
        await this.#source.moveCursor(this.#reader, room, posted);
        [noted, notedAt] = [posted, Date.now()];
      }
    } finally {
      if (posted > noted) await this.#source.moveCursor(this.#reader, room, posted);
    }
    return posted < reading.head;
  }

  /** Ends what is under way, and posts nothing more. */
  stop(): void {
    this.#isStopped = true;
    for (const request of this.#requests) request.abort();
  }

  async #post(post: Post): Promise<void> {
    const { status, ok, headers, body } = await this.#request(post);
    // What the receiver has to say besides may be long, and is of no use. It is no matter when that fails.
    await body?.cancel().catch(() => {});
    if (ok) return;
    const retryAfterMs = parseRetryAfterMs(headers.get("retry-after"), {
      nowMs: Date.now(),
      mostMs: MAX_RETRY_AFTER_MS,
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
          // Signed anew each time: receivers refuse what was signed some minutes ago.
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

/** What a receiver is to be told of a room behind an entry: first of those entries that are gone. */
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

/** Why there is no connection: what Deno says behind the URL, for that may hold a secret. Up to 2.6 it has no cause. */
function explain(error: unknown): string {
  const { message, cause } = error as Error;
  const said = cause instanceof Error ? cause.message : message;
  return /: (client error .*)$/.exec(said)?.[1] ?? "There was no connection";
}
