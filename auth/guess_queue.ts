// GuessQueue checks guesses of a secret one at a time, so that a flood of guesses occupies one core at most. Each address has
// one place in the queue and its guesses wait behind each other, so that a flood from a few addresses leaves room for others.
import { ChatError } from "../protocol/errors.ts";

/** Addresses that may wait at a time. */
const MAX_WAITING = 16;

/** Time after which a refused guess may be retried: about as long as a full queue takes. */
const BUSY_MS = 2_000;

/** Checks guesses one at a time. */
export class GuessQueue<Answer> {
  /** Answers by guess, for guesses that are still queued: the same guess again shares the answer. */
  readonly #answers = new Map<string, Promise<Answer>>();
  /** End of the last guess of each queued address. */
  readonly #ends = new Map<string, Promise<void>>();
  #last: Promise<unknown> = Promise.resolve();

  /** Returns the answer to a guess that is queued or being checked. */
  find(key: string): Promise<Answer> | undefined {
    return this.#answers.get(key);
  }

  /**
   * Enqueues a guess. Resolves with the answer of `check`.
   * @throws {ChatError} `too_many_attempts` at once, if the queue is full: the guess is never checked.
   */
  add(
    { key, address }: { readonly key: string; readonly address: string },
    check: () => Promise<Answer>,
  ): Promise<Answer> {
    const before = this.#ends.get(address);
    if (!before && this.#ends.size === MAX_WAITING) {
      const message = "Too many passwords are being checked";
      throw new ChatError("too_many_attempts", { message, retryAfterMs: BUSY_MS });
    }
    const answer = before ? before.then(() => this.#run(check)) : this.#run(check);
    const leave = () => {
      this.#answers.delete(key);
      if (this.#ends.get(address) === end) this.#ends.delete(address);
    };
    const end: Promise<void> = answer.then(leave, leave);
    this.#answers.set(key, answer);
    this.#ends.set(address, end);
    return answer;
  }

  #run(check: () => Promise<Answer>): Promise<Answer> {
    const answer = this.#last.then(check);
    this.#last = answer.catch(() => {}); // the caller of `add` receives the error
    return answer;
  }
}
