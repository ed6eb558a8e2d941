// StreamHandler serves a stream: a response that goes on, whose client sends nothing.
import type { ClientHandle, ProtocolHandler } from "./handler.ts";
import type { Hub, JoinRequest } from "../hub.ts";
import type { Wire } from "../protocol/message.ts";

/** Short enough that no proxy closes the stream as idle, and that the page does not check the connection. */
const HEARTBEAT_PERIOD_MS = 12_000;

/** Joins as the request asked. Sends heartbeats until the stream ends. */
export class StreamHandler implements ProtocolHandler {
  readonly wire: Wire;
  readonly hasJoined = true;
  readonly #client: ClientHandle;
  readonly #join: () => void;
  #heartbeat: ReturnType<typeof setInterval> | undefined;

  constructor(
    client: ClientHandle,
    { hub, room, wire, joinRequest }: {
      hub: Hub;
      room: string;
      wire: Wire;
      joinRequest: JoinRequest;
    },
  ) {
    this.wire = wire;
    this.#client = client;
    this.#join = () => hub.register(client, room, joinRequest);
  }

  begin(): void {
    const beat = () => this.#client.notify({ type: "pong" });
    this.#heartbeat = setInterval(beat, HEARTBEAT_PERIOD_MS);
    this.#join(); // may end the stream at once
  }

  read(): void {/* a stream has no inbound messages */}

  end(): void {
    clearInterval(this.#heartbeat);
  }
}
