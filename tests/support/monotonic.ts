// The monotonic clock for tests with FakeTime, which leaves `performance` alone.

/** Makes `performance.now()` follow `Date.now()` until it is disposed. Begin after FakeTime, and dispose before it. */
export function followDate(): Disposable {
  const { now } = performance;
  performance.now = () => Date.now();
  return { [Symbol.dispose]: () => void (performance.now = now) };
}
