// Rows about requests that ask for more than they cost: bodies that grow when they are decoded, answers that are compressed
// for nobody, and heads that name other hosts or methods.
import { gzipSync } from "node:zlib";
import { RawSocket } from "../support/raw_socket.ts";
import { exactly, type Figure, part, type Row, type Setting } from "./row.ts";
import { examine, residentMiB, startVictim } from "./victim.ts";
import { describeWatched, watch, watchCalm } from "./watch.ts";

export const REQUEST_ROWS: readonly Row[] = [
  { id: "bombs", fault: "bodies of 64 KiB that decode to 64 MiB, in every coding", run: runBombs },
  {
    id: "slow-gzip",
    fault: "as many compressed pages as an address may ask for at once, and nobody reads them",
    run: runGzip,
  },
  {
    id: "hosts",
    fault: "1,000 requests with other hosts, several or none, or TRACE",
    run: runHosts,
  },
];

const BOMB_BYTES = 64 * 1024 * 1024;
const BOMBS = 100;
const CODINGS = ["gzip", "x-gzip", "deflate", "br", "zstd", "gzip, gzip", "identity, gzip", "GZIP"];

/** Memory beyond that of small requests. One decoded body would take 64 MiB. */
const MOST_MORE_MIB = 48;

async function runBombs(setting: Setting): Promise<Figure[]> {
  await using victim = await startVictim(setting);
  const bomb = new Uint8Array(gzipSync(new Uint8Array(BOMB_BYTES)));
  const url = `http://127.0.0.1:${victim.port}/r/ops`;
  const bombs = part(BOMBS, setting);
  await post(url, "gzip", new Uint8Array(bomb.length)); // what the first request needs
  const before = residentMiB(victim);
  let refused = 0;
  let peak = before;
  for (let n = 0; n < bombs; n++) {
    const query = ["", "?format=slack", "?format=github", "?name=x"][n % 4];
    if (await post(`${url}${query}`, CODINGS[n % CODINGS.length]!, bomb) === 415) refused++;
    peak = Math.max(peak, residentMiB(victim));
  }
  const page = await fetch(url, { headers: { accept: "application/json" } });
  return [
    exactly("bombs that got 415", refused, bombs),
    exactly("messages stored", (await page.json()).head, 0),
    { what: "more memory at the peak", value: peak - before, unit: "MiB", most: MOST_MORE_MIB },
    ...await examine(victim),
  ];
}

async function post(url: string, coding: string, body: Uint8Array<ArrayBuffer>): Promise<number> {
  const headers = { "content-encoding": coding };
  const response = await fetch(url, { method: "POST", headers, body });
  await response.body?.cancel();
  return response.status;
}

/** Burst of pages with the default limits, which the server under attack does not have. */
const READERS = 40;
const TEXTS = 100;

/** Memory for pages that nobody reads: compressed ones, and those that wait to be compressed. */
const MOST_UNREAD_MIB = 96;

async function runGzip(setting: Setting): Promise<Figure[]> {
  await using victim = await startVictim(setting);
  const { port } = victim;
  for (let n = 0; n < TEXTS; n++) {
    const text = crypto.getRandomValues(new Uint8Array(6_000)).toHex(); // compresses to half of it
    await fetch(`http://127.0.0.1:${port}/r/ops`, { method: "POST", body: text })
      .then((response) => response.body?.cancel());
  }
  const calm = await watchCalm(port, setting);
  const before = residentMiB(victim);
  const request =
    "GET /r/ops?limit=500 HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n";
  const { result: sockets, ...watched } = await watch(port, async () => {
    const opened = Array.from(
      { length: part(READERS, setting) },
      () => RawSocket.connect(port, request),
    );
    await new Promise((resolve) => setTimeout(resolve, part(3_000, setting)));
    return await Promise.all(opened);
  });
  const more = residentMiB(victim) - before;
  for (const socket of sockets) socket.drop();
  return [
    exactly("readers", sockets.length, part(READERS, setting)),
    { what: "more memory while they wait", value: more, unit: "MiB", most: MOST_UNREAD_MIB },
    ...calm,
    ...describeWatched(watched),
    ...await examine(victim),
  ];
}

const REQUESTS = 1_000;
const AT_ONCE = 50;

/** Heads that are refused, and the status of the answer. */
const HEADS: readonly [head: string, status: number][] = [
  ["GET /r/ops HTTP/1.1\r\nHost: a\r\nHost: b", 400],
  ["GET /r/ops HTTP/1.1\r\nHost: a\r\nHost: a", 400],
  ["GET /r/ops HTTP/1.1\r\nHost: a@b", 400],
  ["GET /r/ops HTTP/1.1\r\nHost: ops.example/r/ops?", 400],
  ["GET /r/ops HTTP/1.1", 400],
  ["GET /r/ops HTTP/1.1\r\nHost: rebind.evil.example", 421],
  ["TRACE /r/ops HTTP/1.1\r\nHost: localhost", 405],
];

/** Lines of a log that 1,000 requests may fill. */
const MOST_LINES = 20;

async function runHosts(setting: Setting): Promise<Figure[]> {
  await using victim = await startVictim(setting);
  const count = part(REQUESTS, setting);
  const linesBefore = countLines(victim.log());
  let expected = 0;
  for (let sent = 0; sent < count; sent += AT_ONCE) {
    const answers = Array.from({ length: Math.min(AT_ONCE, count - sent) }, async (_, n) => {
      const [head, status] = HEADS[(sent + n) % HEADS.length]!;
      using socket = await RawSocket.connect(victim.port, `${head}\r\nX-N: ${sent + n}\r\n\r\n`);
      return (await socket.readHead()).startsWith(`HTTP/1.1 ${status} `);
    });
    expected += (await Promise.all(answers)).filter(Boolean).length;
  }
  return [
    exactly("requests that got 400, 421 or 405 as they should", expected, count),
    { what: "lines in the log", value: countLines(victim.log()) - linesBefore, most: MOST_LINES },
    ...await examine(victim),
  ];
}

function countLines(text: string): number {
  return text.split("\n").length - 1;
}
