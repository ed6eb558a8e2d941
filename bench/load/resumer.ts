// A client of `confab.v1` that was away and resumes. It checks that it receives every missed entry, in order and without
// a hole, and measures the time until then.
import type { LineSink } from "./check.ts";
import { LoadClient, type Target } from "./client.ts";
import type { Text } from "./finder.ts";

/** State of the room when the client left. */
export interface Place {
  readonly after: number;
  readonly epoch: string;
}

export interface ResumerOptions {
  readonly target: Target;
  readonly name: string;
  readonly place: Place;
}

/** Beginning of an entry: its seq is the first field. */
const SEQ_AT = '{"type":"entry","seq":'.length;

const ZERO = 48;

export class Resumer implements LineSink, AsyncDisposable {
  /**
   * Resolves with the time at which it had received all missed entries; with undefined if its connection ended
   * before.
   */
  readonly caughtUpMs: Promise<number | undefined>;
  /** Entries received. */
  entries = 0;
  /** Entries whose seq did not follow the previous one. */
  holes = 0;
  /** Whether the server resumed, and did not make it start over. */
  isResumed = false;
  #seq: number;
  #head = Infinity;
  readonly #caughtUp = Promise.withResolvers<number | undefined>();
  readonly #opening: Promise<LoadClient>;

  constructor({ target, name, place }: ResumerOptions) {
    this.#seq = place.after;
    this.caughtUpMs = this.#caughtUp.promise;
    const onReady = (welcome: string) => this.#start(welcome);
    this.#opening = LoadClient.open({ target, name, hello: { ...place }, lines: this, onReady });
    this.#opening.then(({ ended }) => ended).catch(() => {}).then(() =>
      this.#caughtUp.resolve(undefined)
    );
  }

  line({ bytes, from }: Text): void {
    const seq = readDecimal(bytes, from + SEQ_AT);
    this.entries++;
    if (seq !== this.#seq + 1) this.holes++;
    this.#seq = seq;
    this.#look();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = await this.#opening.catch(() => undefined);
    await client?.[Symbol.asyncDispose]();
  }

  #start(welcome: string): void {
    const { head, resumed } = JSON.parse(welcome);
    this.#head = head;
    this.isResumed = resumed;
    this.#look();
  }

  #look(): void {
    if (this.#seq < this.#head) return;
    this.#head = Infinity;
    this.#caughtUp.resolve(performance.now());
  }
}

function readDecimal(bytes: Uint8Array, at: number): number {
  let number = 0;
  for (let digit = at, value; (value = bytes[digit]! - ZERO) >= 0 && value < 10; digit++) {
    number = number * 10 + value;
  }
  return number;
}
