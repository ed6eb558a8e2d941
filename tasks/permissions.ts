// Lists the permissions and V8 flags of the program: compiled, from source and in tests. The tasks of deno.json repeat
// them, because they cannot import; tests/source_test.ts compares.

/**
 * The server drops its access to files once the journal is open, but keeps reading if it has a certificate. `confab chat`
 * finds its state file by XDG_STATE_HOME, HOME or APPDATA.
 */
export const PERMISSIONS: readonly string[] = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env=CONFAB_*,XDG_STATE_HOME,HOME,APPDATA",
  "--allow-sys=networkInterfaces",
];

/** Limits on heap growth between collections: half the memory with thousands of connections, and no slower. */
export const V8_FLAGS = "--v8-flags=--max-semi-space-size=4,--heap-growing-percent=20";
