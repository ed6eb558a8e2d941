// Who may come in: knows the password, the operator key, the sessions and the invites, and says of each request who it is.
// Asked by the server before anything that a room gives or takes. Knows no HTTP.
import { createHash, randomBytes } from "node:crypto";
import { ChatError } from "../errors.ts";
import type { Log } from "../log.ts";
import { type Admission, OPEN } from "./admission.ts";
import { type Opening, Openings } from "./openings.ts";
import { Password, remember } from "./password.ts";
import { type AccessStore, inviteSession, type ListedInvite, type Role } from "./store.ts";
import { Throttle } from "./throttle.ts";

const TOKEN_BYTES = 32;

/** What an invite's token begins with, to tell it from a password. */
const INVITE_PREFIX = "inv_";

/** What a request shows to be let in. */
export interface Credentials {
  /** The password, the operator key or an invite's token. */
  readonly bearer: string | undefined;
  /** A session's token. */
  readonly cookie: string | undefined;
}

/** Who makes a request. */
export interface Entrant {
  readonly admission: Admission;
  /** By what it was let in; undefined where nothing was asked for. */
  readonly role: Role | undefined;
  /** Whether a cookie alone says so, which a browser also sends where another site's page has it ask. */
  readonly isByCookie: boolean;
}

export interface GateOptions {
  /** Undefined lets everybody in. */
  readonly password: string | undefined;
  /** Undefined for no operators. */
  readonly operatorKey: string | undefined;
  readonly store: AccessStore;
  readonly log: Log;
  readonly now?: () => number;
  /** Of a guess: N of scrypt. `HASH_COST` unless told otherwise. */
  readonly hashCost?: number;
}

export class Gate implements Disposable {
  readonly #secrets: readonly { readonly role: Role; readonly password: Password }[];
  readonly #isOpen: boolean;
  readonly #store: AccessStore;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #throttle: Throttle;
  readonly #openings = new Openings();
  /** Guesses that are looked at now: the same one again waits for the same answer. */
  readonly #guesses = new Map<string, Promise<Role | undefined>>();

  /** Takes the store over. What was signed in with a secret that is another one now is signed out. */
  constructor({ password, operatorKey, store, log, now = Date.now, hashCost }: GateOptions) {
    this.#isOpen = password === undefined;
    this.#store = store;
    this.#log = log;
    this.#now = now;
    this.#throttle = new Throttle(now);
    const texts: [Role, string | undefined][] = [["operator", operatorKey], ["member", password]];
    this.#secrets = texts.flatMap(([role, text]) =>
      text === undefined ? [] : { role, password: this.#open(role, text, hashCost) }
    );
  }

  /**
   * Who that is, from which address.
   * @throws {ChatError} `sign_in_first`, `wrong_password`, `too_many_attempts`, `bad_invite`.
   */
  async identify({ bearer, cookie }: Credentials, address: string): Promise<Entrant> {
    if (bearer !== undefined) return await this.#identifyBearer(bearer, address);
    const sessionId = cookie && hash(cookie);
    const session = sessionId ? this.#store.findSession(sessionId, this.#now()) : undefined;
    if (session) {
      const { role, room } = session;
      return {
        admission: { room, isOperator: role === "operator", sessionId },
        role,
        isByCookie: true,
      };
    }
    if (!this.#isOpen) throw new ChatError("sign_in_first");
    return { admission: OPEN, role: undefined, isByCookie: false };
  }

  /** Begins a session with the password or the operator key, and gives its token. @throws {ChatError} as `identify`. */
  async signIn(secret: string, address: string): Promise<string> {
    const role = await this.#findRole(secret, address);
    return this.#begin({ role, room: undefined });
  }

  /** The room that an invite's token is for, and a session begun with it, unless it is to be looked at only. @throws {ChatError} `bad_invite` */
  acceptInvite(
    token: string,
    { isLook }: { isLook: boolean },
  ): { session: string | undefined; room: string | undefined } {
    const { id, room } = this.#findInvite(token);
    const session = isLook ? undefined : this.#begin({ role: "guest", room, invite: id });
    return { session, room };
  }

  /** Ends the session and what it has opened. */
  signOut(sessionId: string): void {
    this.#store.endSession(sessionId);
    this.#openings.close(sessionId);
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
    for (const sessionId of [inviteSession(id), ...sessions ?? []]) this.#openings.close(sessionId);
    return sessions !== undefined;
  }

  /** Closes what is open when its session ends, until the function that this gives is called. */
  hold({ sessionId }: Admission, opening: Opening): () => void {
    if (sessionId === undefined) return () => {};
    // It may have ended since it was asked for.
    if (this.#store.isLive(sessionId)) return this.#openings.add(sessionId, opening);
    opening.leave("signed_out");
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

  async #identifyBearer(bearer: string, address: string): Promise<Entrant> {
    if (bearer.startsWith(INVITE_PREFIX)) {
      const { id, room } = this.#findInvite(bearer);
      const admission = { room, isOperator: false, sessionId: inviteSession(id) };
      return { admission, role: "guest", isByCookie: false };
    }
    const role = await this.#findRole(bearer, address);
    const isOperator = role === "operator";
    return { admission: { ...OPEN, isOperator }, role, isByCookie: false };
  }

  #findInvite(token: string): { id: number; room: string | undefined } {
    const invite = this.#store.findInvite(hash(token), this.#now());
    if (!invite) throw new ChatError("bad_invite");
    return invite;
  }

  /** @throws {ChatError} `wrong_password`, `too_many_attempts`. */
  async #findRole(secret: string, address: string): Promise<Role> {
    // Before all else: or whoever has to wait would be told at once when a guess is right.
    this.#throttle.check(address);
    const known = this.#secrets.find(({ password }) => password.isRemembered(secret));
    const role = known?.role ?? await this.#guess(secret, address);
    if (role) return role;
    this.#log("warn", "wrong password", { remote: address });
    throw new ChatError("wrong_password");
  }

  /** One that comes twice at once is one guess. */
  async #guess(secret: string, address: string): Promise<Role | undefined> {
    const key = `${address} ${remember(secret).toString("hex")}`;
    const others = this.#guesses.get(key);
    if (others) return await others;
    const takeBack = this.#throttle.count(address);
    const guess = this.#compare(secret);
    this.#guesses.set(key, guess);
    try {
      const role = await guess;
      if (role) takeBack();
      return role;
    } catch (error) {
      takeBack(); // it was not looked at
      throw error;
    } finally {
      this.#guesses.delete(key);
    }
  }

  async #compare(secret: string): Promise<Role | undefined> {
    for (const { role, password } of this.#secrets) {
      if (await password.isRight(secret)) return role;
    }
    return undefined;
  }

  #begin(session: { role: Role; room: string | undefined; invite?: number }): string {
    const token = makeToken();
    this.#store.addSession(hash(token), session, this.#now());
    return token;
  }
}

function makeToken(): string {
  return randomBytes(TOKEN_BYTES).toString("base64url");
}

/** What is stored of a token: it is random enough that no salt is needed. */
function hash(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
