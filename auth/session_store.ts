// Stores sessions and invites on disk, in access.db beside the journal, so that they outlive the process. Tokens are stored
// as hashes, with which nobody can sign in. Calls are rare and quick, so they are synchronous; each change is on disk when its
// call returns.
import type { DatabaseSync } from "node:sqlite";
import { ChatError } from "../protocol/errors.ts";
import { makePrivateFile } from "../base/private_file.ts";
import {
  boundFiles,
  countPages,
  migrate,
  openDatabase,
  type Pragmas,
  prepareAll,
  type Prepared,
  type Schema,
  SchemaError,
} from "../base/sqlite.ts";

const FILE_NAME = "access.db";

/** Settings of access.db. Without `FULL` a power cut might undo a sign-out. */
const PRAGMAS: Pragmas = {
  locking_mode: "EXCLUSIVE",
  journal_mode: "WAL",
  synchronous: "FULL",
};

/** Time after its last use when a session expires. */
export const SESSION_MS = 30 * 24 * 3_600_000;

/**
 * Sessions that began with one invite, and with the password or the operator key, so that a leaked link cannot fill the disk.
 * Beyond it the oldest session that was never used ends. If there is none, the new one is refused: nobody is signed out.
 */
const MAX_INVITE_SESSIONS = 1_000;
const MAX_SECRET_SESSIONS = 10_000;

/** Parts of the store's limit for the file, and for the WAL before SQLite writes it into the file. One transaction may add both. */
const FILE_SHARE = 0.25;
const WAL_SHARE = 0.25;

/** Part of the file that new sessions and invites may fill. The rest is for changes of those that exist. */
const GROWTH_SHARE = 0.8;

/** Shortest time between two updates of a session's `used_at`. */
const TOUCH_PERIOD_MS = 3_600_000;

/** Expired rows that one change also removes, at most. */
const MAX_PRUNED = 100;

const TABLES = `
  CREATE TABLE verifiers (role TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE sessions (
    id TEXT PRIMARY KEY, role TEXT NOT NULL, room TEXT, invite INTEGER, used_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX sessions_by_use ON sessions (used_at);
  CREATE INDEX sessions_by_invite ON sessions (invite);

  -- An id is never used again: sockets are known by it.
  CREATE TABLE invites (
    id INTEGER PRIMARY KEY AUTOINCREMENT, hash TEXT NOT NULL UNIQUE, room TEXT,
    expires_at INTEGER NOT NULL
  );
`;

/** Sessions from before this step count as used. */
const USED_COLUMN = `
  ALTER TABLE sessions ADD COLUMN is_used INTEGER NOT NULL DEFAULT 1;
`;

/** The schema of access.db. Its application id reads "Cacc". A released step never changes. */
export const SESSION_SCHEMA: Schema = {
  applicationId: 0x43616363,
  steps: [TABLES, USED_COLUMN],
  subject: "it",
};

const SQL = {
  findVerifier: "SELECT value FROM verifiers WHERE role = ?",
  putVerifier: "INSERT INTO verifiers VALUES (?, ?)",
  forgetVerifier: "DELETE FROM verifiers WHERE role = ?",
  endRole: "DELETE FROM sessions WHERE role IN (?, 'guest')",
  endInvites: "DELETE FROM invites",
  addSession:
    "INSERT INTO sessions (id, role, room, invite, used_at, is_used) VALUES (?, ?, ?, ?, ?, 0)",
  findSession: "SELECT role, room, used_at, is_used FROM sessions WHERE id = ? AND used_at > ?",
  touchSession: "UPDATE sessions SET used_at = ?, is_used = 1 WHERE id = ?",
  isLive: `SELECT EXISTS (SELECT 1 FROM sessions WHERE id = ?1)
    OR EXISTS (SELECT 1 FROM invites WHERE ?1 = '${inviteSession("")}' || id) AS live`,
  endSession: "DELETE FROM sessions WHERE id = ?",
  countSessions: `SELECT count(*) AS count FROM sessions
    WHERE invite IS ? AND role = ? AND used_at > ?`,
  endUnused: `DELETE FROM sessions WHERE id = (SELECT id FROM sessions
    WHERE invite IS ? AND role = ? AND is_used = 0 ORDER BY used_at LIMIT 1) RETURNING id`,
  pruneSessions: `DELETE FROM sessions WHERE id IN
    (SELECT id FROM sessions WHERE used_at <= ? ORDER BY used_at LIMIT ${MAX_PRUNED})`,
  addInvite: "INSERT INTO invites (hash, room, expires_at) VALUES (?, ?, ?) RETURNING id",
  findInvite: "SELECT id, room FROM invites WHERE hash = ? AND expires_at > ?",
  listInvites: `SELECT id, room, expires_at,
      (SELECT count(*) FROM sessions WHERE invite = invites.id AND used_at > ?1) AS sessions
    FROM invites WHERE expires_at > ?2 OR sessions > 0 ORDER BY id`,
  endInvite: "DELETE FROM invites WHERE id = ?",
  endGuests: "DELETE FROM sessions WHERE invite = ? RETURNING id",
  pruneInvites: `DELETE FROM invites WHERE id IN
    (SELECT id FROM invites WHERE expires_at <= ? AND NOT EXISTS
      (SELECT 1 FROM sessions WHERE invite = invites.id) LIMIT ${MAX_PRUNED})`,
} as const;

/** Credential behind a session: the password (`member`), the operator key or an invite (`guest`). */
export type Role = "member" | "operator" | "guest";

export interface SignInSession {
  readonly role: Role;
  /** The only room that the session may use; undefined for every room. */
  readonly room: string | undefined;
}

export interface Invite {
  readonly id: number;
  readonly room: string | undefined;
}

/** An invite that has not expired, or has live sessions. */
export interface ListedInvite extends Invite {
  readonly expiresAt: number;
  /** Number of live sessions that began with it. */
  readonly sessions: number;
}

/** Returns the session id of clients that send an invite's token with each request. */
export function inviteSession(id: number | string): string {
  return `invite ${id}`;
}

/**
 * Opens the store in the journal's folder, which must exist, or in memory if there is no folder.
 * @param options maximum size of its files in bytes
 * @throws {ChatError} `data_unavailable`
 */
export function openSessionStore(
  folder: string | undefined,
  { maxBytes = Infinity }: { maxBytes?: number } = {},
): SessionStore {
  if (folder === undefined) {
    return new SessionStore(openDatabase(":memory:", { pragmas: PRAGMAS }));
  }
  const path = `${folder}/${FILE_NAME}`;
  let db: DatabaseSync | undefined;
  try {
    makePrivateFile(path);
    db = openDatabase(path, { pragmas: PRAGMAS });
    if (maxBytes !== Infinity) {
      boundFiles(db, { fileBytes: maxBytes * FILE_SHARE, walBytes: maxBytes * WAL_SHARE });
    }
    return new SessionStore(db);
  } catch (cause) {
    db?.close();
    const reason = cause instanceof SchemaError
      ? "it was created by another program or a newer version"
      : (cause as Error).message;
    const message = `Cannot use "${path}": ${reason}`;
    throw new ChatError("data_unavailable", { cause, message });
  }
}

/** Stores sessions, invites and the verifiers of secrets in an SQLite database. */
export class SessionStore implements Disposable {
  readonly #db: DatabaseSync;
  readonly #sql: Prepared<keyof typeof SQL>;

  /** Migrates the database. Owns it from then on, and closes it when disposed. */
  constructor(db: DatabaseSync) {
    migrate(db, SESSION_SCHEMA);
    this.#db = db;
    this.#sql = prepareAll(db, SQL);
  }

  /** Returns what was stored of the role's secret; undefined if there was no secret. */
  findVerifier(role: Role): string | undefined {
    return this.#sql.findVerifier.get(role)?.["value"] as string | undefined;
  }

  /** Stores a new secret's verifier. Ends all sessions that began with the previous secret. */
  putVerifier(role: Role, verifier: string): void {
    this.forgetVerifier(role);
    this.#sql.putVerifier.run(role, verifier);
  }

  /**
   * Ends the sessions that began with the role's secret, and all invites: anybody who knew the secret may have created them.
   * Does nothing if no secret was stored.
   */
  forgetVerifier(role: Role): void {
    if (this.findVerifier(role) === undefined) return;
    this.#sql.endRole.run(role);
    this.#sql.endInvites.run();
    this.#sql.forgetVerifier.run(role); // last: if the process ends before, the next one repeats all three
  }

  /**
   * Stores a session. Returns the id of the session that it evicts; undefined for none.
   * @throws {ChatError} `too_many_sessions` or `data_full`
   */
  addSession(
    id: string,
    { role, room, invite }: SignInSession & { invite?: number },
    now: number,
  ): string | undefined {
    this.#prune(now);
    this.#checkSpace();
    const origin = [invite ?? null, role] as const;
    const max = invite === undefined ? MAX_SECRET_SESSIONS : MAX_INVITE_SESSIONS;
    const { count } = this.#sql.countSessions.get(...origin, now - SESSION_MS)!;
    const evicted = Number(count) < max ? undefined : this.#sql.endUnused.get(...origin);
    if (Number(count) >= max && !evicted) throw new ChatError("too_many_sessions");
    this.#sql.addSession.run(id, role, room ?? null, invite ?? null, now);
    return evicted?.["id"] as string | undefined;
  }

  /** Returns a session and records its use; undefined if there is none or it has expired. */
  findSession(id: string, now: number): SignInSession | undefined {
    const row = this.#sql.findSession.get(id, now - SESSION_MS);
    if (!row) return undefined;
    // A use in the future was recorded while the date was wrong. Kept, it would delay the session's end.
    const isRecent = Math.abs(now - Number(row["used_at"])) <= TOUCH_PERIOD_MS;
    if (!isRecent || row["is_used"] === 0) this.#sql.touchSession.run(now, id);
    return { role: row["role"] as Role, room: row["room"] as string ?? undefined };
  }

  /** Returns whether a session exists, or the invite whose token is used as one. */
  isLive(sessionId: string): boolean {
    return this.#sql.isLive.get(sessionId)!["live"] === 1;
  }

  /** Ends a session, if it exists. */
  endSession(id: string): void {
    this.#sql.endSession.run(id);
  }

  /** Stores an invite and returns its id. @throws {ChatError} `data_full` */
  addInvite(
    hash: string,
    { room, expiresAt }: Pick<ListedInvite, "room" | "expiresAt">,
    now: number,
  ): number {
    this.#prune(now);
    this.#checkSpace();
    return Number(this.#sql.addInvite.get(hash, room ?? null, expiresAt)!["id"]);
  }

  /** Returns an invite by the hash of its token; undefined if there is none or it has expired. */
  findInvite(hash: string, now: number): Invite | undefined {
    const row = this.#sql.findInvite.get(hash, now);
    return row && { id: Number(row["id"]), room: row["room"] as string ?? undefined };
  }

  /** Lists the invites that can be used, and those that have live sessions. */
  listInvites(now: number): ListedInvite[] {
    return this.#sql.listInvites.all(now - SESSION_MS, now).map((row) => ({
      id: Number(row["id"]),
      room: row["room"] as string ?? undefined,
      expiresAt: Number(row["expires_at"]),
      sessions: Number(row["sessions"]),
    }));
  }

  /** Ends an invite and its sessions. Returns the ids of the sessions; undefined if there is no such invite. */
  endInvite(id: number): string[] | undefined {
    if (Number(this.#sql.endInvite.run(id).changes) === 0) return undefined;
    return this.#sql.endGuests.all(id).map((row) => row["id"] as string);
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  #checkSpace(): void {
    const { used, max } = countPages(this.#db);
    if (used > max * GROWTH_SHARE) throw new ChatError("data_full");
  }

  /** Removes some expired sessions and invites. */
  #prune(now: number): void {
    this.#sql.pruneSessions.run(now - SESSION_MS);
    this.#sql.pruneInvites.run(now);
  }
}
