import { assertEquals } from "@std/assert";
import type { Peer } from "../transport/transport.ts";
import { checkHost, type HostOptions, stripBasePath } from "./host.ts";
import { isAllowedOrigin } from "./origin.ts";

/** Returns the path that is left of a request, or the status of its response and where that redirects to. */
function pass(
  url: string,
  { from = "192.0.2.1", host, ...hostOptions }: Partial<HostOptions> & {
    from?: string;
    host?: string;
  },
): string {
  const headers: Record<string, string> = host === undefined ? {} : { host };
  const isHostless = host === undefined && url.startsWith("http:");
  const peer = { remoteAddress: from, isHostless } as Peer;
  const request = new Request(url, { headers });
  const options: HostOptions = { hosts: "any", base: "", ...hostOptions };
  const found = checkHost(request, peer, options) ?? stripBasePath(request, options.base);
  if (typeof found === "string") return found;
  return [found.status, found.headers.get("location")].filter(Boolean).join(" ");
}

Deno.test("stripBasePath() removes the base, redirects to it with its slash, and finds nothing else", () => {
  const cases: [string, string, string][] = [
    ["", "/", "/"],
    ["", "/r/ops", "/r/ops"],
    ["/chat", "/chat/", "/"],
    ["/chat", "/chat/r/ops/ws?a=b", "/r/ops/ws"],
    ["/chat", "/chat/chat/", "/chat/"],
    ["/chat", "/chat?name=Ann", "307 /chat/?name=Ann"],
    ["/chat", "/", "404"],
    ["/chat", "/chatter/", "404"],
    ["/chat", "/chatter", "404"],
    ["/chat", "/Chat/", "404"],
    ["/chat", "/chat/../r/ops", "404"],
    ["/chat", "/r/ops", "404"],
    ["/chat", "/healthz", "/healthz"],
    ["/chat", "/chat/healthz", "/healthz"],
    ["/a/b", "/a/b/page/chat.js", "/page/chat.js"],
    ["/a/b", "/a/", "404"],
  ];
  for (const [base, path, result] of cases) {
    const url = `http://chat.example${path}`;
    assertEquals(pass(url, { base, host: "chat.example" }), result, `${path} below ${base}`);
  }
});

Deno.test("checkHost() responds 421 to another name, whatever the port, and 400 to none", () => {
  const hosts = ["chat.example", "[::1]"];
  const cases: [string | undefined, string][] = [
    ["chat.example", "/"],
    ["CHAT.example:8443", "/"],
    ["chat.example.", "/"],
    ["chat.example.:80", "/"],
    ["[::1]:8080", "/"],
    ["evil.example", "421"],
    ["evil.example:80", "421"],
    ["chat.example.evil.example", "421"],
    ["127.0.0.1", "421"],
    ["[::2]", "421"],
    ["a b", "400"],
    ["chat.example/x?", "400"],
    ["chat.example:80:80", "400"],
    ["a@chat.example", "400"],
    ["chat.example, chat.example", "400"],
    [undefined, "400"],
    ["", "400"],
  ];
  for (const [host, result] of cases) {
    const options = host === undefined ? { hosts } : { hosts, host };
    assertEquals(pass("http://chat.example/", options), result, host ?? "none");
  }
  assertEquals(
    pass("http://evil.example/", { host: "evil.example" }),
    "/",
    "any, when none is set",
  );
});

Deno.test("checkHost() accepts only names of this network if none is set, and any name by https", () => {
  const cases: [string, string][] = [
    ["127.0.0.1", "/"],
    ["0x7f.1", "/"], // another spelling of 127.0.0.1
    ["[2001:db8::1]:8080", "/"],
    ["localhost", "/"],
    ["box", "/"],
    ["box.LOCAL", "/"],
    ["box.home.arpa.", "/"],
    ["local", "/"],
    ["evil.example", "421"],
    ["evillocal.example", "421"],
    ["box.locals", "421"],
    ["home.arpa.example", "421"],
    ["127.0.0.1.example", "421"],
    ["example.", "/"],
  ];
  for (const [host, result] of cases) {
    assertEquals(pass("http://x/", { hosts: [], host }), result, host);
  }
  assertEquals(pass("https://evil.example/", { hosts: [], host: "evil.example" }), "/");
});

Deno.test("checkHost() finds the name in the URL of HTTP/2", () => {
  const hosts = ["chat.example"];
  assertEquals(pass("https://chat.example:8443/", { hosts }), "/");
  assertEquals(pass("https://evil.example/", { hosts }), "421");
});

Deno.test("checkHost() accepts any name for health and metrics from this machine", () => {
  const options = { hosts: ["chat.example"], base: "/chat", host: "localhost:8080" };
  for (const from of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) {
    assertEquals(pass("http://localhost/healthz", { ...options, from }), "/healthz");
    assertEquals(pass("http://localhost/chat/healthz", { ...options, from }), "/healthz");
    assertEquals(pass("http://localhost/chat/metrics", { ...options, from }), "/metrics");
    assertEquals(pass("http://localhost/chat/", { ...options, from }), "421");
  }
  for (const from of ["192.0.2.1", "::2", "1.127.0.0", ""]) {
    assertEquals(pass("http://localhost/healthz", { ...options, from }), "421");
    assertEquals(pass("http://localhost/chat/metrics", { ...options, from }), "421");
  }
});

Deno.test("isAllowedOrigin() compares the origin with the host of the request, in HTTP/2 as well", () => {
  const options = { allowOrigins: ["https://other.example"], isHttps: false };
  const ask = (url: string, headers: Record<string, string>) =>
    isAllowedOrigin(new Request(url, { headers }), options);
  const origin = "https://chat.example:8443";
  assertEquals(ask("http://x/", { origin, host: "Chat.example:8443" }), true);
  assertEquals(ask("https://chat.example:8443/", { origin }), true);
  assertEquals(ask("https://evil.example:8443/", { origin }), false);
  assertEquals(ask("http://chat.example:8443/", { origin }), true); // HTTP/2 without TLS
  assertEquals(ask("http://x/", { origin, host: "chat.example" }), false);
  assertEquals(ask("http://x/", { origin: "https://other.example", host: "x" }), true);
  assertEquals(ask("http://x/", { host: "x" }), true);
});

Deno.test("isAllowedOrigin() refuses a page loaded by http if the request came by https", () => {
  const ask = (origin: string, isHttps: boolean) => {
    const headers = { host: "chat.example", origin };
    const options = { allowOrigins: ["http://other.example"], isHttps };
    return isAllowedOrigin(new Request("http://chat.example/", { headers }), options);
  };
  const both = (origin: string) => [ask(origin, false), ask(origin, true)];
  assertEquals(both("https://chat.example"), [true, true]); // behind an unknown proxy every request comes by http
  assertEquals(both("http://chat.example"), [true, false]);
  assertEquals(both("http://other.example"), [true, true]);
  for (
    const origin of ["ftp://chat.example", "null", "", "chat.example", "https://chat.example:80"]
  ) {
    assertEquals(both(origin), [false, false], origin);
  }
});
