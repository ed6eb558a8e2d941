// GuessQueue bounds how many wrong guesses of a secret are compared in all, however many addresses send them. Until the bound
// is reached, guesses do not wait. Beyond it they wait and are drawn at random, so that nobody can occupy the queue and keep
// the right guess of somebody else out of it.
import { Bucket, type Rate } from "../base/rate_limit.ts";
import { SYSTEM_CLOCK } from "../base/clock.ts";
import { ChatError } from "../protocol/errors.ts";

/** Wrong guesses of all addresses: 1,000 at once, as 200 addresses or 25 IPv6 /48 have free, then less than 2^26 in a year. */
const WRONG_GUESSES: Rate = { perS: 2, burst: 1_000 };

/** Guesses that wait at a time: in all, and from one network. An address has one place. */
const MAX_WAITING = 1_000;
const MAX_WAITING_PER_NETWORK = 2;

/** Time after which a waiting guess is refused: people and proxies do not wait for longer. */
const MAX_WAIT_MS = 10_000;

/** Time after which a refused guess may be retried. */
const RETRY_MS = 2_000;

export interface GuessQueueOptions {
  /** Monotonic clock, in milliseconds. */
  readonly now?: () => number;
  /** Returns a number from 0 to 1, without 1. */
  readonly random?: () => number;
}

/** A guess that waits. */
interface WaitingGuess {
  readonly networks: readonly string[];
  readonly sinceMs: number;
  readonly compare: () => void;
  readonly refuse: () => void;
}

/** Compares guesses, and bounds the rate of wrong ones. */
export class GuessQueue<Answer> implements Disposable {
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #bucket = new Bucket(WRONG_GUESSES);
  readonly #waiting: WaitingGuess[] = [];
  /** Number of waiting guesses by network. */
  readonly #places = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor({ now = SYSTEM_CLOCK.now, random = Math.random }: GuessQueueOptions = {}) {
    this.#now = now;
    this.#random = random;
  }

  /**
   * Resolves with the result of `compare`, which is undefined for a wrong guess. Calls it at once, or when the guess is drawn.
   * @param networks networks of the sender, the narrowest first
   * @throws {ChatError} `too_many_attempts`, if the guess is never compared; and what `compare` throws.
   */
  async check(
    networks: readonly string[],
    compare: () => Answer | undefined,
  ): Promise<Answer | undefined> {
    if (this.#waiting.length === 0 && this.#waitMs() === 0) return this.#compare(compare);
    this.#makePlace(networks);
    const { promise, resolve, reject } = Promise.withResolvers<Answer | undefined>();
    this.#add({
      networks,
      sinceMs: this.#now(),
      compare: () => {
        try {
          resolve(this.#compare(compare));
        } catch (error) {
          reject(error);
        }
      },
      refuse: () => reject(makeRefusal()),
    });
    this.#schedule();
    return await promise;
  }

  /** Refuses all guesses that wait. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    while (this.#waiting.length > 0) this.#remove(0)!.refuse();
  }

  #compare(compare: () => Answer | undefined): Answer | undefined {
    const answer = compare();
    if (answer === undefined) this.#bucket.take(this.#now());
    return answer;
  }

  /** Checks that the sender's networks have a place. If the queue is full, drops a guess at random, perhaps the new one. */
  #makePlace(networks: readonly string[]): void {
    const isFull = networks.some((network, i) =>
      (this.#places.get(network) ?? 0) >= (i === 0 ? 1 : MAX_WAITING_PER_NETWORK)
    );
    if (isFull) throw makeRefusal();
    if (this.#waiting.length < MAX_WAITING) return;
    const dropped = this.#remove(Math.floor(this.#random() * (MAX_WAITING + 1)));
    if (!dropped) throw makeRefusal();
    dropped.refuse();
  }

  #add(guess: WaitingGuess): void {
    this.#waiting.push(guess);
    for (const network of guess.networks) {
      this.#places.set(network, (this.#places.get(network) ?? 0) + 1);
    }
  }

  /** Removes the guess at an index and returns it; undefined if there is none. */
  #remove(index: number): WaitingGuess | undefined {
    const [guess] = this.#waiting.splice(index, 1);
    for (const network of guess?.networks ?? []) {
      const left = this.#places.get(network)! - 1;
      if (left > 0) this.#places.set(network, left);
      else this.#places.delete(network);
    }
    return guess;
  }

  /** Compares waiting guesses until one is wrong and no other may be, and refuses those that waited for too long. */
  #advance(): void {
    const latestMs = this.#now() - MAX_WAIT_MS;
    while (this.#waiting[0] && this.#waiting[0].sinceMs <= latestMs) this.#remove(0)!.refuse();
    while (this.#waiting.length > 0 && this.#waitMs() === 0) {
      this.#remove(Math.floor(this.#random() * this.#waiting.length))!.compare();
    }
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#waiting.length === 0) return;
    this.#timer = setTimeout(() => this.#advance(), this.#waitMs());
  }

  /** Time until a guess may be compared. */
  #waitMs(): number {
    return Math.ceil(this.#bucket.waitMs(this.#now()));
  }
}

function makeRefusal(): ChatError {
  const message = "Too many passwords are being checked";
  return new ChatError("too_many_attempts", { message, retryAfterMs: RETRY_MS });
}
