// Who a request comes from, as far as the network tells.
import type { Peer } from "../transport/transport.ts";

/** The far end of a request. */
export interface Visitor {
  /** Its IP address. */
  readonly address: string;
  /** Whether it came to us by https. */
  readonly isHttps: boolean;
  /** The path that everything is below, without a slash at its end: for redirects, and for where cookies go. */
  readonly base: string;
}

export interface VisitorOptions {
  readonly base?: string;
}

export function visitorOf(
  request: Request,
  peer: Peer,
  { base = "" }: VisitorOptions = {},
): Visitor {
  const isHttps = new URL(request.url).protocol === "https:";
  return { address: peer.remoteAddress, isHttps, base };
}
