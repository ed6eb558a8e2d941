// Opens many clients of one server, each with its check, makes sure that all are in the room, and closes them.
import { OrderCheck } from "./check.ts";
import { LoadClient, type Target } from "./client.ts";
import type { Latencies } from "./latency.ts";
import { ROLL_CALL } from "./line.ts";
import { LineSender } from "./line_sender.ts";

/** A client and its check. */
export interface Member {
  readonly client: LoadClient;
  readonly check: OrderCheck;
}

export interface CrowdOptions {
  readonly count: number;
  /** Server and room of each client. */
  readonly target: (index: number) => Target;
  readonly senders: number;
  readonly latencies?: Latencies;
  /** Called when a client has received something or has ended. */
  readonly afterChunk?: (index: number) => void;
}

/** Clients that connect at a time. */
const OPEN_AT_ONCE = 200;

/** Time for a roll call to arrive before the next one. */
const ROLL_CALL_MS = 250;
const MAX_ROLL_CALLS = 80;

const POLL_MS = 5;

export class Crowd implements AsyncDisposable {
  readonly members: Member[] = [];
  readonly #options: CrowdOptions;

  private constructor(options: CrowdOptions) {
    this.#options = options;
  }

  /** Opens the clients. @throws if one of them cannot join */
  static async open(options: CrowdOptions): Promise<Crowd> {
    const crowd = new Crowd(options);
    try {
      for (let from = 0; from < options.count; from += OPEN_AT_ONCE) {
        const length = Math.min(OPEN_AT_ONCE, options.count - from);
        await crowd.#openSome(Array.from({ length }, (_, i) => from + i));
      }
      return crowd;
    } catch (error) {
      await crowd[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Sends lines that do not count to each room until every client has received one. If a server answers an upgrade
   * before the client is in the room, there is no other way to know. @throws if a client receives none
   */
  async callRoll(): Promise<void> {
    const callers = new Map<string | undefined, LineSender>();
    this.members.forEach(({ client }, index) => {
      const { path, dialect } = this.#options.target(index);
      callers.set(path, new LineSender(client, { dialect, sender: ROLL_CALL }));
    });
    const isComplete = () => this.evicted > 0 || this.members.every(({ check }) => check.isPresent);
    for (let calls = 0; calls < MAX_ROLL_CALLS && !isComplete(); calls++) {
      for (const caller of callers.values()) caller.say(1);
      await waitFor(isComplete, ROLL_CALL_MS);
    }
    const present = this.members.filter(({ check }) => check.isPresent).length;
    if (this.evicted === 0 && present === this.members.length) return;
    throw new Error(
      `Cannot gather clients: expected ${this.members.length} in the room, ` +
        `received ${present}, and ${this.evicted} ended`,
    );
  }

  /** Returns senders over the first clients, as many as there are senders. */
  makeSenders(): LineSender[] {
    const { senders, target, latencies } = this.#options;
    return this.members.slice(0, senders).map(({ client }, sender) =>
      new LineSender(client, {
        dialect: target(sender).dialect,
        sender,
        ...latencies && { latencies },
      })
    );
  }

  /** Returns the clients whose connection has ended. */
  get evicted(): number {
    return this.members.filter(({ client }) => client.isEnded).length;
  }

  /** Returns the lines received so far, all clients together. */
  get delivered(): number {
    return this.members.reduce((sum, { check }) => sum + check.count, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map(({ client }) => client[Symbol.asyncDispose]()));
  }

  async #openSome(indexes: readonly number[]): Promise<void> {
    const opened = await Promise.allSettled(indexes.map((index) => this.#openOne(index)));
    for (const result of opened) {
      if (result.status === "fulfilled") this.members.push(result.value);
    }
    const failed = opened.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  }

  async #openOne(index: number): Promise<Member> {
    const { target, senders, latencies, afterChunk } = this.#options;
    const check = new OrderCheck(senders, latencies);
    const client = await LoadClient.open({
      target: target(index),
      name: `s${String(index).padStart(3, "0")}`,
      lines: check,
      beforeChunk: () => latencies?.tick(),
      afterChunk: () => afterChunk?.(index),
    });
    return { client, check };
  }
}

/** Resolves when the condition is met, or after `ms`. */
export async function waitFor(isSo: () => boolean, ms: number): Promise<void> {
  const until = performance.now() + ms;
  while (!isSo() && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
