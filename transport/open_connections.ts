// The connections that are open, for a listener that stops when they have ended.

export class OpenConnections<C> extends Set<C> {
  #onEmpty = () => {};

  override delete(connection: C): boolean {
    const wasOpen = super.delete(connection);
    if (this.size === 0) this.#onEmpty();
    return wasOpen;
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
