// Stand-in for jsr:@std/testing/time: the part of FakeTime that the tests use, with upstream's contract. It replaces
// Date, the timer functions and AbortSignal.timeout, and nothing else: setImmediate, performance and microtasks stay
// real.

/** Originals, from before any test could replace them. */
const real = {
  Date,
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  timeoutSignal: AbortSignal.timeout,
};

type Callback = (...args: unknown[]) => unknown;

interface Timer {
  callback: Callback;
  args: unknown[];
  dueMs: number;
  /** Undefined for a timer that fires once. */
  periodMs: number | undefined;
}

/** Timers by id. Among those that are due at the same time the order of the map counts. */
type Timers = Map<number, Timer>;

/** State of the one fake time that there can be; undefined while time is real. */
let fake: { nowMs: number; lastId: number; readonly timers: Timers } | undefined;

/** Thrown when time is, or is not, fake already. */
export class TimeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TimeError";
  }
}

/** Fake time, which moves only when a test advances it, from construction to disposal. */
export class FakeTime {
  readonly #state: NonNullable<typeof fake>;

  /**
   * @throws {TimeError} when time is fake already.
   * @throws {TypeError} when `start` is no time.
   */
  constructor(start?: number | string | Date | null) {
    if (fake) throw new TimeError("Cannot construct FakeTime: time is already faked");
    const nowMs = typeof start === "number"
      ? Math.floor(start)
      : new real.Date(start ?? real.Date.now()).getTime();
    if (Number.isNaN(nowMs)) {
      throw new TypeError("Cannot construct FakeTime: start is no valid time");
    }
    fake = this.#state = { nowMs, lastId: 0, timers: new Map() };
    globalThis.Date = fakeDate;
    globalThis.setTimeout = fakeSetTimeout as unknown as typeof setTimeout;
    globalThis.clearTimeout = clear as typeof clearTimeout;
    globalThis.setInterval = fakeSetInterval as unknown as typeof setInterval;
    globalThis.clearInterval = clear as typeof clearInterval;
    AbortSignal.timeout = fakeTimeoutSignal;
  }

  /** Milliseconds since 1970-01-01 in fake time. */
  get now(): number {
    return this.#state.nowMs;
  }

  /**
   * Moves time forward and runs the timers that are due on the way, in order.
   * @throws {RangeError} when `ms` is negative.
   */
  tick(ms = 0): void {
    if (ms < 0) throw new RangeError(`Cannot move time back: received ${ms}`);
    const state = this.#state;
    const endMs = state.nowMs + ms;
    for (let next = findDue(state.timers, endMs); next; next = findDue(state.timers, endMs)) {
      const [id, timer] = next;
      const { callback, args, dueMs, periodMs } = timer;
      state.nowMs = dueMs;
      state.timers.delete(id);
      if (periodMs !== undefined) state.timers.set(id, { ...timer, dueMs: dueMs + periodMs });
      callback(...args);
    }
    state.nowMs = endMs;
  }

  /** Runs pending tasks of the event loop, then `tick`. */
  async tickAsync(ms = 0): Promise<void> {
    await this.runMicrotasks();
    this.tick(ms);
  }

  /** Runs everything that does not wait for a timer. */
  async runMicrotasks(): Promise<void> {
    await new Promise((resolve) => real.setTimeout.call(null, resolve, 0));
  }

  /**
   * Restores real time.
   * @throws {TimeError} when time is real already.
   */
  restore(): void {
    if (!fake) throw new TimeError("Cannot restore time: time is already restored");
    fake = undefined;
    globalThis.Date = real.Date;
    globalThis.setTimeout = real.setTimeout;
    globalThis.clearTimeout = real.clearTimeout;
    globalThis.setInterval = real.setInterval;
    globalThis.clearInterval = real.clearInterval;
    AbortSignal.timeout = real.timeoutSignal;
  }

  [Symbol.dispose](): void {
    this.restore();
  }
}

/** Returns the timer that fires next, if it is due by then. */
function findDue(timers: Timers, endMs: number): [number, Timer] | undefined {
  let next: [number, Timer] | undefined;
  for (const entry of timers) {
    const { dueMs } = entry[1];
    if (dueMs <= endMs && (!next || dueMs < next[1].dueMs)) next = entry;
  }
  return next;
}

const nowMs = () => fake?.nowMs ?? real.Date.now();

/** Forwards to the real Date for everything but the present time. */
const fakeDate: DateConstructor = new Proxy(Date, {
  construct: (target, args: [number]) =>
    args.length > 0 ? new target(...args) : new target(nowMs()),
  apply: (target) => new target(nowMs()).toString(),
  get: (target, name, receiver) => name === "now" ? nowMs : Reflect.get(target, name, receiver),
});

function fakeSetTimeout(callback: Callback, ms = 0, ...args: unknown[]): number {
  return schedule({ callback, args, delayMs: Math.max(0, Math.floor(ms)), isRepeated: false });
}

function fakeSetInterval(callback: Callback, ms = 0, ...args: unknown[]): number {
  return schedule({ callback, args, delayMs: Math.max(1, Math.floor(ms)), isRepeated: true });
}

function schedule(
  { delayMs, isRepeated, ...rest }: Pick<Timer, "callback" | "args"> & {
    delayMs: number;
    isRepeated: boolean;
  },
): number {
  if (!fake) throw new TimeError("Cannot set a timer: time is not faked");
  if (typeof rest.callback !== "function") {
    throw new TimeError("Cannot set a timer: its callback is no function");
  }
  const id = ++fake.lastId;
  const periodMs = isRepeated ? delayMs : undefined;
  fake.timers.set(id, { ...rest, dueMs: fake.nowMs + delayMs, periodMs });
  return id;
}

function clear(id?: unknown): void {
  if (!fake) throw new TimeError("Cannot clear a timer: time is not faked");
  fake.timers.delete(id as number);
}

function fakeTimeoutSignal(ms: number): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort(new DOMException("Signal timed out.", "TimeoutError"));
  fakeSetTimeout(abort, ms);
  return controller.signal;
}
