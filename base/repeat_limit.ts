// RepeatLimit bounds how often each event is logged, so that nobody who can cause an event can fill a disk with it. Events of
// different names or levels do not use up one another's rate.
import { Bucket, type Rate } from "./rate_limit.ts";

/** Lines of one event. */
export const EVENT_RATE: Rate = { perS: 1, burst: 20 };

/** Time from the first line that is left out until the number of all of them is reported. */
export const REPORT_PERIOD_MS = 10_000;

/** Number of times that an event was left out. */
export interface Omission {
  readonly level: string;
  readonly event: string;
  readonly count: number;
}

export class RepeatLimit {
  readonly #report: (omission: Omission) => void;
  /** By level and event. Bounded, because the program's text contains all events. */
  readonly #events = new Map<string, { bucket: Bucket; level: string; event: string }>();
  readonly #counts = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(report: (omission: Omission) => void) {
    this.#report = report;
  }

  /** Returns whether the event may be logged. Otherwise counts it, and reports the count later. */
  allows(level: string, event: string): boolean {
    const key = `${level} ${event}`;
    let known = this.#events.get(key);
    if (!known) this.#events.set(key, known = { bucket: new Bucket(EVENT_RATE), level, event });
    if (known.bucket.take(performance.now())) return true;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    this.#timer ??= setTimeout(() => this.flush(), REPORT_PERIOD_MS);
    return false;
  }

  /** Reports all counts now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const counts = [...this.#counts];
    this.#counts.clear();
    for (const [key, count] of counts) {
      const { level, event } = this.#events.get(key)!;
      this.#report({ level, event, count });
    }
  }
}
