// Sends the numbered lines of one sender: several with one write, from a frame in which only the number changes.
import { Buffer } from "node:buffer";
import { encodeFrame, OPCODE } from "../../tests/support/raw_socket.ts";
import type { LoadClient } from "./client.ts";
import { type DialectName, DIALECTS } from "./dialects.ts";
import type { Latencies } from "./latency.ts";
import { findNumbers, firstLine, setNumber } from "./line.ts";

export interface SpeakerOptions {
  readonly dialect: DialectName;
  /** Index of the sender, which is in each line. */
  readonly sender: number;
  readonly latencies?: Latencies;
}

export class LineSender {
  /** Lines sent. */
  said = 0;
  readonly #client: LoadClient;
  readonly #sender: number;
  readonly #latencies: Latencies | undefined;
  readonly #frame: Uint8Array;
  readonly #numbersAt: readonly number[];

  constructor(client: LoadClient, { dialect, sender, latencies }: SpeakerOptions) {
    const message = DIALECTS[dialect].say(firstLine(sender));
    this.#client = client;
    this.#sender = sender;
    this.#latencies = latencies;
    this.#frame = encodeFrame(OPCODE.text, Buffer.from(message));
    this.#numbersAt = findNumbers(this.#frame);
  }

  /** Sends the next so many lines, unless the connection has ended. */
  say(count: number): void {
    if (this.#client.isEnded) return;
    const { length } = this.#frame;
    const frames = Buffer.allocUnsafe(count * length);
    for (let start = 0; start < frames.length; start += length) {
      frames.set(this.#frame, start);
      for (const at of this.#numbersAt) setNumber(frames, { at: start + at, number: this.said });
      this.said++;
    }
    this.#latencies?.say(this.#sender, count);
    this.#client.write(frames);
  }
}
