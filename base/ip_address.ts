// An IP address is reduced to the key by which clients are counted and refused. Pure functions.
import ipaddr from "ipaddr.js";

/** Octets of an IPv6 network, a /64. A client with one address of the network can use all of them. */
const IPV6_NETWORK_OCTETS = 8;

/**
 * Returns an IPv4 address unchanged, and the /64 of an IPv6 address. IPv4 within IPv6 counts as IPv4. Text that is no address
 * is returned unchanged.
 */
export function addressKey(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  const octets = parsed.toByteArray();
  return parsed.kind() === "ipv4"
    ? parsed.toString()
    : ipaddr.fromByteArray([...octets.fill(0, IPV6_NETWORK_OCTETS)]).toString() + "/64";
}

/** Prefixes of the IPv6 networks that one customer of a provider may have. */
const WIDER_BITS = [56, 48];

/**
 * Returns a key as {@linkcode addressKey} returns it, and the wider IPv6 networks around it, the narrowest first: a /48 has
 * 65,536 networks of 64 bits. An IPv4 address is alone, because its neighbors are other customers.
 */
export function networksOf(key: string): string[] {
  const [address = ""] = key.split("/");
  if (!ipaddr.isValid(address)) return [key];
  const parsed = ipaddr.parse(address);
  if (parsed.kind() === "ipv4") return [key];
  const octets = parsed.toByteArray();
  const wider = WIDER_BITS.map((bits) =>
    `${ipaddr.fromByteArray(octets.map((octet, i) => 8 * i < bits ? octet : 0))}/${bits}`
  );
  return [key, ...wider];
}

/** Returns whether the address is this machine's own, which no other machine can connect from. */
export function isLoopback(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === "loopback";
}
