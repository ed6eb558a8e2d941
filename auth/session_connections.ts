// What a session has opened: its sockets and streams, for signing out to close them.
import type { ErrorCode } from "../protocol/errors.ts";

/** Something that is open, and can be asked to end. */
export interface Opening {
  leave(code: ErrorCode): void;
}

export class Openings {
  readonly #bySession = new Map<string, Set<Opening>>();

  /** Holds it until the function that this gives is called. */
  add(sessionId: string, opening: Opening): () => void {
    const openings = this.#bySession.get(sessionId) ?? new Set();
    this.#bySession.set(sessionId, openings.add(opening));
    return () => {
      openings.delete(opening);
      if (openings.size === 0) this.#bySession.delete(sessionId);
    };
  }

  /** Closes what the session has opened. */
  close(sessionId: string): void {
    // A copy: each one leaves the set as it is closed.
    for (const opening of [...this.#bySession.get(sessionId) ?? []]) opening.leave("signed_out");
  }
}
