// OpenConnections tracks open connections, or requests under way, so that a listener can wait for their end when it stops.

/** A set that can be awaited until it is empty. */
export class OpenConnections<C> extends Set<C> {
  #onEmpty = () => {};

  override delete(connection: C): boolean {
    const wasOpen = super.delete(connection);
    if (this.size === 0) this.#onEmpty();
    return wasOpen;
  }

  /** Adds a connection and deletes it when the promise settles. */
  track(connection: C, until: Promise<unknown>): void {
    this.add(connection);
    const end = () => void this.delete(connection);
    until.then(end, end);
  }

  /** Resolves when the set is empty, or after `graceMs`. */
  async untilEmpty(graceMs: number): Promise<void> {
    if (this.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, graceMs);
    this.#onEmpty = resolve;
    await promise;
    clearTimeout(timer);
  }
}
