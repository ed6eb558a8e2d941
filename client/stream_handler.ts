// StreamHandler serves a stream: a response that goes on, whose client sends nothing.
import type { ClientHandle, ProtocolHandler } from "./handler.ts";
import type { Hub, JoinRequest } from "../hub.ts";
import type { Wire } from "../protocol/message.ts";

/** Silence that no proxy takes for the end, and shorter than what the page takes for a reason to ask. */
const HEARTBEAT_PERIOD_MS = 12_000;

/** The dialog of a stream: the request has said all that there is to say. */
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
    this.#join(); // which may end it at once
  }

  read(): void {/* nothing comes */}

  end(): void {
    clearInterval(this.#heartbeat);
  }
}
