// Runs the parts of the benchmark: prints a line for each measurement, and records failures. A failure leaves a hole in
// the results, and the run continues.
import { Unavailable } from "./peers.ts";
import type { Plan } from "./plan.ts";

/** Description of one measurement. */
export interface Measurement<T> {
  readonly name: string;
  /** Whether a failure counts against Confab and makes the whole run fail. */
  readonly isConfab: boolean;
  readonly run: () => Promise<T>;
  /** Returns the text of the printed line. */
  readonly describe: (result: T) => string;
}

/** Result of a measurement. */
export type Outcome<T> = { readonly result: T } | { readonly reason: string };

export interface BenchOptions {
  readonly plan: Plan;
  readonly signal: AbortSignal;
  readonly print: (line: string) => void;
}

export class Bench {
  readonly plan: Plan;
  readonly signal: AbortSignal;
  /** Measurements that are missing or went wrong, with the reasons. */
  readonly failures: string[] = [];
  /** Failures of Confab. */
  readonly faults: string[] = [];
  readonly #print: (line: string) => void;
  readonly #startedMs = performance.now();

  constructor({ plan, signal, print }: BenchOptions) {
    this.plan = plan;
    this.signal = signal;
    this.#print = print;
  }

  get seconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  /** Measures one thing and prints the result. @throws if the run is to stop */
  async measure<T>({ name, isConfab, run, describe }: Measurement<T>): Promise<Outcome<T>> {
    this.signal.throwIfAborted();
    try {
      const result = await run();
      this.say(name, describe(result));
      return { result };
    } catch (error) {
      this.signal.throwIfAborted();
      const { message: reason } = error as Error;
      const note = `${name}: ${reason}`;
      this.say(name, `not measured: ${reason}`);
      this.failures.push(note);
      if (isConfab && !(error instanceof Unavailable)) this.faults.push(note);
      return { reason };
    }
  }

  /** Records a failure of Confab whose measurement succeeded all the same. */
  blame(name: string, fault: string | undefined): void {
    if (fault === undefined) return;
    const note = `${name}: ${fault}`;
    this.say(name, fault);
    this.failures.push(note);
    this.faults.push(note);
  }

  /** Prints a line behind the elapsed time of this run. */
  say(name: string, figures: string): void {
    const seconds = Math.floor(this.seconds);
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    this.#print(`${time.padStart(5)}  ${name}: ${figures}`);
  }
}
