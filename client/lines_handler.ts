// LinesHandler serves a plain WebSocket: every message is a line for everybody in the room.
import { Buffer } from "node:buffer";
import type { ClientHandle, HandlerOptions, ProtocolHandler } from "./handler.ts";
import { ChatError } from "../protocol/errors.ts";
import type { Hub } from "../hub.ts";
import { DEFAULT_LIMITS } from "../base/limits.ts";
import type { AddressBudget } from "../base/address_budget.ts";
import { Bucket, rateOf } from "../base/rate_limit.ts";
import { decodeLine, LINES } from "../protocol/plain_lines.ts";

/** The seed's protocol. */
export class LinesHandler implements ProtocolHandler {
  readonly wire = LINES;
  readonly hasJoined = true;
  readonly #hub: Hub;
  readonly #room: string;
  readonly #client: ClientHandle;
  readonly #maxTextBytes: number;
  readonly #bucket: Bucket;
  readonly #budget: AddressBudget | undefined;

  constructor(
    client: ClientHandle,
    { hub, room, limits = DEFAULT_LIMITS, budget }: HandlerOptions,
  ) {
    this.#client = client;
    this.#hub = hub;
    this.#room = room;
    this.#maxTextBytes = limits.textBytes;
    this.#bucket = new Bucket(rateOf(limits));
    this.#budget = budget;
  }

  begin(): void {
    this.#hub.register(this.#client, this.#room);
  }

  read(data: string | ArrayBuffer): void {
    // A line has no id that a refusal could name. Closing is the only way not to drop it silently.
    if (!this.#bucket.take(performance.now())) throw new ChatError("rate_limited");
    const text = decodeLine(data, this.#maxTextBytes);
    if (this.#budget && this.#budget.takeMessage(Buffer.byteLength(text)) > 0) {
      throw new ChatError("rate_limited");
    }
    this.#hub.broadcast(this.#client, { kind: "say", id: "", text, ref: 0, on: true });
  }

  end(): void {/* nothing to clean up */}
}
