// A principal is the rights of an authenticated client. Authentication creates it; the hub and the handlers authorize by it.

/** Rights of an authenticated client. */
export interface Principal {
  /** The only room that it may use; undefined for every room. */
  readonly room: string | undefined;
  /** Whether it may delete other people's messages, close rooms and ban. */
  readonly isOperator: boolean;
  /** Id of its session, by which signing out finds its connections; undefined without a session. */
  readonly sessionId: string | undefined;
}

/** Rights of every client of a server without a password. */
export const ANYONE: Principal = { room: undefined, isOperator: false, sessionId: undefined };
