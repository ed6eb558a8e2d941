// Each limit, set by its flag, and one more than it allows: on both transports.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { within } from "./support/deadline.ts";
import { JsonSocket } from "./support/json_socket.ts";
import { type Program, startProgram } from "./support/program.ts";
import { encodeFrame, OPCODE, RawSocket, upgradeRequest } from "./support/raw_socket.ts";

/** Where node:http knows no peer address of an upgrade, and Deno's own server drops a silent peer late. */
const IS_26 = Deno.version.deno.startsWith("2.6.");

const PROXY = ["--trust-proxy", "127.0.0.1"];

async function say(port: number, headers: Record<string, string> = {}, text = "hi") {
  const url = `http://127.0.0.1:${port}/r/ops?name=Ann`;
  const response = await fetch(url, { method: "POST", body: text, headers });
  const { code, retryAfterMs } = await response.json();
  return { status: response.status, code, retryAfterMs, headers: response.headers };
}

/** More than the system holds for a reader that does not read. */
const LONG = "x".repeat(8_000_000);
const TAKES_LONG = ["--max-message", String(LONG.length)];

/** Joins the room by the wire of lines, and reads nothing from then on. */
async function openSlow(port: number): Promise<RawSocket> {
  const slow = await RawSocket.open(port, "/r/ops/ws");
  await slow.send("first"); // it takes part from some time after it has connected
  assertEquals(await slow.readText(), "first");
  return slow;
}

/** The value of a metric; 0 where there is none. */
async function read(port: number, metric: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const line = text.split("\n").find((line) => line.startsWith(`confab_${metric} `));
  return Number(line?.split(" ")[1] ?? 0);
}

async function until(port: number, metric: string, value: number): Promise<void> {
  const endMs = Date.now() + 8_000;
  while (await read(port, metric) !== value) {
    assert(Date.now() < endMs, `${metric} is not ${value}`);
  }
}

for (const transport of ["deno", "ws"]) {
  const test = (
    what: string,
    args: string[],
    use: (program: Program) => Promise<void>,
    ignore = false,
  ) =>
    Deno.test(`limits on ${transport}: ${what}`, { ignore }, async () => {
      const all = ["--addr", "127.0.0.1:0", "--journal", "memory", "--transport", transport];
      await using program = await startProgram({ args: [...all, ...args] });
      await use(program);
    });

  test("--max-message", ["--max-message", "20"], async ({ port }) => {
    const { socket, welcome } = await JsonSocket.join(port, { name: "Ann" });
    await using ann = socket;
    assertEquals(welcome["limits"], { textBytes: 20 });
    ann.send({ type: "say", id: "1", text: "é".repeat(10) });
    assertEquals((await ann.read("ack"))?.id, "1");
    ann.send({ type: "say", id: "2", text: "é".repeat(10) + "!" });
    assertEquals((await ann.read("error"))?.code, "too_long");
    using line = await RawSocket.open(port);
    await line.send("x".repeat(20));
    await line.send("x".repeat(21));
    assertEquals((await line.readClose()).code, 1009);
    assertEquals((await say(port, {}, "x".repeat(20))).status, 201);
    assertEquals((await say(port, {}, "x".repeat(21))).code, "too_long");
  });

  const tellsReasons = async ({ port }: Program) => {
    const text = (bytes: Uint8Array) => encodeFrame(OPCODE.text, bytes);
    const cases: [Uint8Array, number, string][] = [
      [text(Uint8Array.of(0xff, 0xfe)), 1007, "not_text"],
      [text(new Uint8Array(131_100)), 1009, "too_long"],
      [Uint8Array.of(0x83, 0x80, 0, 0, 0, 0), 1002, "bad_frame"],
    ];
    for (const [bytes, closeCode, code] of cases) {
      using json = await RawSocket.open(port, "/ws", ["Sec-WebSocket-Protocol: confab.v1"]);
      await json.send(JSON.stringify({ type: "hello", key: "the key of somebody" }));
      while (!(await json.readText()).includes('"welcome"'));
      await json.write(bytes);
      let line = await json.readText();
      while (!line.includes('"bye"')) line = await json.readText();
      assertStringIncludes(line, `"code":"${code}"`);
      assertEquals(
        await json.readClose().then(({ code: n, reason }) => [n, reason.split(":")[0]]),
        [
          closeCode,
          code,
        ],
      );
      using lines = await RawSocket.open(port);
      await lines.write(bytes);
      const { reason } = await lines.readClose();
      assertEquals(reason.split(":")[0], code);
    }
  };
  // Deno's own server closes by itself, without a word.
  if (transport === "ws") test("messages that break a rule: bye and the reason", [], tellsReasons);

  test("--rate, by its connection and by the address of a post", ["--rate", "2"], async (p) => {
    const { socket } = await JsonSocket.join(p.port, { name: "Ann" });
    await using ann = socket;
    const ids = ["1", "2", "3", "4", "5", "6"];
    ann.send(...ids.map((id) => ({ type: "say", id, text: id })));
    for (const id of ["5", "6"]) {
      const { code, id: refused, retryAfterMs } = (await ann.read("error"))!;
      assertEquals([code, refused], ["rate_limited", id]);
      assert((retryAfterMs as number) >= 500 && (retryAfterMs as number) <= 2000);
    }
    // A change of name is one more, and waits for its turn as well.
    ann.send({ type: "name", name: "Anna" });
    assertEquals((await ann.read("error"))?.code, "rate_limited");
    using line = await RawSocket.open(p.port);
    for (const text of ids) await line.send(text);
    const { code, reason } = await line.readClose();
    assertEquals([code, reason.split(":")[0]], [1008, "rate_limited"]);
    for (let n = 0; n < 4; n++) assertEquals((await say(p.port)).status, 201);
    const fifth = await say(p.port, { "x-forwarded-for": "198.51.100.1" }); // of nobody who is believed
    assertEquals([fifth.status, fifth.code], [429, "rate_limited"]);
    assertEquals(fifth.headers.get("retry-after"), "1");
    assert(fifth.retryAfterMs <= 500);
  });

  test("pages of history, by the address", ["--rate", "1"], async ({ port }) => {
    const [one, two] = [await JsonSocket.join(port), await JsonSocket.join(port)];
    await using ann = one.socket;
    await using ben = two.socket;
    const ask = async (socket: JsonSocket, count: number) => {
      const line = { type: "history", before: 1, limit: 1 };
      socket.send(...Array.from({ length: count }, () => line));
      const answers = [];
      for (let n = 0; n < count; n++) answers.push(await socket.read("page", "error"));
      return answers.filter((answer) => answer?.type === "page").length;
    };
    // Eight at once, and perhaps a few more for the time that it takes.
    const pages = await ask(ann, 6) + await ask(ben, 30);
    assert(pages >= 8 && pages < 30, `${pages} pages`);
    ben.send({ type: "history", before: 1, limit: 1 });
    const refusal = await ben.read("page", "error");
    assertEquals([refusal?.code, refusal?.["retryAfterMs"]], ["rate_limited", 500]);
    const url = `http://127.0.0.1:${port}/r/lobby`;
    const { status, headers, body } = await fetch(url, { headers: { accept: "text/plain" } });
    await body?.cancel();
    assertEquals([status, headers.get("retry-after")], [429, "1"]);
  }, IS_26 && transport === "ws");

  test("lines of any type", ["--rate", "1"], async ({ port }) => {
    await using silent = await JsonSocket.open(port);
    // Eighty at once, and some more for the time that they take.
    silent.send(...Array.from({ length: 400 }, (_, n) => ({ type: "ping", n })));
    assertEquals(
      (await within(5_000, "the end", silent.closed)).reason.split(":")[0],
      "rate_limited",
    );
  });

  test("messages without a line", ["--rate", "1"], async ({ port }) => {
    const { socket } = await JsonSocket.join(port, { name: "Ann" });
    await using ann = socket;
    for (let n = 0; n < 400; n++) ann.sendText(n % 2 ? "\n\n" : "");
    assertEquals((await ann.read("bye"))?.code, "rate_limited");
  });

  test("the log names a limit once, whichever part refuses", ["--per-address", "1"], async (
    program,
  ) => {
    const { port } = program;
    const get = "GET /r/ops HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n";
    using stream = await RawSocket.connect(port, get);
    assertStringIncludes(await stream.readHead(), "HTTP/1.1 200 ");
    using second = await RawSocket.connect(port, get); // refused by the router, and idle from then on
    assertStringIncludes(await second.readHead(), "HTTP/1.1 503 ");
    using third = await RawSocket.connect(port, get); // on transport ws refused before its request
    assertStringIncludes(await third.readHead(), "HTTP/1.1 503 ");
    program.kill("SIGTERM");
    await program.status;
    assertEquals(program.log().match(/limit reached/g)?.length, 1, program.log());
  });

  test("--per-address and --max-connections", [
    ...["--per-address", "2", "--max-connections", "3"],
    ...PROXY,
  ], async ({ port }) => {
    const from = (address: string) => [`X-Forwarded-For: 6.6.6.6, ${address}`];
    const open = (address: string) => RawSocket.open(port, "/ws", from(address));
    using first = await open("2001:db8::1");
    const get = (address: string) =>
      ["GET /r/ops HTTP/1.1", "Host: a", "Accept: text/event-stream", ...from(address), "\r\n"]
        .join("\r\n");
    using stream = await RawSocket.connect(port, get("2001:db8::2"));
    assertStringIncludes(await stream.readHead(), "HTTP/1.1 200 ");
    const refused = async (head: string) => {
      using peer = await RawSocket.connect(port, head);
      const text = (await peer.readHead()).toLowerCase();
      assertStringIncludes(text, "http/1.1 503 ");
      assertStringIncludes(text, "retry-after: 5\r\n");
    };
    await refused(upgradeRequest(port, "/ws", from("2001:db8::3")));
    await refused(get("2001:db8::4"));
    using _third = await open("2001:db8:1::1");
    await refused(upgradeRequest(port, "/ws", from("198.51.100.1")));
    assertEquals(
      (await fetch(`http://127.0.0.1:${port}/healthz`).then((r) => r.json())).status,
      "ok",
    );
    first.drop();
    stream.drop();
    const until = Date.now() + 10_000;
    for (let isIn = false; !isIn;) {
      assert(Date.now() < until, "no place was given back");
      isIn = await open("2001:db8::5").then((peer) => (peer.drop(), true), () => false);
    }
  }, IS_26 && transport === "ws");

  test("--max-rooms", ["--max-rooms", "1"], async ({ port }) => {
    // Nobody has spoken there, so that it does not count.
    const { socket } = await JsonSocket.join(port, { name: "Ann", path: "/r/silent/ws" });
    await using ann = socket;
    assertEquals((await say(port)).status, 201);
    ann.send({ type: "say", id: "1", text: "hi" });
    assertEquals((await ann.read("error"))?.code, "too_many_rooms");
    const url = `http://127.0.0.1:${port}/r/another`;
    const response = await fetch(url, { method: "POST", body: "hi" });
    assertEquals([response.status, (await response.json()).code], [403, "too_many_rooms"]);
    assertEquals((await say(port)).status, 201);
  });

  test("--queue", ["--queue", "1", ...TAKES_LONG], async ({ port }) => {
    using slow = await openSlow(port);
    // The first fills its socket, the second its queue.
    const texts = [LONG, "queued", "one more", "and one"];
    for (const text of texts) assertEquals((await say(port, {}, text)).status, 201);
    assertEquals([await read(port, "lagging_members"), await read(port, "lag_entries")], [1, 2]);
    const received: string[] = [];
    while (received.length < texts.length) received.push(...(await slow.readText()).split("\n"));
    assert(received[0] === `¶ Ann#0000: ${LONG}`);
    assertEquals(received.slice(1), texts.slice(1).map((text) => `¶ Ann#0000: ${text}`));
    await until(port, "lagging_members", 0);
  });

  test("--stall", ["--stall", "1", ...TAKES_LONG], async ({ port }) => {
    using slow = await openSlow(port);
    const { socket } = await JsonSocket.join(port, { path: "/r/ops/ws", history: 0 });
    await using ben = socket;
    assertEquals((await say(port, {}, LONG)).status, 201);
    await until(port, 'closed_connections_total{code="stalled"}', 1);
    assert((await ben.read("entry"))?.text === LONG, "who reads stays");
    assertEquals((await say(port)).status, 201);
    assertEquals((await ben.read("entry"))?.text, "hi");
    if (transport === "deno") return; // it cannot drop a peer that has stopped reading
    const end = async () => {
      while (await slow.readChunk());
    };
    await within(5_000, "the end", end());
  });

  test("--ping", ["--ping", "1"], async ({ port }) => {
    using mute = await RawSocket.open(port); // it answers no ping
    const startedMs = performance.now();
    await within(
      12_000,
      "the end",
      (async () => {
        while (await mute.readFrame());
      })(),
    );
    const tookMs = performance.now() - startedMs;
    assert(tookMs > 2_000 && tookMs < 11_000, `${tookMs} ms`);
  }, IS_26 && transport === "deno");
}

Deno.test("limits: those of 0 are none", async () => {
  const flags = [
    ...["max-message", "queue", "stall", "ping", "rate"],
    ...["max-connections", "per-address", "max-rooms", "max-data"],
  ];
  const args = flags.flatMap((flag) => [`--${flag}`, "0"]);
  await using program = await startProgram({ args: ["--addr", "127.0.0.1:0", ...args] });
  const { socket, welcome } = await JsonSocket.join(program.port, { name: "Ann" });
  await using ann = socket;
  assertEquals(welcome["limits"], { textBytes: Number.MAX_SAFE_INTEGER });
  const text = "x".repeat(3 * 1024 * 1024);
  ann.send({ type: "say", id: "1", text });
  assert((await ann.read("entry"))?.text === text);
  ann.send({ type: "history", before: 2, limit: 1 });
  assert((await ann.read("page"))?.entries[0]?.text === text);
});
