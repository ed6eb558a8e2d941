// What whoever asks for something may do here: found by sign-in, looked at by all that acts on it.

/** Who has been let in, and how far. */
export interface Principal {
  /** The only room that it is for; undefined for every room. */
  readonly room: string | undefined;
  /** Whether it may delete what others have said, close rooms and ban. */
  readonly isOperator: boolean;
  /** Of its session, for signing out to find what it has opened; undefined without one. */
  readonly sessionId: string | undefined;
}

/** Of everybody, where there is no password. */
export const ANYONE: Principal = { room: undefined, isOperator: false, sessionId: undefined };
