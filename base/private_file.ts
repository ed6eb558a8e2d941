// Files that are for nobody else on this machine: databases.

/** Makes an empty file for its owner only, where there is none. SQLite gives the files beside it the same mode. */
export function makePrivateFile(path: string): void {
  try {
    // Never one that is there: closing any handle of a file ends the locks that the process has on it.
    Deno.openSync(path, { createNew: true, write: true, mode: 0o600 }).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    if (Deno.build.os !== "windows") Deno.chmodSync(path, 0o600);
  }
}
