// The two clocks for tests: FakeTime leaves `performance` alone, and moves no date without the timers.

/** A monotonic clock that passes with FakeTime, and a date that can be set without it. */
export interface FakeMonotonic extends Disposable {
  /** Sets the date forward or back, as an administrator or NTP does. Time does not pass. */
  jumpDate(ms: number): void;
}

/** Makes `performance.now()` pass with `Date.now()` until it is disposed. Begin after FakeTime, and dispose before it. */
export function fakeMonotonic(): FakeMonotonic {
  const { now } = performance;
  let shiftMs = 0;
  let restoreDate = () => {};
  performance.now = () => Date.now() - shiftMs;
  return {
    jumpDate(ms) {
      restoreDate();
      shiftMs += ms;
      const PlainDate = Date;
      globalThis.Date = new Proxy(PlainDate, {
        construct: (target, args: [number]) =>
          args.length > 0 ? new target(...args) : new target(target.now() + shiftMs),
        get: (target, name) =>
          name === "now" ? () => target.now() + shiftMs : Reflect.get(target, name),
      });
      restoreDate = () => void (globalThis.Date = PlainDate);
    },
    [Symbol.dispose]() {
      restoreDate();
      performance.now = now;
    },
  };
}
