// The server's end of a connection that needs no network: for tests in which hours pass in seconds.
import type { Frame } from "../../protocol/frame.ts";
import type { Connection, ConnectionHandlers, Peer } from "../../transport/transport.ts";

/** The server's end of a connection whose peer reads everything at once. */
export class FakeSocket implements Connection {
  readonly remoteAddress: string;
  readonly bufferedAmount = 0;
  readonly unseenBytes = 0;
  onEnd: (() => void) | undefined;
  #isClosed = false;
  #handlers: ConnectionHandlers | undefined;
  readonly #refusals: string[];

  /** @param refusals receives everything that the server refuses on this connection */
  constructor(remoteAddress: string, refusals: string[]) {
    this.remoteAddress = remoteAddress;
    this.#refusals = refusals;
  }

  listen(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
  }

  send({ text }: Frame): void {
    for (const [refusal] of text.matchAll(/"type":"(error|bye)".*/g)) this.#refusals.push(refusal);
  }

  /** Whether it was opened, and not closed since. */
  get isOpen(): boolean {
    return this.#handlers !== undefined && !this.#isClosed;
  }

  close(code: number, reason: string): void {
    this.#isClosed = true;
    if (code !== 1000) this.#refusals.push(`${code} ${reason}`);
  }

  terminate(): void {}

  receive(line: string | object): void {
    this.#handlers!.onMessage(typeof line === "string" ? line : JSON.stringify(line));
  }

  end(): void {
    this.#handlers?.onClose();
    this.onEnd?.();
  }
}

/** A peer whose socket or stream is this one. */
export function peerOf(socket: FakeSocket): Peer {
  const answer = (onOpen: (connection: Connection) => void, onEnd?: () => void) => {
    socket.onEnd = onEnd;
    onOpen(socket);
    return new Response();
  };
  return {
    remoteAddress: socket.remoteAddress,
    upgrade: (_protocol, onOpen, onEnd) => answer(onOpen, onEnd),
    stream: (_headers, onOpen, onEnd) => answer(onOpen, onEnd),
  };
}
