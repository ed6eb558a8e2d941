// What was said in a room, as all who were told of it agree. Whoever is told otherwise has found a fault.

export class Ledger {
  /** Id under each seq. Only the last ones: a soak says more than a process should keep. */
  readonly #ids = new Map<number, string>();
  readonly #onFault: (fault: string) => void;
  entries = 0;

  constructor(onFault: (fault: string) => void) {
    this.#onFault = onFault;
  }

  /** Somebody was sent this entry, or told that it is stored. */
  see(seq: number, id: string): void {
    const known = this.#ids.get(seq);
    if (known === id) return;
    if (known !== undefined) return this.#onFault(`${seq} is ${known} to one and ${id} to another`);
    this.#ids.set(seq, id);
    this.entries++;
    const oldest = this.#ids.keys().next();
    if (this.#ids.size > MOST_KEPT && !oldest.done) this.#ids.delete(oldest.value);
  }
}

/** More than a room keeps: nobody is sent what is older. */
const MOST_KEPT = 20_000;

/** What one reader was sent: each entry once, in order, and gaps where a wire has a word for them. */
export class View {
  lastSeq: number | undefined;
  readonly #ledger: Ledger;
  readonly #onFault: (fault: string) => void;

  constructor(ledger: Ledger, onFault: (fault: string) => void) {
    this.#ledger = ledger;
    this.#onFault = onFault;
  }

  takeEntry(seq: number, id: string): void {
    const expected = this.lastSeq === undefined ? seq : this.lastSeq + 1;
    if (seq !== expected) this.#onFault(`received ${seq}, expected ${expected}`);
    this.lastSeq = seq;
    this.#ledger.see(seq, id);
  }

  takeGap(from: number, to: number): void {
    if (this.lastSeq !== undefined && from !== this.lastSeq + 1) {
      this.#onFault(`a gap from ${from}, expected from ${this.lastSeq + 1}`);
    }
    this.lastSeq = to;
  }
}
