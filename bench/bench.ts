// One run of the benchmark, as its parts see it: the plan, whether to stop, and a line for each thing that was measured.
// What fails is told, noted, and leaves a hole in the results; the run goes on.
import { Unavailable } from "./peers.ts";
import type { Plan } from "./plan.ts";

/** What a part is about to measure. */
export interface Measurement<T> {
  readonly name: string;
  /** A failure of Confab makes the whole run fail. */
  readonly isConfab: boolean;
  readonly run: () => Promise<T>;
  /** What the line says about it. */
  readonly describe: (result: T) => string;
}

/** What became of it. */
export type Outcome<T> = { readonly result: T } | { readonly reason: string };

export interface BenchOptions {
  readonly plan: Plan;
  readonly signal: AbortSignal;
  readonly print: (line: string) => void;
}

export class Bench {
  readonly plan: Plan;
  readonly signal: AbortSignal;
  /** What was not measured, or went wrong, and why. */
  readonly failures: string[] = [];
  /** What Confab did wrong. */
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

  /** @throws when the run is to stop */
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

  /** Notes what Confab did wrong where it was measured all the same. */
  blame(name: string, fault: string | undefined): void {
    if (fault === undefined) return;
    const note = `${name}: ${fault}`;
    this.say(name, fault);
    this.failures.push(note);
    this.faults.push(note);
  }

  /** A line, behind the time of this run. */
  say(name: string, figures: string): void {
    const seconds = Math.floor(this.seconds);
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    this.#print(`${time.padStart(5)}  ${name}: ${figures}`);
  }
}
