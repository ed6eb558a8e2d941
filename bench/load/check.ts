// What one client is delivered, checked line by line: each sender's lines must come in order, without a hole and
// without a double, and all clients must see the senders in one order. Costs a few instructions a line.
import type { Text } from "./finder.ts";
import type { Latencies } from "./latency.ts";
import { readNumber, readSender, ROLL_CALL } from "./line.ts";

/** Where the lines go that a client is delivered. */
export interface LineSink {
  /** A line begins at `at`. The text is overwritten when this returns. */
  line(text: Text, at: number): void;
}

export class OrderCheck implements LineSink {
  /** Lines that were delivered, wrong ones too. */
  count = 0;
  /** Of the sequence of senders. Who was delivered as many lines must have the same. */
  orderHash = 0;
  /** Lines that did not come when their sender's next one did. */
  skipped = 0;
  /** Lines whose number had come before, or that no sender says. */
  stray = 0;
  /** Whether a roll call has come through: the client is in the room. */
  isPresent = false;
  readonly #next: Int32Array;
  readonly #latencies: Latencies | undefined;

  constructor(senders: number, latencies?: Latencies) {
    this.#next = new Int32Array(senders);
    this.#latencies = latencies;
  }

  /** The number that the sender's next line must have: so many of its lines have come. */
  next(sender: number): number {
    return this.#next[sender] ?? 0;
  }

  line({ bytes }: Text, at: number): void {
    const sender = readSender(bytes, at);
    const number = readNumber(bytes, at);
    if (number !== this.#next[sender] && !this.#isAcceptable(sender, number)) return;
    this.#next[sender] = number + 1;
    this.count++;
    this.orderHash = (Math.imul(this.orderHash, 31) + sender + 1) | 0;
    this.#latencies?.deliver(sender, number);
  }

  /** Lines that have not come of those that the senders have said, so many each. */
  countLost(said: readonly number[]): number {
    return said.reduce((sum, count, sender) => sum + count - this.next(sender), this.skipped);
  }

  #isAcceptable(sender: number, number: number): boolean {
    if (sender === ROLL_CALL) {
      this.isPresent = true;
      return false;
    }
    const next = this.#next[sender];
    if (next === undefined || !(number > next)) {
      this.count++;
      this.stray++;
      return false;
    }
    this.skipped += number - next;
    return true;
  }
}

/** Clients that were delivered as much as the first of them that was delivered so much, and in another order. */
export function countOtherOrders(checks: readonly OrderCheck[]): number {
  const hashes = new Map<number, number>();
  return checks.filter(({ count, orderHash }) => {
    if (!hashes.has(count)) hashes.set(count, orderHash);
    return hashes.get(count) !== orderHash;
  }).length;
}
