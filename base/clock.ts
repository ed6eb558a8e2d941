// The two clocks of the program. Elapsed time is measured by the monotonic one, because the date can be set back or forward
// at any moment. The date is read only for what is stored, shown or compared with a date of somebody else. tests/clock_test.ts
// lists the files that may read it.

export interface Clock {
  /**
   * Monotonic time in milliseconds, as `performance.now()`. It may stand still while the system sleeps: a wait then takes
   * longer by that time, and never ends early.
   */
  now(): number;
  /** Milliseconds since 1970. May jump in both directions. */
  date(): number;
}

export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
};
