// One outgoing webhook: posts what is said, in one room or in all, to a URL, at least once and in each room in order.
// Decides which room's turn it is, and when to try again; courier.ts does the rest. Called by the hub's loop, through
// `notify`, which returns at once. Remembers rooms only while there is something to post in them.
import type { Log } from "../../base/log.ts";
import { backOffMs } from "../../base/retry.ts";
import { sha256 } from "../../base/sha256.ts";
import { Delivery, PostError, type WebhookSource } from "./delivery.ts";
import { parseSecret } from "./signature.ts";

export interface WebhookOptions {
  readonly url: string;
  /** Undefined for all rooms. */
  readonly room: string | undefined;
  /** Base64 after `whsec_`, or any text. */
  readonly secret: string;
  readonly source: WebhookSource;
  readonly log: Log;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/** A room whose last post failed. */
interface RoomFailure {
  /** In a row. */
  readonly count: number;
  /** Undefined once it has run: the room is due again. */
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** Rooms that are posted at a time. The receiver is one, after all. */
const MAX_AT_ONCE = 4;

/** Where it is noted that a hook has been here before: no room has this name. */
const NO_ROOM = "";

/** Waits after posts that failed in a row. */
const BACK_OFF = { firstMs: 1_000, maxMs: 30_000 };

const HEAD_ONLY = { entries: 1, chars: 1 };

export class Webhook {
  readonly #room: string | undefined;
  readonly #origin: string;
  readonly #reader: string;
  readonly #source: WebhookSource;
  readonly #courier: Delivery;
  readonly #log: Log;
  readonly #random: () => number;
  /** Rooms that may have something to post, in the order of their turns. */
  readonly #due = new Set<string>();
  /** Rooms whose turn it is. */
  readonly #busy = new Map<string, Promise<void>>();
  readonly #failures = new Map<string, RoomFailure>();
  #state: "new" | "running" | "stopped" = "new";

  /** @throws {ChatError} `bad_usage` when the secret is no secret. */
  constructor({ url, room, secret, source, log, random = Math.random }: WebhookOptions) {
    this.#room = room;
    this.#origin = new URL(url).origin;
    const name = `${room ?? NO_ROOM}=${url}`;
    this.#reader = sha256(name).toString("hex").slice(0, 32);
    this.#source = source;
    this.#courier = new Delivery({ reader: this.#reader, url, key: parseSecret(secret), source });
    this.#log = log;
    this.#random = random;
  }

  /**
   * Begins where it was stopped; at each room's present head where it was never before. Wait for it before anybody can
   * say something: then nothing that is said is left out.
   */
  async start(): Promise<void> {
    const names = await this.#source.roomNames();
    const rooms = names.filter((room) => this.#isMine(room));
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

  /** Something may have been said in the room. */
  notify(room: string): void {
    if (!this.#isMine(room) || this.#failures.get(room)?.timer !== undefined) return;
    this.#due.add(room);
    this.#next();
  }

  /** Ends what is under way. Resolves when it is noted how far it came. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    for (const { timer } of this.#failures.values()) clearTimeout(timer);
    this.#courier.stop();
    await Promise.all(this.#busy.values());
  }

  #isMine(room: string): boolean {
    return this.#room === undefined || this.#room === room;
  }

  async #skip(room: string): Promise<void> {
    const { head } = await this.#source.read(room, { after: 0 }, HEAD_ONLY);
    await this.#source.moveCursor(this.#reader, room, head);
  }

  #next(): void {
    for (const room of this.#due) {
      if (this.#state !== "running" || this.#busy.size >= MAX_AT_ONCE) return;
      if (this.#busy.has(room)) continue; // it comes back here when it is done
      this.#due.delete(room);
      this.#busy.set(room, this.#deliver(room));
    }
  }

  /** One page, so that a room with a long way to go leaves the others their turns. */
  async #deliver(room: string): Promise<void> {
    try {
      const hasMore = await this.#courier.deliver(room, () => this.#recover(room));
      this.#recover(room);
      if (hasMore) this.#due.add(room);
    } catch (error) {
      if (this.#state === "running") this.#fail(room, error);
    }
    this.#busy.delete(room);
    this.#next();
  }

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

  #recover(room: string): void {
    if (!this.#failures.delete(room) || this.#failures.size > 0) return;
    this.#log("info", "hook works again", { origin: this.#origin });
  }
}
