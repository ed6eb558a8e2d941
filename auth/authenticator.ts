// Who may come in: knows the password, the operator key, the sessions and the invites, and says of each request who it is.
// Asked by the server before anything that a room gives or takes. Knows no HTTP.
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { ChatError } from "../protocol/errors.ts";
import type { Log } from "../base/log.ts";
import { Buckets } from "../base/rate_limit.ts";
import { sha256 } from "../base/sha256.ts";
import { ANYONE, type Principal } from "./principal.ts";
import { GuessQueue } from "./guess_queue.ts";
import { type SessionConnection, SessionConnections } from "./session_connections.ts";
import { Password, remember } from "./password.ts";
import {
  inviteSession,
  type ListedInvite,
  type Role,
  type SessionStore,
  type SignInSession,
} from "./session_store.ts";
import { Throttle } from "./login_throttle.ts";

const TOKEN_BYTES = 32;

/** What an invite's token begins with. The whole of it has a shape that no password has by chance. */
const INVITE_PREFIX = "inv_";
const INVITE_TOKEN = /^inv_[\w-]{43}$/;

/** A secret of so many bytes is not found by guessing as fast as the network lets one. A shorter one needs the throttle. */
const UNGUESSABLE_BYTES = 16;

/** Sessions that may begin from an address: so many at once, and so many a second. Each is written to the disk. */
const BEGIN_RATE = { perS: 1, burst: 30 };
const MAX_BEGINNERS = 10_000;

/** Key of all clients whose address is not known: they share one rate. */
const UNKNOWN_ADDRESS = "unknown";

/** What a request shows to be let in. */
export interface Credentials {
  /** The password, the operator key or an invite's token. */
  readonly bearer: string | undefined;
  /** A session's token. */
  readonly cookie: string | undefined;
}

/** Who makes a request. */
export interface Identity {
  readonly principal: Principal;
  /** By what it was let in; undefined where nothing was asked for. */
  readonly role: Role | undefined;
  /** Whether a cookie alone says so, which a browser also sends where another site's page has it ask. */
  readonly isByCookie: boolean;
}

export interface AuthenticatorOptions {
  /** Undefined lets everybody in. */
  readonly password: string | undefined;
  /** Undefined for no operators. */
  readonly operatorKey: string | undefined;
  readonly store: SessionStore;
  readonly log: Log;
  readonly now?: () => number;
  /** Of a guess: N of scrypt. `HASH_COST` unless told otherwise. */
  readonly hashCost?: number;
}

export class Authenticator implements Disposable {
  readonly #secrets: readonly { readonly role: Role; readonly password: Password }[];
  readonly #isOpen: boolean;
  readonly #store: SessionStore;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #throttle: Throttle;
  readonly #connections = new SessionConnections();
  readonly #guessQueue = new GuessQueue<Role | undefined>();
  readonly #beginnings = new Buckets(BEGIN_RATE, MAX_BEGINNERS);

  /** Takes the store over. What was signed in with a secret that is another one now, or none, is signed out. */
  constructor(
    { password, operatorKey, store, log, now = Date.now, hashCost }: AuthenticatorOptions,
  ) {
    this.#isOpen = password === undefined;
    this.#store = store;
    this.#log = log;
    this.#now = now;
    this.#throttle = new Throttle(now);
    const texts: [Role, string | undefined][] = [["operator", operatorKey], ["member", password]];
    this.#secrets = texts.flatMap(([role, text]) => {
      if (text !== undefined) return { role, password: this.#open(role, text, hashCost) };
      store.forgetVerifier(role);
      return [];
    });
  }

  /**
   * Who that is, from which address.
   * @throws {ChatError} `sign_in_first`, `wrong_password`, `too_many_attempts`, `bad_invite`.
   */
  async identify({ bearer, cookie }: Credentials, address: string): Promise<Identity> {
    if (bearer !== undefined) return await this.#identifyBearer(bearer, address);
    const session = this.#findSession(cookie);
    if (session) {
      const { role, room, id: sessionId } = session;
      return {
        principal: { room, isOperator: role === "operator", sessionId },
        role,
        isByCookie: true,
      };
    }
    if (!this.#isOpen) throw new ChatError("sign_in_first");
    return { principal: ANYONE, role: undefined, isByCookie: false };
  }

  /** Begins a session with the password or the operator key, and gives its token. @throws {ChatError} as `identify`. */
  async signIn(secret: string, address: string): Promise<string> {
    const role = await this.#findRole(secret, address);
    return this.#begin({ role, room: undefined }, address);
  }

  /**
   * The room that an invite's token is for, and a session begun with it: none where it is to be looked at only, or where the
   * cookie's session leads there as well, for that may be more than a guest's.
   * @throws {ChatError} `bad_invite`, `too_many_attempts`.
   */
  acceptInvite(
    token: string,
    { cookie, address, isLook }: { cookie: string | undefined; address: string; isLook: boolean },
  ): { session: string | undefined; room: string | undefined } {
    const { id, room } = this.#findInvite(token);
    const own = this.#findSession(cookie);
    const isIn = own !== undefined && [undefined, room].includes(own.room);
    const session = isLook || isIn
      ? undefined
      : this.#begin({ role: "guest", room, invite: id }, address);
    return { session, room };
  }

  /** Ends the session and what it has opened. */
  signOut(sessionId: string): void {
    this.#store.endSession(sessionId);
    this.#connections.close(sessionId);
  }

  /** Makes an invite for a room, or for all of them, and gives the token that is its only key. */
  invite({ room, lastsMs }: { room: string | undefined; lastsMs: number }) {
    const token = INVITE_PREFIX + makeToken();
    const expiresAt = this.#now() + lastsMs;
    const id = this.#store.addInvite(hash(token), { room, expiresAt }, this.#now());
    return { id, room, expiresAt, token };
  }

  listInvites(): ListedInvite[] {
    return this.#store.listInvites(this.#now());
  }

  /** Ends an invite, its sessions and what they have opened. False when there is none. */
  revoke(id: number): boolean {
    const sessions = this.#store.endInvite(id);
    for (const sessionId of [inviteSession(id), ...sessions ?? []]) {
      this.#connections.close(sessionId);
    }
    return sessions !== undefined;
  }

  /** Closes what is open when its session ends, until the function that this gives is called. */
  trackConnection({ sessionId }: Principal, connection: SessionConnection): () => void {
    if (sessionId === undefined) return () => {};
    // It may have ended since it was asked for.
    if (this.#store.isLive(sessionId)) return this.#connections.add(sessionId, connection);
    connection.leave("signed_out");
    return () => {};
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }

  #open(role: Role, text: string, cost: number | undefined): Password {
    const earlier = this.#store.findVerifier(role);
    const password = new Password(text, { earlier, cost });
    if (password.verifier === earlier) return password;
    const other = new Password(text, { cost });
    this.#store.putVerifier(role, other.verifier);
    return other;
  }

  async #identifyBearer(bearer: string, address: string): Promise<Identity> {
    if (INVITE_TOKEN.test(bearer)) {
      const { id, room } = this.#findInvite(bearer);
      const principal = { room, isOperator: false, sessionId: inviteSession(id) };
      return { principal, role: "guest", isByCookie: false };
    }
    const role = await this.#findRole(bearer, address);
    const isOperator = role === "operator";
    return { principal: { ...ANYONE, isOperator }, role, isByCookie: false };
  }

  #findSession(cookie: string | undefined): SignInSession & { readonly id: string } | undefined {
    if (!cookie) return undefined;
    const id = hash(cookie);
    const session = this.#store.findSession(id, this.#now());
    return session && { ...session, id };
  }

  #findInvite(token: string): { id: number; room: string | undefined } {
    const invite = this.#store.findInvite(hash(token), this.#now());
    if (!invite) throw new ChatError("bad_invite");
    return invite;
  }

  /** @throws {ChatError} `wrong_password`, `too_many_attempts`. */
  async #findRole(secret: string, address: string): Promise<Role> {
    const key = `${address} ${remember(secret).toString("hex")}`;
    // Before anything is compared: or whoever has to wait would be told at once when a guess is right.
    if (!this.#throttle.isKnown(key)) this.#throttle.check(address);
    const known = this.#secrets.find(({ password }) => password.isRemembered(secret));
    const role = known?.role ?? await this.#guess(secret, { key, address });
    if (role) {
      if (Buffer.byteLength(secret) >= UNGUESSABLE_BYTES) this.#throttle.know(key);
      return role;
    }
    this.#log("warn", "wrong password", { remote: address });
    throw new ChatError("wrong_password");
  }

  /** One that comes twice at once is one guess. One that is never looked at does not count. */
  async #guess(secret: string, from: { key: string; address: string }): Promise<Role | undefined> {
    const same = this.#guessQueue.find(from.key);
    if (same) return await same;
    const guess = this.#guessQueue.add(from, () => this.#compare(secret));
    const takeBack = this.#throttle.count(from.address);
    const role = await guess;
    if (role) takeBack();
    return role;
  }

  async #compare(secret: string): Promise<Role | undefined> {
    for (const { role, password } of this.#secrets) {
      if (await password.isRight(secret)) return role;
    }
    return undefined;
  }

  /** @throws {ChatError} `too_many_attempts` */
  #begin(session: SignInSession & { invite?: number }, address: string): string {
    const now = this.#now();
    const message = "Too many sign-ins from this address";
    this.#beginnings.takeOrThrow(address || UNKNOWN_ADDRESS, {
      nowMs: now,
      makeError: (retryAfterMs) => new ChatError("too_many_attempts", { message, retryAfterMs }),
    });
    const token = makeToken();
    const ended = this.#store.addSession(hash(token), session, now);
    for (const sessionId of ended) this.#connections.close(sessionId);
    return token;
  }
}

function makeToken(): string {
  return randomBytes(TOKEN_BYTES).toString("base64url");
}

/** What is stored of a token: it is random enough that no salt is needed. */
function hash(token: string): string {
  return sha256(token).toString("hex");
}
