// Who a request comes from, as far as the network tells.
import ipaddr from "ipaddr.js";
import type { Peer } from "../transport/transport.ts";

/** The far end of a request. */
export interface Visitor {
  /** Its IP address. */
  readonly address: string;
  /** What the address counts as where something is counted. */
  readonly key: string;
  /** Whether it came to us by https. */
  readonly isHttps: boolean;
  /** The path that everything is below, without a slash at its end: for redirects, and for where cookies go. */
  readonly base: string;
}

export interface VisitorOptions {
  readonly base?: string;
}

/** Of a peer as `Proxies.look` gives it: not the proxy's own. */
export function visitorOf(
  request: Request,
  peer: Peer,
  { base = "" }: VisitorOptions = {},
): Visitor {
  const { remoteAddress: address } = peer;
  const isHttps = peer.isHttps ?? new URL(request.url).protocol === "https:";
  return { address, key: addressKey(address), isHttps, base };
}

/** Octets of an IPv6 address that are the same for all of one network: whoever has one has the rest of it as well. */
const IPV6_NETWORK_OCTETS = 8;

/** What an address counts as: itself, and for IPv6 its /64. An IPv4 address within IPv6 is the IPv4 address. */
export function addressKey(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  const octets = parsed.toByteArray();
  return parsed.kind() === "ipv4"
    ? parsed.toString()
    : ipaddr.fromByteArray([...octets.fill(0, IPV6_NETWORK_OCTETS)]).toString() + "/64";
}
