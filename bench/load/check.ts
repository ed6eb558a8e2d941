// Checks every line that a client receives: each sender's lines must arrive in order, without a hole and without a
// double, and all clients must see the senders in one order. A line costs a few instructions.
import type { Text } from "./finder.ts";
import type { Latencies } from "./latency.ts";
import { readNumber, readSender, ROLL_CALL } from "./line.ts";

/** Receiver of a client's lines. */
export interface LineSink {
  /** Receives a line that begins at `at`. The text is overwritten when this returns. */
  line(text: Text, at: number): void;
}

export class OrderCheck implements LineSink {
  /** Lines received, wrong ones too. */
  count = 0;
  /** Hash of the sequence of senders. Clients with equally many lines must have the same hash. */
  orderHash = 0;
  /** Lines that arrived in place of their sender's next line. */
  skipped = 0;
  /** Lines whose number had arrived before, or of an unknown sender. */
  stray = 0;
  /** Whether a roll call has arrived, which shows that the client is in the room. */
  isPresent = false;
  readonly #next: Int32Array;
  readonly #latencies: Latencies | undefined;

  constructor(senders: number, latencies?: Latencies) {
    this.#next = new Int32Array(senders);
    this.#latencies = latencies;
  }

  /** Number that the sender's next line must have: the count of its lines so far. */
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

  /** Returns the number of missing lines, given that each sender has sent so many. */
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

/** Counts the clients whose order differs from that of the first client with as many lines. */
export function countOtherOrders(checks: readonly OrderCheck[]): number {
  const hashes = new Map<number, number>();
  return checks.filter(({ count, orderHash }) => {
    if (!hashes.has(count)) hashes.set(count, orderHash);
    return hashes.get(count) !== orderHash;
  }).length;
}
