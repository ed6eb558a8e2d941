import { assert, assertEquals } from "@std/assert";
import { gunzipSync } from "node:zlib";
import { addVary, chooseCoding, type Coding, gzip, respondWithText } from "./coding.ts";

const ALL: Coding[] = ["br", "gzip", "identity"];

Deno.test("chooseCoding() returns the coding with the highest weight, and among equals the server's first", () => {
  const cases: [string | null, Coding, Coding[]?][] = [
    [null, "identity"],
    ["", "identity"],
    ["gzip", "gzip"],
    ["gzip, deflate, br, zstd", "br"],
    ["gzip, deflate, br, zstd", "gzip", ["gzip", "identity"]],
    ["br", "identity", ["gzip", "identity"]],
    ["GZIP", "gzip"],
    [" gzip ; q=0.5 ,br ; Q=0.2", "gzip"],
    ["gzip;q=1.0, br;q=0.9", "gzip"],
    ["br;q=0, gzip", "gzip"],
    ["gzip;q=0", "identity"],
    ["gzip;q=0.000", "identity"],
    ["gzip;q=0, *", "br"],
    ["*", "br"],
    ["*;q=0", "identity"],
    ["*;q=0, gzip", "gzip"],
    ["identity", "identity"],
    ["identity;q=0", "identity"], // the client accepts no other coding
    ["identity;q=0, gzip;q=0.1", "gzip"],
    ["identity, gzip;q=0.5", "identity"],
    ["gzip;q=0.5", "gzip"],
    ["gzip;q=0.5", "identity", ["identity", "gzip"]],
    ["identity;q=0, gzip", "gzip", ["identity", "gzip"]],
    ["identity;q=0.5, gzip;q=0.6", "gzip"],
    ["deflate", "identity"],
    ["gzip;q=2", "identity"], // invalid weights
    ["gzip;q=-1", "identity"],
    ["gzip;q=", "identity"],
    ["gzip;q=0.1234", "identity"],
    [",,gzip,", "gzip"],
    [";q=1", "identity"],
    ["gzipx, xgzip", "identity"],
  ];
  for (const [header, coding, available = ALL] of cases) {
    assertEquals(chooseCoding(header, available), coding, `${header} of ${available}`);
  }
});

function ask(acceptEncoding: string, method = "GET"): Request {
  return new Request("http://x/", { method, headers: { "accept-encoding": acceptEncoding } });
}

const LARGE = "hello, world\n".repeat(100);
const SMALL = "é".repeat(511); // 1,022 bytes

Deno.test("respondWithText() compresses text that is large enough, for clients that accept it", async () => {
  const cases: [string, string, string | null][] = [
    [LARGE, "gzip, br", "gzip"],
    [LARGE, "br", null],
    [LARGE, "", null],
    [SMALL, "gzip", null],
    [`${SMALL}é`, "gzip", "gzip"],
    [SMALL, "gzip, identity;q=0", "gzip"],
  ];
  for (const [text, acceptEncoding, coding] of cases) {
    const headers = { "content-type": "text/plain" };
    const response = await respondWithText(ask(acceptEncoding), text, headers);
    assertEquals(response.headers.get("content-encoding"), coding);
    assertEquals(response.headers.get("vary"), "Accept-Encoding");
    assertEquals(response.headers.get("content-type"), "text/plain");
    const body = await response.bytes();
    assertEquals(response.headers.get("content-length"), `${body.length}`);
    assertEquals(new TextDecoder().decode(coding ? gunzipSync(body) : body), text);
    const head = await respondWithText(ask(acceptEncoding, "HEAD"), text, headers);
    assertEquals([...head.headers], [...response.headers]);
    assertEquals((await head.bytes()).length, 0);
  }
});

Deno.test("gzip() lets the event loop run while it compresses", async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(65_536));
  const large = new Uint8Array(16 * bytes.length);
  for (let at = 0; at < large.length; at += bytes.length) large.set(bytes, at);
  let turns = 0;
  const turn = () => {
    turns++;
    timer = setTimeout(turn, 0);
  };
  let timer = setTimeout(turn, 0);
  const compressed = await gzip(large);
  clearTimeout(timer);
  assert(turns >= 4, `${turns} turns`);
  assertEquals(new Uint8Array(gunzipSync(compressed)), large);
  assertEquals(gunzipSync(await gzip(new Uint8Array(0))).length, 0);
});

Deno.test("addVary() keeps existing names", () => {
  const headers = new Headers();
  addVary(headers, "Accept-Encoding");
  addVary(headers, "Accept, Origin");
  assertEquals(headers.get("vary"), "Accept, Origin, Accept-Encoding");
});
