// Opens SQLite database files: checks which program a file belongs to, migrates it to the newest version and prepares
// statements. Every store on disk uses these functions. Tables and statements belong to the store.
import { DatabaseSync, type StatementSync } from "node:sqlite";

/** Time that a statement waits for the lock of another process, such as one that is just exiting. */
const BUSY_TIMEOUT_MS = 2_000;

/** Pages of a WAL that SQLite writes into the database: its default. */
const WAL_PAGES = 1_000;

/** A kind of database file, in all its versions. */
export interface Schema {
  /** Identifies the file as ours (`PRAGMA application_id`): four ASCII letters. */
  readonly applicationId: number;
  /** SQL that takes a file from the version that is its index to the next one. A released step never changes. */
  readonly steps: readonly string[];
  /** Runs after the steps in their transaction, so that no file is left without what it adds. */
  readonly afterSteps?: (db: DatabaseSync) => void;
  /** Subject of error messages, such as `its journal.db`. */
  readonly subject: string;
}

/** Settings by name, applied in their order. */
export type Pragmas = Readonly<Record<string, string | number>>;

export interface OpenOptions {
  readonly readOnly?: boolean;
  readonly pragmas?: Pragmas;
}

/** Statements by name, each prepared once. */
export type Prepared<Name extends string> = Readonly<Record<Name, StatementSync>>;

/** Reports a file that this version of the program must not use. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
  /** `foreign`: created by another program. `newer`: created by a later version of this one. */
  readonly reason: "foreign" | "newer";

  constructor(reason: SchemaError["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

/**
 * Opens a database file, or creates an empty one. Closes it again if a pragma fails.
 * @throws {Error} SQLite's own.
 */
export function openDatabase(path: string, options: OpenOptions = {}): DatabaseSync {
  const { readOnly = false, pragmas = {} } = options;
  const db = new DatabaseSync(path, { readOnly });
  try {
    // Deleted content is overwritten with zeros.
    const all = { busy_timeout: BUSY_TIMEOUT_MS, secure_delete: "ON", ...pragmas };
    for (const [name, value] of Object.entries(all)) db.exec(`PRAGMA ${name} = ${value}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Migrates a file to the newest version in one transaction. After an error the transaction may still be open: close the
 * database.
 * @throws {SchemaError} if the file is of another program or of a newer version.
 */
export function migrate(db: DatabaseSync, schema: Schema): void {
  const { applicationId, steps, afterSteps } = schema;
  db.exec("BEGIN EXCLUSIVE");
  if (!isEmpty(db)) checkSchema(db, schema);
  // An up-to-date file is not written to, so that it can still be read on a full disk.
  if (isOutdated(db, schema)) {
    for (const step of steps.slice(readPragma(db, "user_version"))) db.exec(step);
    db.exec(`PRAGMA user_version = ${steps.length}`);
    db.exec(`PRAGMA application_id = ${applicationId}`);
    afterSteps?.(db);
  }
  db.exec("COMMIT");
}

/** Checks that a file has this schema, in this version or an earlier one. @throws {SchemaError} */
export function checkSchema(db: DatabaseSync, { applicationId, steps, subject }: Schema): void {
  if (readPragma(db, "application_id") !== applicationId) {
    throw new SchemaError("foreign", `${subject} was created by another program`);
  }
  const version = readPragma(db, "user_version");
  if (version <= steps.length) return;
  throw new SchemaError(
    "newer",
    `${subject} has version ${version}, newer than this program's ${steps.length}. ` +
      "Use the newer program",
  );
}

/** Returns whether {@linkcode migrate} would change the file. */
export function isOutdated(db: DatabaseSync, { steps }: Schema): boolean {
  return readPragma(db, "user_version") < steps.length;
}

/**
 * Writes the WAL into the file and truncates it, so that nothing deleted is left in it. Does not wait. Returns whether it
 * could: it cannot while another process reads what the WAL has, nor within a transaction.
 */
export function emptyWal(db: DatabaseSync): boolean {
  db.exec("PRAGMA busy_timeout = 0");
  try {
    return db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.["busy"] === 0;
  } catch {
    return false; // within a transaction, or a disk fault that the next commit will report
  } finally {
    db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  }
}

/** Maximum sizes of a database and of its write-ahead log (WAL), in bytes. */
export interface FileBounds {
  readonly fileBytes: number;
  /** Size at which SQLite writes the WAL into the database, at most its default. One transaction may exceed it. */
  readonly walBytes: number;
}

/** Bounds the files of a database. A database that is already larger does not grow. */
export function boundFiles(db: DatabaseSync, { fileBytes, walBytes }: FileBounds): void {
  const pageBytes = readPragma(db, "page_size");
  const walPages = Math.min(Math.floor(walBytes / pageBytes), WAL_PAGES);
  db.exec(`PRAGMA max_page_count = ${Math.floor(fileBytes / pageBytes)}`);
  db.exec(`PRAGMA wal_autocheckpoint = ${walPages}`);
}

/** Returns the pages of a database in use. Free pages do not count. */
export function countPages(db: DatabaseSync): { used: number; all: number; max: number } {
  const all = readPragma(db, "page_count");
  const max = readPragma(db, "max_page_count");
  return { used: all - readPragma(db, "freelist_count"), all, max };
}

/** Prepares each statement of a table of SQL. */
export function prepareAll<Name extends string>(
  db: DatabaseSync,
  sql: Readonly<Record<Name, string>>,
): Prepared<Name> {
  const statements = Object.entries<string>(sql).map(([name, text]) => [name, db.prepare(text)]);
  return Object.fromEntries(statements);
}

/** Returns whether nothing was ever stored. Setting a pragma may have written the first page. */
function isEmpty(db: DatabaseSync): boolean {
  return readPragma(db, "user_version") === 0 && readPragma(db, "page_count") <= 1;
}

function readPragma(db: DatabaseSync, name: string): number {
  return db.prepare(`PRAGMA ${name}`).get()![name] as number;
}

/** SQLite's result codes for faults of a single row: too big, a violated constraint, a wrong type. */
const ROW_FAULTS = new Set([18, 19, 20]);

/** Reports whether a row caused the error by what it is. Any other error, such as a full disk, may have another cause. */
export function isRowFault(error: unknown): boolean {
  const { code, errcode } = error as { code?: string; errcode?: number };
  if (errcode !== undefined) return ROW_FAULTS.has(errcode & 0xff);
  return code !== "ERR_SQLITE_ERROR"; // a value that cannot be bound, or an error of the caller
}
