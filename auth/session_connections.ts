// SessionConnections tracks the sockets and streams of each session, so that signing out can close them.
import type { ErrorCode } from "../protocol/errors.ts";

/** A socket or stream that belongs to a session. */
export interface SessionConnection {
  /** Closes the connection and reports the error to the client. */
  leave(code: ErrorCode): void;
}

/** Tracks connections by session. */
export class SessionConnections {
  readonly #bySession = new Map<string, Set<SessionConnection>>();

  /** Tracks a connection. Returns a function that stops tracking it. */
  add(sessionId: string, connection: SessionConnection): () => void {
    const connections = this.#bySession.get(sessionId) ?? new Set();
    this.#bySession.set(sessionId, connections.add(connection));
    return () => {
      connections.delete(connection);
      if (connections.size === 0) this.#bySession.delete(sessionId);
    };
  }

  /** Closes all connections of a session. */
  close(sessionId: string): void {
    // Iterate over a copy: each connection leaves the set as it is closed.
    for (const connection of [...this.#bySession.get(sessionId) ?? []]) {
      connection.leave("signed_out");
    }
  }
}
