// JsonHandler serves `confab.v1`: a hello first, then commands, within their rates.
import { Buffer } from "node:buffer";
import type { ClientHandle, HandlerOptions, ProtocolHandler } from "./handler.ts";
import { ChatError, rateLimited } from "../protocol/errors.ts";
import { RetryBarrier } from "../hub/retry_barrier.ts";
import type { Hub } from "../hub.ts";
import type { AddressBudget } from "../base/address_budget.ts";
import {
  DEFAULT_LIMITS,
  type Limits,
  LINES_PER_MESSAGE,
  maxMessageBytes,
  PAGES_PER_MESSAGE,
} from "../base/limits.ts";
import { hashKey, parseName } from "../protocol/names.ts";
import { Bucket, rateOf } from "../base/rate_limit.ts";
import type { Message } from "../protocol/message.ts";
import { type Command, decodeCommand, type Hello, JSON_LINES } from "../protocol/confab_v1.ts";
import { decodeText, isLonger } from "../protocol/plain_lines.ts";

/** Time for the hello to arrive after the upgrade. */
const HELLO_WAIT_MS = 10_000;

/** Lines that are not a JSON object before the connection is closed. */
const MAX_BAD_LINES = 3;

/** Minimum time between two typing notices that are passed on. */
const TYPING_PERIOD_MS = 1_000;

/** Minimum wait that a client is asked for before it sends again. */
const MIN_RETRY_MS = 500;

export class JsonHandler implements ProtocolHandler {
  readonly wire = JSON_LINES;
  readonly #hub: Hub;
  readonly #room: string;
  readonly #client: ClientHandle;
  readonly #limits: Limits;
  readonly #messages: Bucket;
  readonly #lines: Bucket;
  /** Rate of pages of history, if the address has no budget. */
  readonly #reads: Bucket;
  readonly #budget: AddressBudget | undefined;
  /**
   * Keeps the order after `rate_limited`: later messages are refused until that one comes again. The subscription has a
   * barrier of its own for `not_stored`, because messages that passed this one may already be in the hub's inbox.
   */
  readonly #barrier = new RetryBarrier();
  hasJoined = false;
  #badLines = 0;
  #typedAtMs = -Infinity;
  #helloTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: ClientHandle, options: HandlerOptions) {
    const { hub, room, limits = DEFAULT_LIMITS, budget } = options;
    this.#client = client;
    this.#hub = hub;
    this.#room = room;
    this.#limits = limits;
    this.#budget = budget;
    this.#reads = new Bucket(rateOf(limits, PAGES_PER_MESSAGE));
    this.#messages = new Bucket(rateOf(limits));
    this.#lines = new Bucket(rateOf(limits, LINES_PER_MESSAGE));
  }

  begin(): void {
    this.#helloTimer = setTimeout(() => this.#client.leave("hello_timeout"), HELLO_WAIT_MS);
  }

  read(data: string | ArrayBuffer): void {
    if (isLonger(data, maxMessageBytes(this.#limits))) throw new ChatError("too_long");
    const lines = decodeText(data).split("\n").filter((line) => line.trim() !== "");
    if (lines.length === 0) this.#checkLineRate(); // an empty message is work as well
    for (const line of lines) {
      this.#checkLineRate();
      this.#readLine(line);
    }
  }

  end(): void {
    clearTimeout(this.#helloTimer);
  }

  #readLine(line: string): void {
    try {
      this.#handle(decodeCommand(line, this.#limits.textBytes));
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      const { code, message, id, retryAfterMs } = error;
      this.#client.notify({
        type: "error",
        code,
        message,
        ...id !== undefined ? { id } : {},
        ...retryAfterMs !== undefined ? { retryAfterMs } : {},
      });
      if (code === "not_json" && ++this.#badLines >= MAX_BAD_LINES) throw error;
    }
  }

  #handle(command: Command): void {
    if (command.type === "ping") {
      const { n } = command;
      return this.#client.notify({ type: "pong", ...n !== undefined ? { n } : {} });
    }
    if (command.type === "hello") return this.#join(command.hello);
    if (!this.hasJoined) throw new ChatError("hello_first");
    switch (command.type) {
      case "message":
        this.#checkMessageRate(command.message);
        return this.#hub.broadcast(this.#client, command.message);
      case "name":
        this.#checkNameRate();
        return this.#hub.rename(this.#client, parseName(command.name));
      case "history":
        this.#checkHistoryRate();
        return this.#hub.history(this.#client, command);
      case "typing":
        if (performance.now() - this.#typedAtMs < TYPING_PERIOD_MS) return;
        this.#typedAtMs = performance.now();
        return this.#hub.typing(this.#client);
    }
  }

  /** @throws {ChatError} `rate_limited`, and for every other message until the refused one comes again. */
  #checkMessageRate({ id, text }: Message): void {
    const nowMs = performance.now();
    const passes = this.#barrier.tryPass(id, nowMs) && this.#messages.take(nowMs);
    const waitMs = passes ? this.#takeOfAddress(id, text) : 0;
    if (passes && waitMs === 0) return;
    this.#barrier.close(id, nowMs);
    throw this.#refuse({ id, waitMs });
  }

  /** @throws {ChatError} `rate_limited` */
  #checkNameRate(): void {
    const passes = this.#messages.take(performance.now());
    const waitMs = passes ? this.#takeOfAddress() : 0;
    if (!passes || waitMs > 0) throw this.#refuse({ waitMs });
  }

  /** @throws {ChatError} `rate_limited` */
  #checkHistoryRate(): void {
    const nowMs = performance.now();
    const waitMs = this.#budget
      ? this.#budget.take("reads")
      : this.#reads.take(nowMs)
      ? 0
      : this.#reads.waitMs(nowMs);
    if (waitMs > 0) throw rateLimited(toRetryMs(waitMs));
  }

  /** @throws {ChatError} `rate_limited`, which closes the connection */
  #checkLineRate(): void {
    if (!this.#lines.take(performance.now())) throw new ChatError("rate_limited");
    const waitMs = this.#budget?.take("lines") ?? 0;
    if (waitMs > 0) throw rateLimited(toRetryMs(waitMs));
  }

  /** Takes a message of the address's budget. Returns 0, or the time to wait. */
  #takeOfAddress(id = "", text = ""): number {
    if (!this.#budget) return 0;
    return this.#budget.takeMessage(Buffer.byteLength(id) + Buffer.byteLength(text));
  }

  /** Asks the client to wait until the bucket is full. A message that it sends earlier would be refused again. */
  #refuse({ id, waitMs }: { readonly id?: string; readonly waitMs: number }): ChatError {
    const retryAfterMs = toRetryMs(Math.max(waitMs, this.#messages.fullMs(performance.now())));
    return new ChatError("rate_limited", { id, retryAfterMs });
  }

  #join(hello: Hello): void {
    if (this.hasJoined) throw new ChatError("hello_twice");
    const { key, name, ...resumePoint } = hello;
    const joinRequest = { ...resumePoint, author: hashKey(key), name: name && parseName(name) };
    const hasReplay = hello.after !== undefined || hello.history > 0;
    const waitMs = hasReplay ? this.#budget?.takeReplay() ?? 0 : 0;
    // Closed, not refused: every client knows when to come back, and none repeats a hello by itself.
    if (waitMs > 0) return this.#client.leave("rate_limited", toRetryMs(waitMs));
    this.hasJoined = true;
    clearTimeout(this.#helloTimer);
    this.#hub.register(this.#client, this.#room, joinRequest);
  }
}

function toRetryMs(waitMs: number): number {
  return Math.max(MIN_RETRY_MS, Math.ceil(waitMs));
}
