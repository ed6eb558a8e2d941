// A Web Storage for tests: Deno's own would outlive them, and is one for all.
import type { StorageLike } from "../../sdk/types.d.ts";

export class FakeStorage implements StorageLike {
  readonly #items = new Map<string, string>();
  get length(): number {
    return this.#items.size;
  }
  key = (index: number): string | null => [...this.#items.keys()][index] ?? null;
  getItem = (key: string): string | null => this.#items.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.#items.set(key, value);
  removeItem = (key: string): void => void this.#items.delete(key);
}
