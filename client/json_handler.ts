// JsonHandler serves `confab.v1`: a hello first, then commands, within their rates.
import type { ClientHandle, HandlerOptions, ProtocolHandler } from "./handler.ts";
import { ChatError, rateLimited } from "../protocol/errors.ts";
import { RetryBarrier } from "../hub/retry_barrier.ts";
import type { Hub } from "../hub.ts";
import { DEFAULT_LIMITS, type Limits, maxMessageBytes, PAGES_PER_MESSAGE } from "../base/limits.ts";
import { hashKey, parseName } from "../protocol/names.ts";
import { Bucket, Buckets, rateOf } from "../base/rate_limit.ts";
import { type Command, decodeCommand, type Hello, JSON_LINES } from "../protocol/confab_v1.ts";
import { decodeText, isLonger } from "../protocol/plain_lines.ts";

/** Time for the hello to arrive after the upgrade. */
const HELLO_WAIT_MS = 10_000;

/** Lines that are not a JSON object before the connection is closed. */
const MAX_BAD_LINES = 3;

/** Minimum time between two typing notices that are passed on. */
const TYPING_PERIOD_MS = 1_000;

/** Lines of any type that a connection may send for each message: refused messages, requests, pings. */
const LINES_PER_MESSAGE = 40;

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
  /** Rate of pages of history. The connection has its own if its address is unknown or shared by many clients. */
  readonly #reads: Buckets;
  readonly #readKey: string;
  /**
   * Keeps the order after `rate_limited`: later messages are refused until that one comes again. The subscription has a
   * barrier of its own for `not_stored`, because messages that passed this one may already be in the hub's inbox.
   */
  readonly #barrier = new RetryBarrier();
  hasJoined = false;
  #badLines = 0;
  #typedAt = 0;
  #helloTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: ClientHandle, options: HandlerOptions) {
    const { hub, room, limits = DEFAULT_LIMITS, reads, addressKey = "" } = options;
    this.#client = client;
    this.#hub = hub;
    this.#room = room;
    this.#limits = limits;
    const isShared = reads !== undefined && addressKey !== "";
    this.#reads = isShared ? reads : new Buckets(rateOf(limits, PAGES_PER_MESSAGE), 1);
    this.#readKey = isShared ? addressKey : "this one";
    this.#messages = new Bucket(rateOf(limits));
    this.#lines = new Bucket(rateOf(limits, LINES_PER_MESSAGE));
  }

  begin(): void {
    this.#helloTimer = setTimeout(() => this.#client.leave("hello_timeout"), HELLO_WAIT_MS);
  }

  read(data: string | ArrayBuffer): void {
    if (isLonger(data, maxMessageBytes(this.#limits))) throw new ChatError("too_long");
    for (const line of decodeText(data).split("\n")) {
      if (line.trim() === "") continue;
      if (!this.#lines.take(performance.now())) throw new ChatError("rate_limited");
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
        this.#checkMessageRate(command.message.id);
        return this.#hub.broadcast(this.#client, command.message);
      case "name":
        if (!this.#messages.take(performance.now())) throw this.#refuse();
        return this.#hub.rename(this.#client, parseName(command.name));
      case "history":
        this.#checkHistoryRate();
        return this.#hub.history(this.#client, command);
      case "typing":
        if (Date.now() - this.#typedAt < TYPING_PERIOD_MS) return;
        this.#typedAt = Date.now();
        return this.#hub.typing(this.#client);
    }
  }

  /** @throws {ChatError} `rate_limited`, and for every other message until the refused one comes again. */
  #checkMessageRate(id: string): void {
    const nowMs = performance.now();
    if (this.#barrier.tryPass(id, nowMs) && this.#messages.take(nowMs)) return;
    this.#barrier.close(id, nowMs);
    throw this.#refuse(id);
  }

  /** @throws {ChatError} `rate_limited` */
  #checkHistoryRate(): void {
    this.#reads.takeOrThrow(this.#readKey, {
      nowMs: performance.now(),
      makeError: (waitMs) => rateLimited(toRetryMs(waitMs)),
    });
  }

  /** Asks the client to wait until the bucket is full. A message that it sends earlier would be refused again. */
  #refuse(id?: string): ChatError {
    const retryAfterMs = toRetryMs(this.#messages.fullMs(performance.now()));
    return new ChatError("rate_limited", { id, retryAfterMs });
  }

  #join(hello: Hello): void {
    if (this.hasJoined) throw new ChatError("hello_twice");
    const { key, name, ...resumePoint } = hello;
    const joinRequest = { ...resumePoint, author: hashKey(key), name: name && parseName(name) };
    this.hasJoined = true;
    clearTimeout(this.#helloTimer);
    this.#hub.register(this.#client, this.#room, joinRequest);
  }
}

function toRetryMs(waitMs: number): number {
  return Math.max(MIN_RETRY_MS, Math.ceil(waitMs));
}
