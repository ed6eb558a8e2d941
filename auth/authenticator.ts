// Authenticates requests by the password, the operator key, a session's cookie or an invite. The server asks it before a
// request reads from a room or writes to one. It knows no HTTP.
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { ChatError } from "../protocol/errors.ts";
import { type Clock, SYSTEM_CLOCK } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { networksOf } from "../base/ip_address.ts";
import { Buckets } from "../base/rate_limit.ts";
import { sha256 } from "../base/sha256.ts";
import { ANYONE, type Principal } from "./principal.ts";
import { GuessQueue } from "./guess_queue.ts";
import { type SessionConnection, SessionConnections } from "./session_connections.ts";
import { fingerprint, Password } from "./password.ts";
import {
  inviteSession,
  type ListedInvite,
  type Role,
  type SessionStore,
  type SignInSession,
} from "./session_store.ts";
import { Throttle } from "./login_throttle.ts";

const TOKEN_BYTES = 32;

/** Prefix of an invite's token. The whole token has a shape that no password has by chance. */
const INVITE_PREFIX = "inv_";
const INVITE_TOKEN = /^inv_[\w-]{43}$/;

/** Minimum bytes of a secret that nobody can guess at the speed of the network. A shorter one needs the throttle. */
const UNGUESSABLE_BYTES = 16;

/** Sessions that one address may begin. They are limited because each is written to the disk. */
const SESSION_RATE = { perS: 1, burst: 30 };

/** Key of all clients whose address is not known: they share one rate. */
const UNKNOWN_ADDRESS = "unknown";

/** Addresses whose session rate is tracked at a time. */
const MAX_SESSION_RATES = 10_000;

/** Secrets that a request carries. */
export interface Credentials {
  /** The password, the operator key or an invite's token. */
  readonly bearer: string | undefined;
  /** Tokens that may be a session's. Only one is expected, but others may have set more. */
  readonly cookies: readonly string[];
}

/** Result of authenticating a request. */
export interface Identity {
  readonly principal: Principal;
  /** Credential that was accepted; undefined if none was required. */
  readonly role: Role | undefined;
  /** Cookie that alone authenticates it, if one does. Browsers also send cookies with requests that other sites' pages make. */
  readonly cookie: string | undefined;
}

/** A session, with the cookie by which it was found. */
type FoundSession = SignInSession & { readonly id: string; readonly cookie: string };

export interface AuthenticatorOptions {
  /** Undefined: anybody may use the server. */
  readonly password: string | undefined;
  /** Undefined: there are no operators. */
  readonly operatorKey: string | undefined;
  readonly store: SessionStore;
  readonly log: Log;
  readonly clock?: Clock;
  /** Cost of the hash on disk: N of scrypt. Default `HASH_COST`. */
  readonly hashCost?: number;
  /** Order in which guesses are drawn. Default: random. */
  readonly random?: () => number;
}

/** Authenticates requests, and manages sessions and invites. */
export class Authenticator implements Disposable {
  readonly #secrets: readonly { readonly role: Role; readonly password: Password }[];
  readonly #isOpen: boolean;
  readonly #store: SessionStore;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #throttle: Throttle;
  readonly #connections = new SessionConnections();
  readonly #guessQueue: GuessQueue<Role>;
  readonly #sessionRates = new Buckets(SESSION_RATE, MAX_SESSION_RATES);

  /** Owns the store from then on. Ends sessions that began with a secret that has changed or is no longer set. */
  constructor(
    { password, operatorKey, store, log, clock = SYSTEM_CLOCK, hashCost, random }:
      AuthenticatorOptions,
  ) {
    this.#isOpen = password === undefined;
    this.#store = store;
    this.#log = log;
    this.#clock = clock;
    this.#throttle = new Throttle(clock.now);
    this.#guessQueue = new GuessQueue({ ...random ? { random } : {} });
    const texts: [Role, string | undefined][] = [["operator", operatorKey], ["member", password]];
    this.#secrets = texts.flatMap(([role, text]) => {
      if (text !== undefined) return { role, password: this.#createPassword(role, text, hashCost) };
      store.forgetVerifier(role);
      return [];
    });
  }

  /**
   * Authenticates a request from an address.
   * @throws {ChatError} `sign_in_first`, `wrong_password`, `too_many_attempts`, `bad_invite`.
   */
  async authenticate({ bearer, cookies }: Credentials, address: string): Promise<Identity> {
    if (bearer !== undefined) return await this.#authenticateBearer(bearer, address);
    const session = this.#findSession(cookies);
    if (session) {
      const { role, room, id: sessionId, cookie } = session;
      return { principal: { room, isOperator: role === "operator", sessionId }, role, cookie };
    }
    if (!this.#isOpen) throw new ChatError("sign_in_first");
    return { principal: ANYONE, role: undefined, cookie: undefined };
  }

  /**
   * Begins a session with the password or the operator key. Resolves with its token.
   * @throws {ChatError} as `authenticate`, and `too_many_sessions`.
   */
  async signIn(secret: string, address: string): Promise<string> {
    const role = await this.#findRole(secret, address);
    return this.#beginSession({ role, room: undefined }, address);
  }

  /**
   * Returns the room of an invite, and the token of a new session for it. Begins no session for a preview, or if the
   * session of a cookie already has access to that room: it may have more rights than a guest's.
   * @throws {ChatError} `bad_invite`, `too_many_attempts`, `too_many_sessions`.
   */
  acceptInvite(
    token: string,
    { cookies, address, isPreview }: {
      cookies: readonly string[];
      address: string;
      isPreview: boolean;
    },
  ): { room: string | undefined; session: string | undefined; hasAccess: boolean } {
    const { id, room } = this.#findInvite(token);
    const current = this.#findSession(cookies);
    const hasAccess = current !== undefined && [undefined, room].includes(current.room);
    const session = isPreview || hasAccess
      ? undefined
      : this.#beginSession({ role: "guest", room, invite: id }, address);
    return { room, session, hasAccess };
  }

  /** Ends the sessions of the cookies, and closes their connections. */
  signOut(cookies: readonly string[]): void {
    for (const sessionId of cookies.map(hash)) {
      this.#store.endSession(sessionId);
      this.#connections.close(sessionId);
    }
  }

  /** Creates an invite for a room, or for all rooms. Its token cannot be read again later. */
  createInvite({ room, lastsMs }: { room: string | undefined; lastsMs: number }) {
    const token = INVITE_PREFIX + makeToken();
    const expiresAt = this.#clock.date() + lastsMs;
    const id = this.#store.addInvite(hash(token), { room, expiresAt }, this.#clock.date());
    return { id, room, expiresAt, token };
  }

  /** Lists the invites that can be used, and those that have live sessions. */
  listInvites(): ListedInvite[] {
    return this.#store.listInvites(this.#clock.date());
  }

  /** Ends an invite and its sessions, and closes their connections. Returns false if there is no such invite. */
  revoke(id: number): boolean {
    const sessions = this.#store.endInvite(id);
    for (const sessionId of [inviteSession(id), ...sessions ?? []]) {
      this.#connections.close(sessionId);
    }
    return sessions !== undefined;
  }

  /** Closes a connection when its session ends. Returns a function that stops tracking it. */
  trackConnection({ sessionId }: Principal, connection: SessionConnection): () => void {
    if (sessionId === undefined) return () => {};
    // The session may have ended since the request was authenticated.
    if (this.#store.isLive(sessionId)) return this.#connections.add(sessionId, connection);
    connection.leave("signed_out");
    return () => {};
  }

  [Symbol.dispose](): void {
    this.#guessQueue[Symbol.dispose]();
    this.#store[Symbol.dispose]();
  }

  /** Keeps the stored verifier if the secret is unchanged. Otherwise stores a new one, which ends the secret's sessions. */
  #createPassword(role: Role, text: string, cost: number | undefined): Password {
    const earlier = this.#store.findVerifier(role);
    const password = new Password(text, { earlier, cost });
    if (password.verifier === earlier) return password;
    const changed = new Password(text, { cost });
    this.#store.putVerifier(role, changed.verifier);
    return changed;
  }

  async #authenticateBearer(bearer: string, address: string): Promise<Identity> {
    if (INVITE_TOKEN.test(bearer)) {
      const { id, room } = this.#findInvite(bearer);
      const principal = { room, isOperator: false, sessionId: inviteSession(id) };
      return { principal, role: "guest", cookie: undefined };
    }
    const role = await this.#findRole(bearer, address);
    const isOperator = role === "operator";
    return { principal: { ...ANYONE, isOperator }, role, cookie: undefined };
  }

  /** Returns the session with the most rights: a cookie that somebody else has set takes none away. */
  #findSession(cookies: readonly string[]): FoundSession | undefined {
    let found: FoundSession | undefined;
    for (const cookie of cookies) {
      const id = hash(cookie);
      const session = this.#store.findSession(id, this.#clock.date());
      if (session && (!found || rankOf(session) > rankOf(found))) {
        found = { ...session, id, cookie };
      }
    }
    return found;
  }

  #findInvite(token: string): { id: number; room: string | undefined } {
    const invite = this.#store.findInvite(hash(token), this.#clock.date());
    if (!invite) throw new ChatError("bad_invite");
    return invite;
  }

  /** @throws {ChatError} `wrong_password`, `too_many_attempts`. */
  async #findRole(secret: string, address: string): Promise<Role> {
    const key = `${address} ${fingerprint(secret).toString("hex")}`;
    const isTrusted = this.#throttle.isTrusted(key);
    // A flood of guesses from elsewhere keeps nobody waiting at an address where a secret was right lately.
    const isKnown = isTrusted || this.#throttle.isTrusted(address);
    const networks = isKnown ? [address] : networksOf(address);
    const compare = () => this.#compare(secret, { networks, isTrusted });
    if (!isKnown) this.#throttle.check(networks); // a throttled guess needs no place in the queue
    const role = isKnown ? compare() : await this.#guessQueue.check(networks, compare);
    if (role) {
      this.#throttle.trust(address);
      if (Buffer.byteLength(secret) >= UNGUESSABLE_BYTES) this.#throttle.trust(key);
      return role;
    }
    this.#log("warn", "wrong password", { remote: address });
    throw new ChatError("wrong_password");
  }

  /** Returns the role of a secret; undefined for a wrong one, which it counts. @throws {ChatError} `too_many_attempts`. */
  #compare(
    secret: string,
    { networks, isTrusted }: { readonly networks: readonly string[]; readonly isTrusted: boolean },
  ): Role | undefined {
    // Throttle before comparing. Otherwise a throttled attacker would learn at once that a guess was right.
    if (!isTrusted) this.#throttle.check(networks);
    const found = this.#secrets.find(({ password }) => password.isRight(secret));
    if (!found) this.#throttle.count(networks);
    return found?.role;
  }

  /** @throws {ChatError} `too_many_attempts`, `too_many_sessions`. */
  #beginSession(session: SignInSession & { invite?: number }, address: string): string {
    const message = "Too many sign-ins from this address";
    this.#sessionRates.takeOrThrow(address || UNKNOWN_ADDRESS, {
      nowMs: this.#clock.now(),
      makeError: (retryAfterMs) => new ChatError("too_many_attempts", { message, retryAfterMs }),
    });
    const token = makeToken();
    const evicted = this.#store.addSession(hash(token), session, this.#clock.date());
    if (evicted !== undefined) this.#connections.close(evicted);
    return token;
  }
}

/** Returns a number that is larger for a session with more rights. */
function rankOf({ role, room }: SignInSession): number {
  if (role !== "guest") return role === "operator" ? 3 : 2;
  return room === undefined ? 1 : 0;
}

function makeToken(): string {
  return randomBytes(TOKEN_BYTES).toString("base64url");
}

/** Returns the hash under which a token is stored. Tokens are random enough to need no salt. */
function hash(token: string): string {
  return sha256(token).toString("hex");
}
