// The proxies in front of the server that are believed. What anybody else says about where a request comes from is
// ignored: it is a header like all others.
import ipaddr from "ipaddr.js";
import { addressKey } from "../base/ip_address.ts";
import type { Peer } from "../transport/transport.ts";

type Network = ReturnType<typeof ipaddr.parseCIDR>;

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

export class Proxies {
  readonly #networks: readonly Network[];

  /** @param networks addresses, and networks in CIDR notation */
  constructor(networks: readonly string[]) {
    this.#networks = networks.map(parseNetwork);
  }

  trusts(address: string): boolean {
    if (this.#networks.length === 0 || !ipaddr.isValid(address)) return false;
    const parsed = ipaddr.process(address);
    return this.#networks.some(([network, bits]) =>
      network.kind() === parsed.kind() && parsed.match([network, bits])
    );
  }

  /**
   * What connections and posts from an address are counted by; empty where they are not. A proxy stands for many, and an
   * address that is not known for anybody.
   */
  keyOf(address: string): string {
    return this.trusts(address) ? "" : addressKey(address);
  }

  /** The peer as it is for the last proxy that is believed: the visitor, seen through all of them. */
  resolvePeer(request: Request, peer: Peer): Peer {
    if (!this.trusts(peer.remoteAddress)) return peer;
    const { headers } = request;
    return {
      ...peer,
      remoteAddress: this.#findVisitor(headers.get("x-forwarded-for") ?? "", peer.remoteAddress),
      isHttps: headers.get("x-forwarded-proto")?.trim().toLowerCase() === "https",
    };
  }

  /** Each proxy adds on the right whom it sees: what stands left of one that is not believed may be made up. */
  #findVisitor(forwardedFor: string, nearest: string): string {
    let found = nearest;
    for (const hop of forwardedFor.split(",").reverse()) {
      const address = stripPort(hop.trim());
      if (!ipaddr.isValid(address)) return found;
      found = address;
      if (!this.trusts(address)) return found;
    }
    return found;
  }
}

function parseNetwork(text: string): Network {
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
  const address = ipaddr.process(text);
  return [address, 8 * address.toByteArray().length] as Network;
}

/** Some proxies add the port: `192.0.2.1:5000`, `[2001:db8::1]:5000`. */
function stripPort(hop: string): string {
  return /^\[(.*)\](?::\d+)?$/.exec(hop)?.[1] ?? /^(\d+\.[\d.]+):\d+$/.exec(hop)?.[1] ?? hop;
}
