import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { FakeTime } from "@std/testing/time";
import { Proxies } from "./client_address.ts";
import { Hub } from "../hub.ts";
import { MemoryJournal } from "../journal/memory.ts";
import { ASSETS, VERSION } from "../page/assets.ts";
import { makeHandler } from "./router.ts";
import type { Peer } from "../transport/transport.ts";

const BASE = "http://chat.example:8080";
const UPGRADE = { upgrade: "websocket", connection: "Upgrade", host: "chat.example:8080" };

const UPGRADED = new Response("upgraded");
const peer: Peer = {
  remoteAddress: "test",
  upgrade: () => UPGRADED,
  stream: () => new Response("goes on"),
};
const AS_PAGE = { accept: "text/html" };
const ROOM = "/r/" + encodeURIComponent("küche_4");

function makeTestHandler(options: { proxies?: Proxies; peer?: Peer } = {}) {
  const logged: string[] = [];
  const log = (_level: string, event: string, fields: Record<string, unknown> = {}) => {
    logged.push([event, ...Object.values(fields)].join(" "));
  };
  const hub = new Hub({ journal: new MemoryJournal(), keep: 0, log });
  const handler = makeHandler({ hub, log, ...options });
  // Asks as a browser does. Other representations of a room are tested in room/room_test.ts.
  const ask = (path: string, { headers, ...init }: RequestInit = {}) => {
    const request = new Request(BASE + path, { headers: { ...AS_PAGE, ...headers }, ...init });
    return Promise.resolve(handler(request, options.peer ?? peer));
  };
  return { ask, handler, logged };
}

Deno.test("makeHandler() responds to each method and path as the seed does", async () => {
  const { ask } = makeTestHandler();
  const cases: [string, string, number, string?][] = [
    ["GET", "/", 200],
    ["HEAD", "/", 200],
    ["POST", "/", 405, "Method not allowed\n"],
    ["DELETE", "/", 405, "Method not allowed\n"],
    ["GET", "/?x=1", 200],
    ["GET", "/nope", 404, "Not found\n"],
    ["POST", "/nope", 404, "Not found\n"],
    ["GET", "/home.html", 404],
    ["GET", "/page/../main.ts", 404],
    ["GET", "/page/chat.js", 200],
    ["POST", "/page/chat.js", 405],
    ["GET", "/sdk/session.js", 200],
    ["POST", "/sdk/session.js", 405],
    ["GET", "/sdk/session_test.ts", 404],
    ["GET", "/page/", 404],
    ["GET", "/ws/", 404],
    ["GET", "/ws", 426],
    ["POST", "/ws", 405],
    ["GET", "/r/kitchen", 200],
    ["PUT", "/r/kitchen", 405],
    ["GET", "/r/kitchen/ws", 426],
    ["GET", ROOM, 200],
    ["GET", `${ROOM}/ws`, 426],
    ["GET", "/r/lobby", 200],
    ["GET", "/r/page", 200],
    ["GET", "/r/page/chat.js", 200],
    ["GET", "/r/page/nope.js", 404],
    ["GET", "/r/sdk/session.js", 200],
    ["GET", "/r/r/sdk/session.js", 404],
    ["GET", "/x/r/page/chat.js", 404],
    ["GET", "/r/kitchen/chat.js", 404],
    ["GET", "/r/kitchen/", 404],
    ["GET", "/r/kitchen/ws/ws", 404],
    ["GET", "/r/", 404],
    ["GET", "/r", 404],
    ["GET", "/r/Kitchen", 404],
    ["GET", "/r/a%20b", 404],
    ["GET", "/r/%ff", 404],
    ["GET", "/r/a%2fb", 404],
    ["GET", `/r/${"a".repeat(64)}`, 200],
    ["GET", `/r/${"a".repeat(65)}`, 404],
  ];
  for (const [method, path, status, text] of cases) {
    const response = await ask(path, { method });
    assertEquals(response.status, status, `${method} ${path}`);
    const body = await response.text();
    if (text) assertEquals(body, text);
    if (status === 405) assert(response.headers.get("allow")!.includes("GET"));
  }
});

Deno.test("makeHandler() serves the page's files with their types, and HEAD without a body", async () => {
  const { ask } = makeTestHandler();
  const types: Record<string, string> = {
    "/": "text/html; charset=utf-8",
    js: "text/javascript; charset=utf-8",
    css: "text/css; charset=utf-8",
    svg: "image/svg+xml",
    png: "image/png",
    webmanifest: "application/manifest+json",
  };
  for (const path of ASSETS.keys()) {
    const response = await ask(path);
    assertEquals(response.headers.get("content-type"), types[path.split(".").at(-1)!], path);
    assert((await response.text()).length > 100);
    assertEquals(await (await ask(path, { method: "HEAD" })).text(), "");
  }
  assertStringIncludes(await (await ask("/")).text(), "<title>Confab</title>");
});

Deno.test("makeHandler() serves binary files unchanged, below /r/ as well", async () => {
  const { ask } = makeTestHandler();
  const icon = await Deno.readFile(new URL("../page/icon.png", import.meta.url));
  for (const path of ["/page/icon.png", "/r/page/icon.png"]) {
    assertEquals(await (await ask(path)).bytes(), icon);
  }
});

Deno.test("makeHandler() serves each file in each coding, with its own tag, and 304 to that tag only", async () => {
  const { ask } = makeTestHandler();
  const decode: Record<string, (body: Uint8Array) => Uint8Array> = {
    br: brotliDecompressSync,
    gzip: gunzipSync,
    identity: (body) => body,
  };
  const tags = new Set<string>();
  for (const path of ASSETS.keys()) {
    const isText = !path.endsWith(".png");
    const whole = await (await ask(path)).bytes();
    const found = new Map<string, string>();
    for (const coding of isText ? ["br", "gzip", "identity"] : ["identity"]) {
      const headers = { "accept-encoding": coding };
      const response = await ask(path, { headers });
      const encoding = response.headers.get("content-encoding");
      assertEquals(encoding, coding === "identity" ? null : coding, path);
      const vary = response.headers.get("vary");
      assertEquals(
        vary,
        path === "/" ? "Accept, Accept-Encoding" : isText ? "Accept-Encoding" : null,
      );
      assertEquals(response.headers.get("cache-control"), "no-cache");
      const body = await response.bytes();
      assertEquals(response.headers.get("content-length"), `${body.length}`, path);
      assertEquals(new Uint8Array(decode[coding]!(body)), whole, path);
      const head = await ask(path, { method: "HEAD", headers });
      assertEquals([...head.headers], [...response.headers], path);
      found.set(coding, response.headers.get("etag")!);
    }
    for (const [coding, tag] of found) {
      for (const other of found.keys()) {
        const headers = { "accept-encoding": other, "if-none-match": `"x", ${tag}` };
        const response = await ask(path, { headers });
        assertEquals(response.status, other === coding ? 304 : 200, `${path} ${other} ${coding}`);
        assertEquals(response.headers.get("vary")?.endsWith("Accept-Encoding") ?? false, isText);
        if (response.status !== 304) continue;
        assertEquals([response.headers.get("etag"), await response.text()], [tag, ""]);
        assertEquals(response.headers.get("content-encoding"), null);
      }
      tags.add(tag);
    }
  }
  assertEquals(tags.size, 3 * ASSETS.size - 2); // the icon has only one
});

Deno.test("makeHandler() lets browsers keep the files of this version for good, and no others", async () => {
  const { ask } = makeTestHandler();
  const cacheControl = async (path: string) => (await ask(path)).headers.get("cache-control");
  for (const folder of ["/", "/r/"]) {
    const path = `${folder}v/${VERSION}/page/chat.js`;
    assertEquals(await cacheControl(path), "public, max-age=31536000, immutable");
    // A page that was opened before an update loads the rest of itself later.
    assertEquals(await cacheControl(`${folder}v/000000000000/page/chat.js`), "no-cache");
    assertEquals(await cacheControl(`${folder}page/chat.js`), "no-cache");
  }
  assertEquals(await cacheControl("/"), "no-cache");
  for (
    const path of [`/v/${VERSION}/`, `/v/${VERSION}/main.ts`, "/v/page/chat.js", "/v//page/chat.js"]
  ) {
    assertEquals((await ask(path)).status, 404, path);
  }
  const document = await (await ask("/")).text();
  assertStringIncludes(document, `src="v/${VERSION}/page/chat.js"`);
});

Deno.test("makeHandler() compresses no image, and nothing twice", async () => {
  const { ask } = makeTestHandler();
  const headers = { "accept-encoding": "br, gzip" };
  assertEquals((await ask("/page/icon.png", { headers })).headers.get("content-encoding"), null);
  const once = await (await ask("/page/chat.js", { headers: { "accept-encoding": "gzip" } }))
    .bytes();
  assertStringIncludes(gunzipSync(once).toString(), "import ");
});

Deno.test("makeHandler() serves a manifest that opens the installed room, with icons of the declared sizes", async () => {
  const { ask } = makeTestHandler();
  const path = "/r/page/manifest.webmanifest";
  const manifest = await (await ask(path)).json();
  // Without these members the URL of the room is both the start and the identity of the app.
  for (const member of ["start_url", "id", "scope"]) assert(!(member in manifest), member);
  for (const { src, type, sizes } of manifest.icons) {
    const response = await ask(new URL(src, BASE + path).pathname);
    assertEquals([response.status, response.headers.get("content-type")], [200, type]);
    if (type !== "image/png") continue;
    const header = new DataView(await response.arrayBuffer(), 16); // after signature and chunk header
    assertEquals(`${header.getUint32(0)}x${header.getUint32(4)}`, sizes);
  }
});

Deno.test("makeHandler() sends the page with headers that allow nothing of other sites", async () => {
  const { ask } = makeTestHandler();
  const { headers } = await ask("/");
  const policy = headers.get("content-security-policy")!;
  for (
    const directive of [
      "default-src 'none'",
      "script-src 'self'",
      "manifest-src 'self'",
      "connect-src 'self' ws://chat.example:8080",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ]
  ) assertStringIncludes(policy, directive);
  assert(!policy.includes("unsafe"));
  assertEquals(headers.get("x-content-type-options"), "nosniff");
  assertEquals(headers.get("referrer-policy"), "same-origin");
});

Deno.test("makeHandler() upgrades requests without an Origin or with its own", async () => {
  const { ask } = makeTestHandler();
  const cases: [string | undefined, boolean][] = [
    [undefined, true],
    ["http://chat.example:8080", true],
    ["https://chat.example:8080", true],
    ["http://CHAT.example:8080", true],
    ["http://chat.example", false],
    ["http://chat.example:8081", false],
    ["http://evil.example", false],
    ["http://chat.example:8080.evil.example", false],
    ["null", false],
    ["", false],
  ];
  for (const [origin, isAllowed] of cases) {
    const headers = origin === undefined ? UPGRADE : { ...UPGRADE, origin };
    const response = await ask("/ws", { headers });
    assertEquals(response === UPGRADED, isAllowed, `origin ${origin}`);
    if (!isAllowed) assertEquals(response.status, 403);
  }
  const shouting = { ...UPGRADE, host: "CHAT.example:8080", origin: "http://chat.example:8080" };
  assert(await ask("/ws", { headers: shouting }) === UPGRADED);
});

Deno.test("makeHandler() refuses upgrades and POSTs of a page loaded by http if a proxy reports https", async () => {
  const proxies = new Proxies(["192.0.2.1"]);
  const { ask } = makeTestHandler({ proxies, peer: { ...peer, remoteAddress: "192.0.2.1" } });
  const statuses = async (origin: string, proto: string) => {
    const headers = { ...UPGRADE, origin: `${origin}://chat.example:8080` };
    const seen = { ...headers, "x-forwarded-for": "198.51.100.1", "x-forwarded-proto": proto };
    const upgraded = await ask("/ws", { headers: seen });
    const options = await ask(ROOM, { method: "OPTIONS", headers: seen });
    return [upgraded === UPGRADED ? 101 : upgraded.status, options.status];
  };
  assertEquals(await statuses("https", "https"), [101, 204]);
  assertEquals(await statuses("http", "https"), [403, 403]);
  assertEquals(await statuses("http", "http"), [101, 204]);
  assertEquals(await statuses("https", "http"), [101, 204]);
});

Deno.test("makeHandler() responds 400 to a request with an invalid Host", async () => {
  const { handler } = makeTestHandler();
  const request = new Request(BASE);
  Object.defineProperty(request, "url", { value: "http://a:99999/" });
  assertEquals((await handler(request, peer)).status, 400);
});

Deno.test("makeHandler() responds 400 to an upgrade that the transport rejects as incomplete", async () => {
  const { handler, logged } = makeTestHandler();
  const refusing: Peer = {
    ...peer,
    upgrade: () => {
      throw new TypeError("no key");
    },
  };
  const response = await handler(new Request(`${BASE}/ws`, { headers: UPGRADE }), refusing);
  assertEquals(response.status, 400);
  assertEquals(logged, []);
});

Deno.test("makeHandler() reports the rooms as down if they do not respond in time", async () => {
  using time = new FakeTime();
  const { ask } = makeTestHandler(); // the hub does not run
  const health = ask("/healthz");
  await time.tickAsync(2_000);
  assertEquals((await health).status, 503);
});

Deno.test("makeHandler() opens no stream for a HEAD", async () => {
  const { handler } = makeTestHandler();
  const headers = { accept: "text/event-stream" };
  const request = new Request(`${BASE}/r/ops`, { method: "HEAD", headers });
  const stream = () => {
    throw new Error("opened");
  };
  assertEquals((await handler(request, { ...peer, stream })).status, 200);
});

Deno.test("makeHandler() logs the path of each request for the page, and of no other request", async () => {
  const { ask, logged } = makeTestHandler();
  for (const path of ["/", "/?from=mail", "/page/chat.js", "/nope"]) await ask(path);
  assertEquals(logged, ["page /", "page /"]);
});
