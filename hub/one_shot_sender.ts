// Who says one thing to a room without being there: one HTTP request, say. The hub knows it as a member that is told what
// became of it.
import type { Principal } from "../auth/principal.ts";
import { ChatError, type ErrorCode } from "../protocol/errors.ts";
import type { Member } from "./subscription.ts";
import type { Batch, Notice, Wire } from "../protocol/message.ts";

/** It is told what it asks for by a promise, so it needs no words. */
const MUTE: Wire = { protocol: "", encode: () => undefined, encodeNotice: () => undefined };

/** A member in no room. */
export class OneShotSender implements Member {
  readonly wire = MUTE;
  readonly principal: Principal;
  readonly address: string;
  readonly #settled = Promise.withResolvers<number>();

  constructor({ principal, address }: { principal: Principal; address: string }) {
    this.principal = principal;
    this.address = address;
  }

  /** Number of what was said. @throws {ChatError} why it was not accepted. */
  get seq(): Promise<number> {
    return this.#settled.promise;
  }

  trySend(_batch: Batch): boolean {
    return false;
  }

  notify(notice: Notice): void {
    if (notice.type === "acks") this.#settled.resolve(notice.acks[0]!.seq);
    if (notice.type === "error") {
      const { code, message, id = "", retryAfterMs } = notice;
      this.#settled.reject(new ChatError(code, { message, id, retryAfterMs }));
    }
  }

  close(code: ErrorCode = "internal"): void {
    this.#settled.reject(new ChatError(code));
  }
}
