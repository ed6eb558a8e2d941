// The client's address is that of the connection, or the one that a trusted proxy reports. A header of any other peer is
// ignored.
import ipaddr from "ipaddr.js";
import { addressKey } from "../base/ip_address.ts";
import type { Peer } from "../transport/transport.ts";

type Network = ReturnType<typeof ipaddr.parseCIDR>;

/** Client of a request, as seen from the network. */
export interface ClientAddress {
  /** IP address of the client. */
  readonly address: string;
  /** Key by which the address is counted. */
  readonly key: string;
  /** Whether the client used https, to the server or to a trusted proxy. */
  readonly isHttps: boolean;
  /** Base path without a slash at its end: for redirects, and for the path of cookies. */
  readonly base: string;
}

export interface ClientAddressOptions {
  readonly base?: string;
}

/** Returns the address of a peer as `Proxies.resolvePeer` returns it: that of the client, not of a proxy. */
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

  /** @param networks addresses, or networks in CIDR notation */
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
   * Returns the key by which connections and POSTs from an address are counted. It is empty, so that nothing is counted, for a
   * proxy, which many clients share, and for an unknown address.
   */
  keyOf(address: string): string {
    return this.trusts(address) ? "" : addressKey(address);
  }

  /** Returns the peer with the address and the scheme that the outermost trusted proxy saw. */
  resolvePeer(request: Request, peer: Peer): Peer {
    if (!this.trusts(peer.remoteAddress)) return peer;
    const { headers } = request;
    const client = this.#findClient(headers.get("x-forwarded-for") ?? "", peer.remoteAddress);
    return {
      ...peer,
      remoteAddress: client.address,
      isHttps: isSecure(headers.get("x-forwarded-proto") ?? "", client.proxies),
    };
  }

  /**
   * Returns the client's address, and how many trusted proxies are between it and the nearest one. Each proxy adds the address
   * of its peer on the right. Anything to the left of an untrusted address may be forged.
   */
  #findClient(forwardedFor: string, nearest: string): { address: string; proxies: number } {
    let found = { address: nearest, proxies: 0 };
    for (const [proxies, hop] of forwardedFor.split(",").reverse().entries()) {
      const address = stripPort(hop.trim());
      if (!ipaddr.isValid(address)) return found;
      found = { address, proxies };
      if (!this.trusts(address)) return found;
    }
    return found;
  }
}

/**
 * Returns whether the list of schemes says that the client used https. Each proxy adds one on the right, or only the nearest
 * proxy sets one. Some proxies name the scheme of a WebSocket.
 */
function isSecure(forwardedProto: string, proxies: number): boolean {
  const schemes = forwardedProto.toLowerCase().split(",").map((scheme) => scheme.trim()).reverse();
  return ["https", "wss"].includes(schemes[Math.min(proxies, schemes.length - 1)]!);
}

function parseNetwork(text: string): Network {
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
  const address = ipaddr.process(text);
  return [address, 8 * address.toByteArray().length] as Network;
}

/** Removes the port, which some proxies add: `192.0.2.1:5000`, `[2001:db8::1]:5000`. */
function stripPort(hop: string): string {
  return /^\[(.*)\](?::\d+)?$/.exec(hop)?.[1] ?? /^(\d+\.[\d.]+):\d+$/.exec(hop)?.[1] ?? hop;
}
