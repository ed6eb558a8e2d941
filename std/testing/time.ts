// Stand-in for jsr:@std/testing/time: the part of FakeTime that the tests use, over npm:@sinonjs/fake-timers.
// Like upstream it replaces Date and the timer functions and nothing else: setImmediate, performance and
// microtasks stay real.
// @ts-types="@types/sinonjs__fake-timers"
import { install, type InstalledClock } from "@sinonjs/fake-timers";

const realSetTimeout = globalThis.setTimeout;

/** Time that moves only when a test says so, from construction to disposal. */
export class FakeTime implements Disposable {
  readonly #clock: InstalledClock;

  constructor(start?: number | string | Date | null) {
    this.#clock = install({
      now: new Date(start ?? Date.now()),
      toFake: ["Date", "setTimeout", "clearTimeout", "setInterval", "clearInterval"],
    });
  }

  /** Milliseconds since 1970-01-01 in fake time. */
  get now(): number {
    return this.#clock.now;
  }

  /** Moves time forward and runs the timers that are due on the way, in order. */
  tick(ms = 0): void {
    this.#clock.tick(ms);
  }

  /** Runs what waits in the event loop, then `tick`. */
  async tickAsync(ms = 0): Promise<void> {
    await this.runMicrotasks();
    this.tick(ms);
  }

  /** Lets everything run that waits for no timer. */
  async runMicrotasks(): Promise<void> {
    await new Promise((resolve) => realSetTimeout(resolve, 0));
  }

  /** Gives real time back. */
  restore(): void {
    this.#clock.uninstall();
  }

  [Symbol.dispose](): void {
    this.restore();
  }
}
