// Sessions and invites on disk, so that they outlive the process: access.db beside the journal. Tokens are stored as hashes,
// from which nobody can sign in. Rare and quick, so synchronous; each change is on disk when its call returns.
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { ChatError } from "../protocol/errors.ts";
import { makePrivateFile } from "../base/private_file.ts";

const FILE_NAME = "access.db";

/** Marks the file as Confab's: "Cacc". */
const APPLICATION_ID = 0x43616363;
const VERSION = 1;

/** A session ends when it was not used for so long. */
export const SESSION_MS = 30 * 24 * 3_600_000;

/** Of one invite. Beyond it the one that was not used for the longest ends: whoever has the link could fill the disk. */
const MAX_SESSIONS = 1_000;

/** That it is used is noted once in this time. */
const TOUCH_PERIOD_MS = 3_600_000;

/** Rows that one change removes besides, of those that have expired. */
const MAX_PRUNED = 100;

const SCHEMA = `
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

const SQL = {
  findVerifier: "SELECT value FROM verifiers WHERE role = ?",
  putVerifier: "INSERT INTO verifiers VALUES (?, ?)",
  forgetVerifier: "DELETE FROM verifiers WHERE role = ?",
  endRole: "DELETE FROM sessions WHERE role IN (?, 'guest')",
  endInvites: "DELETE FROM invites",
  addSession: "INSERT INTO sessions (id, role, room, invite, used_at) VALUES (?, ?, ?, ?, ?)",
  findSession: "SELECT role, room, used_at FROM sessions WHERE id = ? AND used_at > ?",
  touchSession: "UPDATE sessions SET used_at = ? WHERE id = ?",
  isLive: `SELECT EXISTS (SELECT 1 FROM sessions WHERE id = ?1)
    OR EXISTS (SELECT 1 FROM invites WHERE ?1 = '${inviteSession("")}' || id) AS live`,
  endSession: "DELETE FROM sessions WHERE id = ?",
  endOldest: `DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE invite = ?
    ORDER BY used_at DESC LIMIT -1 OFFSET ${MAX_SESSIONS - 1}) RETURNING id`,
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

/** By what somebody was let in: the password, the operator key, or an invite. */
export type Role = "member" | "operator" | "guest";

export interface SignInSession {
  readonly role: Role;
  /** The only room that it is for; undefined for every room. */
  readonly room: string | undefined;
}

export interface Invite {
  readonly id: number;
  readonly room: string | undefined;
}

/** One that can be used, or has been. */
export interface ListedInvite extends Invite {
  readonly expiresAt: number;
  /** How many use what it let them into. */
  readonly sessions: number;
}

/** Stands for the session of those who show an invite's token with each request. */
export function inviteSession(id: number | string): string {
  return `invite ${id}`;
}

/**
 * Opens the store in the journal's folder, which is there; without a folder in memory.
 * @throws {ChatError} `data_unavailable`
 */
export function openSessionStore(folder: string | undefined): SessionStore {
  if (folder === undefined) return new SessionStore(new DatabaseSync(":memory:"));
  const path = `${folder}/${FILE_NAME}`;
  let db: DatabaseSync | undefined;
  try {
    makePrivateFile(path);
    db = new DatabaseSync(path);
    return new SessionStore(db);
  } catch (cause) {
    db?.close();
    const message = `Cannot use "${path}": ${(cause as Error).message}`;
    throw new ChatError("data_unavailable", { cause, message });
  }
}

export class SessionStore implements Disposable {
  readonly #db: DatabaseSync;
  readonly #sql: Readonly<Record<keyof typeof SQL, StatementSync>>;

  /** Takes the database over, and closes it when disposed. */
  constructor(db: DatabaseSync) {
    db.exec("PRAGMA locking_mode = EXCLUSIVE");
    db.exec("PRAGMA journal_mode = WAL");
    db.exec("PRAGMA synchronous = FULL"); // or a power cut might undo a sign-out
    createTables(db);
    this.#db = db;
    const statements = Object.entries(SQL).map(([name, sql]) => [name, db.prepare(sql)]);
    this.#sql = Object.fromEntries(statements);
  }

  findVerifier(role: Role): string | undefined {
    return this.#sql.findVerifier.get(role)?.["value"] as string | undefined;
  }

  /** Another secret ends what the one before let in. */
  putVerifier(role: Role, verifier: string): void {
    this.forgetVerifier(role);
    this.#sql.putVerifier.run(role, verifier);
  }

  /** Ends the sessions by this secret, and all invites: who knew it may have made them. Where there was none, nothing. */
  forgetVerifier(role: Role): void {
    if (this.findVerifier(role) === undefined) return;
    this.#sql.endRole.run(role);
    this.#sql.endInvites.run();
    this.#sql.forgetVerifier.run(role); // last: if the process ends before, the next one does it all again
  }

  /** Gives the ids of those that end by it. */
  addSession(
    id: string,
    { role, room, invite }: SignInSession & { invite?: number },
    now: number,
  ): string[] {
    this.#prune(now);
    const ended = invite === undefined ? [] : this.#sql.endOldest.all(invite);
    this.#sql.addSession.run(id, role, room ?? null, invite ?? null, now);
    return ended.map((row) => row["id"] as string);
  }

  /** The session, and that it is used; undefined when there is none, or no longer. */
  findSession(id: string, now: number): SignInSession | undefined {
    const row = this.#sql.findSession.get(id, now - SESSION_MS);
    if (!row) return undefined;
    if (now - Number(row["used_at"]) > TOUCH_PERIOD_MS) this.#sql.touchSession.run(now, id);
    return { role: row["role"] as Role, room: row["room"] as string ?? undefined };
  }

  /** Whether a session is there, or the invite that stands for one. */
  isLive(sessionId: string): boolean {
    return this.#sql.isLive.get(sessionId)!["live"] === 1;
  }

  endSession(id: string): void {
    this.#sql.endSession.run(id);
  }

  /** Gives its id. */
  addInvite(
    hash: string,
    { room, expiresAt }: Pick<ListedInvite, "room" | "expiresAt">,
    now: number,
  ): number {
    this.#prune(now);
    return Number(this.#sql.addInvite.get(hash, room ?? null, expiresAt)!["id"]);
  }

  /** The invite; undefined when there is none, or no longer. */
  findInvite(hash: string, now: number): Invite | undefined {
    const row = this.#sql.findInvite.get(hash, now);
    return row && { id: Number(row["id"]), room: row["room"] as string ?? undefined };
  }

  /** Those that can be used, and those that somebody uses. */
  listInvites(now: number): ListedInvite[] {
    return this.#sql.listInvites.all(now - SESSION_MS, now).map((row) => ({
      id: Number(row["id"]),
      room: row["room"] as string ?? undefined,
      expiresAt: Number(row["expires_at"]),
      sessions: Number(row["sessions"]),
    }));
  }

  /** Ends an invite and its sessions, of which it gives the ids; undefined when there is no such invite. */
  endInvite(id: number): string[] | undefined {
    if (Number(this.#sql.endInvite.run(id).changes) === 0) return undefined;
    return this.#sql.endGuests.all(id).map((row) => row["id"] as string);
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  #prune(now: number): void {
    this.#sql.pruneSessions.run(now - SESSION_MS);
    this.#sql.pruneInvites.run(now);
  }
}

/** @throws when the file is of a newer version, or of another program. */
function createTables(db: DatabaseSync): void {
  const read = (name: string) => Number(db.prepare(`PRAGMA ${name}`).get()![name]);
  const version = read("user_version");
  if (version === VERSION && read("application_id") === APPLICATION_ID) return;
  if (version > 0 || read("page_count") > 1) {
    throw new Error("it was created by another program or a newer version");
  }
  db.exec(`BEGIN EXCLUSIVE; ${SCHEMA}
    PRAGMA user_version = ${VERSION};
    PRAGMA application_id = ${APPLICATION_ID};
    COMMIT`);
}
