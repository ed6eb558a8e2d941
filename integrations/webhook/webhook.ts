// Webhook posts the entries of one room or of all rooms to a URL: at least once, and in the order of each room. It schedules
// rooms and retries; delivery.ts does the rest. The hub's loop calls `notify`, which returns at once. A room takes memory only
// while it has entries to post.
import type { Log } from "../../base/log.ts";
import { backOffMs } from "../../base/retry.ts";
import { sha256 } from "../../base/sha256.ts";
import { Delivery, PostError, type WebhookSource } from "./delivery.ts";
import { parseSecret } from "./signature.ts";

export interface WebhookOptions {
  readonly url: string;
  /** Undefined: all rooms. */
  readonly room: string | undefined;
  /** Base64 after `whsec_`, or any text. */
  readonly secret: string;
  readonly source: WebhookSource;
  readonly log: Log;
  /** Returns a number from 0 to 1, for the jitter of retries. */
  readonly random?: () => number;
}

/** State of a room whose last request failed. */
interface RoomFailure {
  /** Number of consecutive failures. */
  readonly count: number;
  /** Timer of the next attempt; undefined once it has fired and the room is due again. */
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** Rooms that are delivered at a time: they all share one receiver. */
const MAX_AT_ONCE = 4;

/** Name of the cursor that marks a webhook as known. No room has this name. */
const NO_ROOM = "";

/** Waits after posts that failed in a row. */
const BACK_OFF = { firstMs: 1_000, maxMs: 30_000 };

const HEAD_ONLY = { entries: 1, chars: 1 };

/** Delivers rooms to a URL, and retries. */
export class Webhook {
  readonly #room: string | undefined;
  readonly #origin: string;
  readonly #reader: string;
  readonly #source: WebhookSource;
  readonly #delivery: Delivery;
  readonly #log: Log;
  readonly #random: () => number;
  /** Rooms that may have entries to post, in the order of delivery. */
  readonly #due = new Set<string>();
  /** Rooms that are being delivered. */
  readonly #busy = new Map<string, Promise<void>>();
  readonly #failures = new Map<string, RoomFailure>();
  #state: "new" | "running" | "stopped" = "new";

  /** Creates a webhook that does nothing until `start`. @throws {ChatError} `bad_usage` if the secret is invalid. */
  constructor({ url, room, secret, source, log, random = Math.random }: WebhookOptions) {
    this.#room = room;
    this.#origin = new URL(url).origin;
    const name = `${room ?? NO_ROOM}=${url}`;
    this.#reader = sha256(name).toString("hex").slice(0, 32);
    this.#source = source;
    this.#delivery = new Delivery({ reader: this.#reader, url, key: parseSecret(secret), source });
    this.#log = log;
    this.#random = random;
  }

  /**
   * Starts at the stored cursors, or at each room's current head if the webhook is new. The caller awaits it before clients
   * can send, so that no entry is left out.
   */
  async start(): Promise<void> {
    const names = await this.#source.roomNames();
    const rooms = names.filter((room) => this.#covers(room));
    const isKnown = await this.#source.cursor(this.#reader, NO_ROOM) !== undefined;
    if (!isKnown) {
      await Promise.all(rooms.map((room) => this.#skip(room)));
      await this.#source.moveCursor(this.#reader, NO_ROOM, 0);
    }
    if (this.#state === "stopped") return;
    this.#state = "running";
    for (const room of rooms) this.#due.add(room);
    this.#next();
  }

  /** Schedules a room that may have new entries. */
  notify(room: string): void {
    if (!this.#covers(room) || this.#failures.get(room)?.timer !== undefined) return;
    this.#due.add(room);
    this.#next();
  }

  /** Aborts requests under way. Resolves when the cursors are stored. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    for (const { timer } of this.#failures.values()) clearTimeout(timer);
    this.#delivery.stop();
    await Promise.all(this.#busy.values());
  }

  #covers(room: string): boolean {
    return this.#room === undefined || this.#room === room;
  }

  /** Moves the cursor to the head. */
  async #skip(room: string): Promise<void> {
    const { head } = await this.#source.read(room, { after: 0 }, HEAD_ONLY);
    await this.#source.moveCursor(this.#reader, room, head);
  }

  /** Starts the delivery of rooms that are due. */
  #next(): void {
    for (const room of this.#due) {
      if (this.#state !== "running" || this.#busy.size >= MAX_AT_ONCE) return;
      if (this.#busy.has(room)) continue; // `#deliver` calls this again when it is done
      this.#due.delete(room);
      this.#busy.set(room, this.#deliver(room));
    }
  }

  /** Delivers one page, so that a room with a long backlog does not block the others. */
  async #deliver(room: string): Promise<void> {
    try {
      const hasMore = await this.#delivery.deliver(room, () => this.#recover(room));
      this.#recover(room);
      if (hasMore) this.#due.add(room);
    } catch (error) {
      if (this.#state === "running") this.#fail(room, error);
    }
    this.#busy.delete(room);
    this.#next();
  }

  /** Backs off. The first failure is logged once for all rooms. */
  #fail(room: string, error: unknown): void {
    if (this.#failures.size === 0) {
      const { status, message } = error as PostError;
      const reason = status === undefined ? { reason: message } : { status };
      this.#log("warn", "hook failed", { origin: this.#origin, ...reason });
    }
    const count = (this.#failures.get(room)?.count ?? 0) + 1;
    const askedMs = error instanceof PostError ? error.retryAfterMs : 0;
    const waitMs = Math.max(backOffMs(count, BACK_OFF, this.#random()), askedMs);
    const failure: RoomFailure = { count, timer: undefined };
    failure.timer = setTimeout(() => {
      failure.timer = undefined;
      this.notify(room);
    }, waitMs);
    this.#failures.set(room, failure);
    this.#due.delete(room);
  }

  /** Forgets the failures of a room. */
  #recover(room: string): void {
    if (!this.#failures.delete(room) || this.#failures.size > 0) return;
    this.#log("info", "hook works again", { origin: this.#origin });
  }
}
