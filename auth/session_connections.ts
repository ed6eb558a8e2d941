// What a session has opened: its sockets and streams, for signing out to close them.
import type { ErrorCode } from "../protocol/errors.ts";

/** Something that is open, and can be asked to end. */
export interface SessionConnection {
  leave(code: ErrorCode): void;
}

export class SessionConnections {
  readonly #bySession = new Map<string, Set<SessionConnection>>();

  /** Holds it until the function that this gives is called. */
  add(sessionId: string, connection: SessionConnection): () => void {
    const connections = this.#bySession.get(sessionId) ?? new Set();
    this.#bySession.set(sessionId, connections.add(connection));
    return () => {
      connections.delete(connection);
      if (connections.size === 0) this.#bySession.delete(sessionId);
    };
  }

  /** Closes what the session has opened. */
  close(sessionId: string): void {
    // A copy: each one leaves the set as it is closed.
    for (const connection of [...this.#bySession.get(sessionId) ?? []]) {
      connection.leave("signed_out");
    }
  }
}
