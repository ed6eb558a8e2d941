import { assertEquals } from "@std/assert";
import type { Peer } from "../transport/transport.ts";
import { clientAddressOf, Proxies } from "./client_address.ts";

function resolvePeer(proxies: Proxies, remoteAddress: string, headers: Record<string, string>) {
  const respond = () => new Response();
  const peer: Peer = { remoteAddress, upgrade: respond, stream: respond };
  const request = new Request("http://chat.example/", { headers });
  return clientAddressOf(request, proxies.resolvePeer(request, peer));
}

Deno.test("Proxies.resolvePeer() returns the rightmost address that is no proxy, and its scheme, from trusted proxies only", () => {
  const proxies = new Proxies(["10.0.0.0/8", "::1", "192.0.2.7"]);
  const cases: [peer: string, forwardedFor: string, clientAddress: string][] = [
    ["203.0.113.9", "198.51.100.1", "203.0.113.9"],
    ["10.1.1.1", "198.51.100.1", "198.51.100.1"],
    ["::ffff:10.1.1.1", "198.51.100.1", "198.51.100.1"],
    ["::1", "6.6.6.6, 198.51.100.1, 192.0.2.7", "198.51.100.1"],
    ["::1", "6.6.6.6,2001:db8::5", "2001:db8::5"],
    ["::1", "[2001:db8::5]:4711", "2001:db8::5"],
    ["::1", "198.51.100.1:4711", "198.51.100.1"],
    ["::1", "198.51.100.1, unknown", "::1"],
    ["::1", "198.51.100.1, unknown, 10.0.0.3", "10.0.0.3"],
    ["::1", "10.0.0.2, 10.0.0.3", "10.0.0.2"],
    ["::1", "", "::1"],
  ];
  for (const [peer, forwardedFor, clientAddress] of cases) {
    const { address } = resolvePeer(proxies, peer, { "x-forwarded-for": forwardedFor });
    assertEquals(address, clientAddress, `${peer} says ${forwardedFor}`);
  }
  const schemes: [proto: string, forwardedFor: string, isHttps: boolean][] = [
    ["https", "", true],
    ["WSS", "", true], // of a WebSocket
    ["ws", "", false],
    ["", "", false],
    ["https, https", "198.51.100.1", true],
    ["https, http", "198.51.100.1", false], // the client wrote the first
    ["http,wss", "198.51.100.1", true],
    ["https, http", "198.51.100.1, 10.0.0.2", true], // the outer of two proxies saw https
    ["https, http, http", "6.6.6.6, 198.51.100.1, 10.0.0.2", false],
    ["https", "198.51.100.1, 10.0.0.2", true], // the inner proxy adds none
  ];
  for (const [proto, forwardedFor, isHttps] of schemes) {
    const headers = { "x-forwarded-proto": proto, "x-forwarded-for": forwardedFor };
    assertEquals(resolvePeer(proxies, "10.1.1.1", headers).isHttps, isHttps, proto + forwardedFor);
  }
  const headers = { "x-forwarded-proto": "https" };
  assertEquals(resolvePeer(proxies, "10.1.1.1", headers).isHttps, true);
  assertEquals(resolvePeer(proxies, "11.1.1.1", headers).isHttps, false);
  assertEquals(resolvePeer(new Proxies([]), "10.1.1.1", headers).isHttps, false);
});

Deno.test("Proxies.keyOf() is empty for a proxy, which many clients share", () => {
  const proxies = new Proxies(["10.0.0.0/8"]);
  assertEquals(["10.0.0.1", "11.0.0.1", ""].map((address) => proxies.keyOf(address)), [
    "",
    "11.0.0.1",
    "",
  ]);
});
