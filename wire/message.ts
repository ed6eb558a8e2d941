// What passes between hub, wires and clients. Types only: everybody may import this, it imports nothing.

/** Consecutive messages of the room, encoded once; every reader is given this same object. */
export interface Batch {
  /** Number of the first message in it. The room numbers its messages 1, 2, 3 … while it runs. */
  readonly firstSeq: number;
  /** Number of the last message in it. */
  readonly lastSeq: number;
  /** The messages as the wire carries them. */
  readonly frame: string;
  /** Size of `frame` in UTF-8. */
  readonly byteLength: number;
}
