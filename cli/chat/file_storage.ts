// What `confab chat` keeps between two runs: name, key and what is not sent yet, in one JSON file that only its owner may
// read. The file is shared by all terminals and holds each server's items apart. A write happens under a lock and takes
// what the others have written with it. Implements the part of Web Storage that the session uses.
import { dirname, isAbsolute, join } from "node:path";
import type { StorageLike } from "../../sdk/types.d.ts";

/** Items by key, by scope. */
type StoredContent = Record<string, Record<string, string>>;

export interface FileStorageOptions {
  readonly file: string;
  /** Whose items these are: those of another scope are neither seen nor touched. */
  readonly scope: string;
  /** Told, in a sentence, of a file that is broken, and once of one that cannot be written. */
  readonly onFault: (sentence: string) => void;
}

/** The variables that {@linkcode findStateFile} looks at. */
export const STATE_ENV_NAMES = ["XDG_STATE_HOME", "HOME", "APPDATA"] as const;

/** Where the file is on this system; undefined when nothing says where a person's files are. */
export function findStateFile(
  env: Readonly<Partial<Record<typeof STATE_ENV_NAMES[number], string | undefined>>>,
  os: typeof Deno.build.os,
): string | undefined {
  if (os === "windows") return env.APPDATA && join(env.APPDATA, "confab", "chat.json");
  // A relative path is to be ignored (XDG Base Directory Specification).
  const state = env.XDG_STATE_HOME && isAbsolute(env.XDG_STATE_HOME) ? env.XDG_STATE_HOME : "";
  const folder = state || (env.HOME && join(env.HOME, ".local", "state"));
  return folder ? join(folder, "confab", "chat.json") : undefined;
}

/** Texts by key in a file. Any call may throw, as the browser's storage may. */
export class FileStorage implements StorageLike {
  readonly #file: string;
  readonly #scope: string;
  readonly #onFault: (sentence: string) => void;
  #hasTold = false;
  /** As they were when `length` was asked for, so that counting through them is of one state. */
  #keys: readonly string[] = [];

  constructor({ file, scope, onFault }: FileStorageOptions) {
    this.#file = file;
    this.#scope = scope;
    this.#onFault = onFault;
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

  /** Sets what is not there yet: two that do so at once agree. */
  setMissing(key: string, value: string): void {
    this.#change((items) => items[key] ??= value);
  }

  #items(): Record<string, string> {
    let content = readContent(this.#file);
    // Only who has the lock may set a file aside: without it, that might be a good one already.
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
      // Who uses it goes on without: this is the place that knows why.
      const what = `Cannot save name, key and unsent messages to ${this.#file}`;
      if (!this.#hasTold) this.#onFault(`${what}: ${(error as Error).message}`);
      this.#hasTold = true;
      throw error;
    }
  }

  #setAside(): StoredContent {
    const broken = `${this.#file}.broken`;
    Deno.renameSync(this.#file, broken);
    this.#onFault(`Cannot read ${this.#file}: moved it to ${broken} and started a new file`);
    return {};
  }

  #locked<T>(act: () => T): T {
    Deno.mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    // A file of its own: the other one is replaced at each write.
    const path = `${this.#file}.lock`;
    using lock = Deno.openSync(path, { create: true, write: true, mode: 0o600 });
    lock.lockSync(true); // until it is closed
    return act();
  }
}

/** Texts by key for as long as the program runs. */
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

/** What the file holds: nothing when there is none, undefined when it is broken. */
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
    const isRight = isRecord(content) &&
      Object.values(content).every((items) =>
        isRecord(items) && Object.values(items).every((item) => typeof item === "string")
      );
    return isRight ? content as StoredContent : undefined;
  } catch {
    return undefined; // not JSON
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whoever reads meanwhile, and a power cut, find the old file or the new one. */
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
