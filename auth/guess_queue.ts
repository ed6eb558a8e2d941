// GuessQueue at the secrets, in line: one at a time, so that a flood of them takes one core at most. Each address has one place
// in the line and its guesses wait behind each other, so that a flood from a few leaves places for the rest.
import { ChatError } from "../protocol/errors.ts";

/** Addresses that may wait for their turn, and how soon others may come back: about as long as those take. */
const MAX_WAITING = 16;
const BUSY_MS = 2_000;

export class GuessQueue<Answer> {
  /** The same guess again waits for the same answer. */
  readonly #answers = new Map<string, Promise<Answer>>();
  /** The end of the last guess from each address that has a place. */
  readonly #ends = new Map<string, Promise<void>>();
  #last: Promise<unknown> = Promise.resolve();

  /** The answer to a guess that has not had its turn yet. */
  find(key: string): Promise<Answer> | undefined {
    return this.#answers.get(key);
  }

  /**
   * Looks at a guess when its turn comes.
   * @throws {ChatError} `too_many_attempts` at once, when there is no place: then it is never looked at.
   */
  add(
    { key, address }: { readonly key: string; readonly address: string },
    look: () => Promise<Answer>,
  ): Promise<Answer> {
    const before = this.#ends.get(address);
    if (!before && this.#ends.size === MAX_WAITING) {
      const message = "Too many passwords are being checked";
      throw new ChatError("too_many_attempts", { message, retryAfterMs: BUSY_MS });
    }
    const answer = before ? before.then(() => this.#take(look)) : this.#take(look);
    const leave = () => {
      this.#answers.delete(key);
      if (this.#ends.get(address) === end) this.#ends.delete(address);
    };
    const end: Promise<void> = answer.then(leave, leave);
    this.#answers.set(key, answer);
    this.#ends.set(address, end);
    return answer;
  }

  #take(look: () => Promise<Answer>): Promise<Answer> {
    const answer = this.#last.then(look);
    this.#last = answer.catch(() => {}); // told to whoever asked
    return answer;
  }
}
