// The room: who is in it and what they are sent. One loop owns both; everything else only posts to its inbox.
// Knows no sockets, no wire and no clock, so that its tests need none.
import { Channel } from "@std/async/channel";
import { Buffer } from "node:buffer";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Backlog, type BacklogLimits } from "./backlog.ts";
import type { ErrorCode } from "./errors.ts";
import type { Log } from "./log.ts";
import type { Batch } from "./wire/message.ts";

/** What the hub needs of somebody in the room. */
export interface Member {
  /**
   * Takes the batch without waiting; false when there is no room for it. After a false the hub sends nothing more
   * until the member asks with {@linkcode Hub.catchUp}.
   */
  trySend(batch: Batch): boolean;
  /** Nothing more will come. With a code, that is why. */
  close(code?: ErrorCode): void;
}

type HubEvent =
  | { type: "register"; member: Member }
  | { type: "unregister"; member: Member; code: ErrorCode | undefined }
  | { type: "broadcast"; text: string }
  | { type: "catchUp"; member: Member; seq: number }
  | { type: "close"; code: ErrorCode };

export interface HubOptions {
  /** Makes one frame of several messages. */
  readonly encode: (texts: readonly string[]) => string;
  readonly backlog: BacklogLimits;
  readonly log: Log;
}

// The inbox has no useful bound: an event refused here would be a message lost or a member leaked, and the loop
// takes all that waits at every turn anyway.
const INBOX_CAPACITY = Number.MAX_SAFE_INTEGER;

/** A batch is sent when it has this many characters, or all that waited. What a slow reader costs depends on it. */
const MAX_BATCH_CHARS = 64 * 1024;

/**
 * Orders what the members of one room say and sends it to all of them. Methods return at once; what they ask for
 * happens in the order of the calls.
 */
export class Hub {
  readonly #inbox = new Channel<HubEvent>({ capacity: INBOX_CAPACITY });
  readonly #encode: HubOptions["encode"];
  readonly #backlog: Backlog;
  readonly #log: Log;
  /** Members that get each new batch. */
  readonly #live = new Set<Member>();
  /** Members that had no room for one, and get nothing until they ask. Nobody is in both sets. */
  readonly #lagging = new Set<Member>();
  /** Messages taken in this turn and not yet sent, and how many characters they have. */
  #pending: string[] = [];
  #pendingChars = 0;
  #lastSeq = 0;

  constructor(options: HubOptions) {
    this.#encode = options.encode;
    this.#backlog = new Backlog(options.backlog);
    this.#log = options.log;
  }

  /** Adds a member; it gets what is broadcast from here on. After {@linkcode close} it is closed at once. */
  register(member: Member): void {
    if (!this.#inbox.trySend({ type: "register", member })) member.close("stopping");
  }

  /** Removes a member and closes it. Harmless for one that is not there. */
  unregister(member: Member, code?: ErrorCode): void {
    this.#inbox.trySend({ type: "unregister", member, code });
  }

  /** Sends a message to everybody, its sender included. */
  broadcast(text: string): void {
    this.#inbox.trySend({ type: "broadcast", text });
  }

  /** Asks for what follows message `seq`, by a lagging member that has written everything up to there. */
  catchUp(member: Member, seq: number): void {
    this.#inbox.trySend({ type: "catchUp", member, seq });
  }

  /** Ends the room: members get what was broadcast before, then are closed with this code. */
  close(code: ErrorCode): void {
    this.#inbox.trySend({ type: "close", code });
  }

  /** The loop. Takes everything that waits, then acts once. Resolves after {@linkcode close}. */
  async run(): Promise<void> {
    for await (const event of this.#inbox) {
      // Let this round of socket reads finish, so that it becomes one batch (decision 0004).
      await nextTurn();
      this.#take(event);
      let next = this.#inbox.tryReceive();
      while (next.state === "ok") {
        this.#take(next.value);
        next = this.#inbox.tryReceive();
      }
      this.#flush();
    }
  }

  #take(event: HubEvent): void {
    switch (event.type) {
      case "broadcast":
        this.#pending.push(event.text);
        this.#pendingChars += event.text.length + 1; // with its separator: empty messages count too
        if (this.#pendingChars >= MAX_BATCH_CHARS) this.#flush();
        break;
      case "catchUp":
        this.#catchUp(event.member, event.seq);
        break;
      // A message belongs to those who were here when it was said: send before membership changes.
      case "register":
        this.#flush();
        if (this.#inbox.closed) event.member.close("stopping");
        else this.#live.add(event.member);
        break;
      case "unregister":
        this.#flush();
        this.#remove(event.member, event.code);
        break;
      case "close":
        this.#flush();
        this.#inbox.close();
        for (const member of [...this.#live, ...this.#lagging]) this.#remove(member, event.code);
        break;
    }
  }

  /** Makes one batch of what is pending and offers it to every live member. */
  #flush(): void {
    if (this.#pending.length === 0) return;
    const texts = this.#pending;
    this.#pending = [];
    this.#pendingChars = 0;
    const frame = this.#encode(texts);
    const batch: Batch = {
      firstSeq: this.#lastSeq + 1,
      lastSeq: this.#lastSeq + texts.length,
      frame,
      byteLength: Buffer.byteLength(frame),
    };
    this.#lastSeq = batch.lastSeq;
    this.#backlog.push(batch);
    for (const member of this.#live) {
      // Skip rather than wait: one stalled phone must not delay the room (decision 0003).
      if (this.#offer(member, batch)) continue;
      this.#live.delete(member);
      this.#lagging.add(member);
    }
  }

  /** Offers what follows `seq`; at the head, and in the same turn, the member is live again. */
  #catchUp(member: Member, seq: number): void {
    if (!this.#lagging.has(member)) return;
    if (!this.#backlog.reachesBackTo(seq)) {
      this.#remove(member, "fell_behind");
      return;
    }
    for (let next = this.#backlog.after(seq); next; next = this.#backlog.after(next.lastSeq)) {
      if (!this.#offer(member, next)) return;
    }
    this.#lagging.delete(member);
    this.#live.add(member);
  }

  // A member that throws must cost the others nothing: it goes, they get their batch.
  #offer(member: Member, batch: Batch): boolean {
    try {
      return member.trySend(batch);
    } catch (error) {
      this.#log("error", "member failed", { error });
      this.unregister(member, "internal");
      return false;
    }
  }

  #remove(member: Member, code: ErrorCode | undefined): void {
    if (!this.#live.delete(member) && !this.#lagging.delete(member)) return;
    try {
      member.close(code);
    } catch (error) {
      this.#log("error", "member failed", { error });
    }
  }
}
