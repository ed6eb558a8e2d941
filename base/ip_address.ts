// What an IP address counts as, wherever something is counted or refused by address. Pure.
import ipaddr from "ipaddr.js";

/** Octets of an IPv6 address that are the same for all of one network: whoever has one has the rest of it as well. */
const IPV6_NETWORK_OCTETS = 8;

/** Itself, and for IPv6 its /64. An IPv4 address within IPv6 is the IPv4 address. What is none stays as it is. */
export function addressKey(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  const octets = parsed.toByteArray();
  return parsed.kind() === "ipv4"
    ? parsed.toString()
    : ipaddr.fromByteArray([...octets.fill(0, IPV6_NETWORK_OCTETS)]).toString() + "/64";
}

/** Whether it is this machine's own, which nobody else can come from. */
export function isLoopback(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === "loopback";
}
