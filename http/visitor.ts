// Who a request comes from, as far as the network tells.
import type { Peer } from "../transport/transport.ts";

/** The far end of a request. */
export interface Visitor {
  /** Its IP address. */
  readonly address: string;
  /** Whether it came to us by https. */
  readonly isHttps: boolean;
}

export function visitorOf(request: Request, peer: Peer): Visitor {
  return { address: peer.remoteAddress, isHttps: new URL(request.url).protocol === "https:" };
}
