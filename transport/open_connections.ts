// The connections that are open, or the requests under way, for a listener that stops when they have ended.

export class OpenConnections<C> extends Set<C> {
  #onEmpty = () => {};

  override delete(connection: C): boolean {
    const wasOpen = super.delete(connection);
    if (this.size === 0) this.#onEmpty();
    return wasOpen;
  }

  /** Adds it until the promise settles. */
  hold(connection: C, until: Promise<unknown>): void {
    this.add(connection);
    const end = () => void this.delete(connection);
    until.then(end, end);
  }

  /** Resolves when there are none, and after `graceMs` at the latest. */
  async untilEmpty(graceMs: number): Promise<void> {
    if (this.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, graceMs);
    this.#onEmpty = resolve;
    await promise;
    clearTimeout(timer);
  }
}
