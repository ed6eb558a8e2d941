// Who a request comes from, as far as the network tells.
import { addressKey } from "../base/ip_address.ts";
import type { Peer } from "../transport/transport.ts";

/** The far end of a request. */
export interface ClientAddress {
  /** Its IP address. */
  readonly address: string;
  /** What the address counts as where something is counted. */
  readonly key: string;
  /** Whether it came to us by https. */
  readonly isHttps: boolean;
  /** The path that everything is below, without a slash at its end: for redirects, and for where cookies go. */
  readonly base: string;
}

export interface ClientAddressOptions {
  readonly base?: string;
}

/** Of a peer as `Proxies.look` gives it: not the proxy's own. */
export function clientAddressOf(
  request: Request,
  peer: Peer,
  { base = "" }: ClientAddressOptions = {},
): ClientAddress {
  const { remoteAddress: address } = peer;
  const isHttps = peer.isHttps ?? new URL(request.url).protocol === "https:";
  return { address, key: addressKey(address), isHttps, base };
}
