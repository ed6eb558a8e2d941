import { assertEquals } from "@std/assert";
import { addressKey, networksOf } from "./ip_address.ts";

Deno.test("addressKey() is the network of an IPv6 address, and the IPv4 address within IPv6", () => {
  const cases = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2::5", "2001:db8:1:2::/64"],
    ["2001:db8:1:2:ffff:0:0:1", "2001:db8:1:2::/64"],
    ["2001:db8:1:3::5", "2001:db8:1:3::/64"],
    ["fe80::1%eth0", "fe80::/64"],
    ["", ""],
  ];
  for (const [address, key] of cases) assertEquals(addressKey(address!), key);
});

Deno.test("networksOf() has the wider networks of a key, the narrowest first", () => {
  const cases: [key: string, ...wider: string[]][] = [
    ["2001:db8:1:2345::/64", "2001:db8:1:2300::/56", "2001:db8:1::/48"],
    ["::/64", "::/56", "::/48"],
    ["192.0.2.7"],
    ["unknown"],
    [""],
  ];
  for (const networks of cases) assertEquals(networksOf(networks[0]), networks);
});
