// Database files are private: only their owner can read them.

/** Creates an empty file that only its owner can read, unless it exists. SQLite gives the files beside it the same mode. */
export function makePrivateFile(path: string): void {
  try {
    // An existing file is never opened: closing any handle of a file releases all locks that the process holds on it.
    Deno.openSync(path, { createNew: true, write: true, mode: 0o600 }).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    if (Deno.build.os !== "windows") Deno.chmodSync(path, 0o600);
  }
}
