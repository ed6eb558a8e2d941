// Tests which responses are compressed: the whole program on both transports, read byte by byte by a client
// that decodes nothing by itself.
import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { within } from "./support/deadline.ts";
import { type Program, startProgram } from "./support/program.ts";
import { RawSocket } from "./support/raw_socket.ts";

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Asks over a connection of its own, and reads to its end. */
async function ask(
  { port }: Program,
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<Answer> {
  using socket = await RawSocket.connect(port, makeHead(port, { method, path, headers }));
  const { status, headers: answered } = parseHead(await within(10_000, path, socket.readHead()));
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let part; (part = await within(10_000, path, socket.readChunk()));) {
    parts.push(new Uint8Array(part));
  }
  return { status, headers: answered, body: await new Blob(parts).bytes() };
}

function makeHead(
  port: number,
  { method, path, headers }: { method: string; path: string; headers: Record<string, string> },
): string {
  const lines = Object.entries({ host: `127.0.0.1:${port}`, connection: "close", ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `${method} ${path} HTTP/1.1\r\n${lines}\r\n`;
}

function parseHead(head: string): { status: number; headers: Headers } {
  const [first, ...lines] = head.trimEnd().split("\r\n");
  const pairs = lines.map((line) => /^([^:]+): *(.*)$/.exec(line)!.slice(1) as [string, string]);
  return { status: Number(first!.split(" ")[1]), headers: new Headers(pairs) };
}

const DECODERS: Record<string, (body: Uint8Array) => Uint8Array> = {
  gzip: gunzipSync,
  br: brotliDecompressSync,
};

function decode({ headers, body }: Answer): string {
  const coding = headers.get("content-encoding");
  return new TextDecoder().decode(coding === null ? body : DECODERS[coding]!(body));
}

/** Headers that an answer has whatever it is asked for. */
function lasting({ headers }: Answer): [string, string][] {
  return [...headers].filter(([name]) => !["date", "connection", "keep-alive"].includes(name));
}

/** Paths of what is compressed, with what they are asked for as, and the coding of a browser that knows both. */
const COMPRESSED = [
  { path: "/", accept: "text/html", best: "br", vary: "Accept, Accept-Encoding" },
  { path: "/r/ops", accept: "text/html", best: "br", vary: "Accept, Accept-Encoding" },
  { path: "/page/chat.js", accept: "*/*", best: "br", vary: "Accept-Encoding" },
  { path: "/r/page/style.css", accept: "text/css", best: "br", vary: "Accept-Encoding" },
  { path: "/page/manifest.webmanifest", accept: "*/*", best: "br", vary: "Accept-Encoding" },
  { path: "/page/icon.svg", accept: "*/*", best: "br", vary: "Accept-Encoding" },
  { path: "/r/ops", accept: "application/json", best: "gzip", vary: "Accept, Accept-Encoding" },
  { path: "/r/ops", accept: "text/plain", best: "gzip", vary: "Accept, Accept-Encoding" },
];

/** Requests for what goes on. */
const STREAMS = [
  { path: "/r/ops?history=50", accept: "text/event-stream" },
  { path: "/r/ops?history=50", accept: "application/x-ndjson" },
  { path: "/r/ops?follow&history=50", accept: "text/plain" },
];

for (const transport of ["deno", "ws"]) {
  const start = async (env: Record<string, string> = {}) => {
    const args = ["--addr", "127.0.0.1:0", "--transport", transport];
    return await startProgram({ args, env });
  };
  const fill = async ({ port }: Program) => {
    for (let n = 1; n <= 20; n++) {
      const body = `${n}: ${"the quick brown fox ".repeat(5)}`;
      const response = await fetch(`http://127.0.0.1:${port}/r/ops`, { method: "POST", body });
      assertEquals(response.status, 201, await response.text());
    }
  };

  Deno.test(`compression: pages and files in the coding that a client accepts (${transport})`, async () => {
    await using program = await start();
    await fill(program);
    for (const { path, accept, best, vary } of COMPRESSED) {
      const plain = await ask(program, path, { accept });
      assertEquals(plain.headers.get("content-encoding"), null, path);
      assertEquals(plain.headers.get("vary"), vary, path);
      const codings = [
        ["gzip, deflate, br, zstd", best],
        ["gzip", "gzip"],
        ["br;q=0, gzip;q=0.1", "gzip"],
        ["gzip;q=0", null],
        ["identity", null],
      ] as const;
      for (const [acceptEncoding, coding] of codings) {
        const headers = { accept, "accept-encoding": acceptEncoding };
        const answer = await ask(program, path, headers);
        const about = `${path} as ${accept} in ${acceptEncoding}`;
        assertEquals([answer.status, answer.headers.get("content-encoding")], [200, coding], about);
        assertEquals(answer.headers.get("content-length"), `${answer.body.length}`, about);
        assertEquals(answer.headers.get("vary"), vary, about);
        assertEquals(decode(answer), decode(plain), about);
        if (coding) assertLess(answer.body.length, plain.body.length);
        const head = await ask(program, path, headers, "HEAD");
        assertEquals([head.body.length, lasting(head)], [0, lasting(answer)], about);
        const etag = answer.headers.get("etag");
        if (!etag) continue;
        const again = await ask(program, path, { ...headers, "if-none-match": etag });
        assertEquals([again.status, again.body.length], [304, 0], about);
        assertEquals([again.headers.get("vary"), again.headers.get("etag")], [vary, etag], about);
        if (!coding) continue;
        assert(etag !== plain.headers.get("etag"), about);
        const other = await ask(program, path, { accept, "if-none-match": etag });
        assertEquals([other.status, decode(other)], [200, decode(plain)], about);
      }
    }
  });

  Deno.test(`compression: metrics, which a scraper asks for as gzip (${transport})`, async () => {
    await using program = await start();
    const metrics = await ask(program, "/metrics", { "accept-encoding": "gzip" });
    assertEquals(metrics.headers.get("content-encoding"), "gzip");
    assertEquals(metrics.headers.get("vary"), "Accept-Encoding");
    assertStringIncludes(decode(metrics), "# HELP confab_");
  });

  Deno.test(`compression: none of streams, small answers and images (${transport})`, async () => {
    await using program = await start();
    await fill(program);
    const encoding = { "accept-encoding": "gzip, br" };
    for (const { path, accept } of STREAMS) {
      const headers = { ...encoding, accept };
      using socket = await RawSocket.connect(
        program.port,
        makeHead(program.port, { method: "GET", path, headers }),
      );
      const { status, headers: answered } = parseHead(await socket.readHead());
      assertEquals([status, answered.get("content-encoding")], [200, null], accept);
      assertStringIncludes(answered.get("cache-control")!, "no-transform");
      let text = "";
      while (!text.includes("20: the quick brown fox")) {
        const part = await within(10_000, `entries of ${accept}`, socket.readChunk());
        assert(part, `${accept} ended after ${text}`);
        text += new TextDecoder().decode(part, { stream: true });
      }
    }
    for (const path of ["/page/icon.png", "/nope", "/healthz"]) {
      const { headers } = await ask(program, path, encoding);
      assertEquals(headers.get("content-encoding"), null, path);
    }
  });

  Deno.test(`compression: none of what holds a secret (${transport})`, async () => {
    await using program = await start({ CONFAB_PASSWORD: "open, sesame" });
    const encoding = { "accept-encoding": "gzip, br" };
    const long = "x".repeat(2_000);
    const bearer = { ...encoding, authorization: "Bearer open, sesame" };
    const cases: [string, Record<string, string>][] = [
      [`/r/ops?${long}`, { ...encoding, accept: "text/html" }],
      [`/sign-in?next=/r/${long}`, encoding],
      [`/invite/${long}`, encoding],
      ["/invites", bearer],
    ];
    for (let n = 0; n < 20; n++) {
      const init = { method: "POST", headers: { authorization: "Bearer open, sesame" } };
      const made = await fetch(`http://127.0.0.1:${program.port}/invites`, init);
      assertEquals(made.status, 201, await made.text());
    }
    for (const [path, headers] of cases) {
      const answer = await ask(program, path, headers);
      assertEquals(answer.headers.get("content-encoding"), null, path);
      assertEquals(answer.headers.get("cache-control"), "no-store, no-transform", path);
    }
    const style = await ask(program, "/sign-in/sign_in.css", encoding);
    assertEquals(style.headers.get("content-encoding"), "br");
    const page = await ask(program, "/r/ops", { ...bearer, accept: "text/html" });
    assertEquals([page.status, page.headers.get("content-encoding")], [200, "br"]);
  });
}
