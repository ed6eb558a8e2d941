// Stores the data of `confab chat` between two runs: name, key and unsent messages, in one JSON file that only its owner
// may read. All terminals share the file, and each server has its own items in it. A write locks the file, and keeps what
// other processes have written. Implements the part of Web Storage that the session uses.
import { dirname, isAbsolute, join } from "node:path";
import type { StorageLike } from "../../sdk/types.d.ts";

/** Contents of the file: items by scope, then by key. */
type StoredContent = Record<string, Record<string, string>>;

export interface FileStorageOptions {
  readonly file: string;
  /** Scope of the items. Items of other scopes are neither visible nor changed. */
  readonly scope: string;
  /** Called with a sentence for each broken file, and once if the file cannot be written. */
  readonly onFailure: (sentence: string) => void;
}

/** Environment variables that {@linkcode findStateFile} reads. */
export const STATE_ENV_NAMES = ["XDG_STATE_HOME", "HOME", "APPDATA"] as const;

/** Returns the path of the file on this system; undefined if no variable names the user's folder. */
export function findStateFile(
  env: Readonly<Partial<Record<typeof STATE_ENV_NAMES[number], string | undefined>>>,
  os: typeof Deno.build.os,
): string | undefined {
  if (os === "windows") return env.APPDATA && join(env.APPDATA, "confab", "chat.json");
  // Ignore a relative path, as the XDG Base Directory Specification requires.
  const state = env.XDG_STATE_HOME && isAbsolute(env.XDG_STATE_HOME) ? env.XDG_STATE_HOME : "";
  const folder = state || (env.HOME && join(env.HOME, ".local", "state"));
  return folder ? join(folder, "confab", "chat.json") : undefined;
}

/** Stores texts by key in a file. Any call may throw, like the storage of a browser. */
export class FileStorage implements StorageLike {
  readonly #file: string;
  readonly #scope: string;
  readonly #onFailure: (sentence: string) => void;
  #hasReported = false;
  /** Keys at the last read of `length`, so that a loop over them sees one state. */
  #keys: readonly string[] = [];

  constructor({ file, scope, onFailure }: FileStorageOptions) {
    this.#file = file;
    this.#scope = scope;
    this.#onFailure = onFailure;
  }

  get length(): number {
    this.#keys = Object.keys(this.#items());
    return this.#keys.length;
  }

  key(index: number): string | null {
    return this.#keys[index] ?? null;
  }

  getItem(key: string): string | null {
    return this.#items()[key] ?? null;
  }

  setItem(key: string, value: string): void {
    this.#change((items) => items[key] = value);
  }

  removeItem(key: string): void {
    this.#change((items) => delete items[key]);
  }

  /** Sets an item only if it is missing. Two processes that do so at the same time agree on the value. */
  setMissing(key: string, value: string): void {
    this.#change((items) => items[key] ??= value);
  }

  #items(): Record<string, string> {
    let content = readContent(this.#file);
    // Move a broken file only under the lock: otherwise another process may have replaced it with a good one.
    content ??= this.#locked(() => readContent(this.#file) ?? this.#setAside());
    return content[this.#scope] ?? {};
  }

  #change(act: (items: Record<string, string>) => void): void {
    try {
      this.#locked(() => {
        const content = readContent(this.#file) ?? this.#setAside();
        act(content[this.#scope] ??= {});
        writeContent(this.#file, content);
      });
    } catch (error) {
      // Report it here, where the reason is known: the caller continues without the file.
      const failure = `Cannot save name, key and unsent messages to ${this.#file}`;
      if (!this.#hasReported) this.#onFailure(`${failure}: ${(error as Error).message}`);
      this.#hasReported = true;
      throw error;
    }
  }

  #setAside(): StoredContent {
    const broken = `${this.#file}.broken`;
    Deno.renameSync(this.#file, broken);
    this.#onFailure(`Cannot read ${this.#file}: moved it to ${broken} and started a new file`);
    return {};
  }

  #locked<T>(act: () => T): T {
    Deno.mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    // Lock a separate file: the data file is replaced by each write.
    const path = `${this.#file}.lock`;
    using lock = Deno.openSync(path, { create: true, write: true, mode: 0o600 });
    lock.lockSync(true); // released when it is closed
    return act();
  }
}

/** Stores texts by key in memory. */
export class MemoryStorage implements StorageLike {
  readonly #items = new Map<string, string>();

  get length(): number {
    return this.#items.size;
  }

  key(index: number): string | null {
    return [...this.#items.keys()][index] ?? null;
  }

  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#items.set(key, value);
  }

  removeItem(key: string): void {
    this.#items.delete(key);
  }
}

/** Reads the file. Returns no items if it is missing, and undefined if it is broken. */
function readContent(file: string): StoredContent | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
  try {
    const content: unknown = JSON.parse(text);
    const isValid = isRecord(content) &&
      Object.values(content).every((items) =>
        isRecord(items) && Object.values(items).every((item) => typeof item === "string")
      );
    return isValid ? content as StoredContent : undefined;
  } catch {
    return undefined; // not JSON
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Replaces the file atomically: concurrent readers, and a power loss, find the old file or the new one. */
function writeContent(file: string, content: StoredContent): void {
  const path = `${file}.new`;
  {
    using temporary = Deno.openSync(path, {
      create: true,
      truncate: true,
      write: true,
      mode: 0o600,
    });
    const bytes = new TextEncoder().encode(`${JSON.stringify(content, null, 2)}\n`);
    for (let written = 0; written < bytes.length;) {
      written += temporary.writeSync(bytes.subarray(written));
    }
    temporary.syncDataSync();
  }
  Deno.renameSync(path, file);
}
