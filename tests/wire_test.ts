// Requests as other programs really send them, byte for byte, to the real server over both transports.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Proxies } from "../http/client_address.ts";
import { listenDeno } from "../transport/deno.ts";
import { listenWs } from "../transport/ws.ts";
import { within } from "./support/deadline.ts";
import { encodeFrame, OPCODE, RawSocket, upgradeRequest } from "./support/raw_socket.ts";
import { startProgram } from "./support/program.ts";
import { eventually } from "./support/until.ts";
import { serve, type Serving, type ServingOptions } from "./support/serving.ts";

const TRANSPORTS = { deno: listenDeno, ws: listenWs };

/** As the server starts without `--host` and `--base`. */
const LOCAL_NAMES = { hosts: [], base: "" };

interface Answer {
  readonly status: number;
  /** Head of the response, in lower case. */
  readonly head: string;
  readonly body: string;
}

/** Sends a request with exactly these lines, and reads the response to the end of the connection. */
async function ask({ port }: { port: number }, lines: string[], body = ""): Promise<Answer> {
  const head = [lines[0], "Connection: close", ...lines.slice(1), "", ""].join("\r\n");
  using socket = await RawSocket.connect(port, head + body);
  let text = "";
  for (;;) {
    const chunk = await within(5_000, "a response", socket.readChunk());
    if (!chunk) break;
    text += new TextDecoder().decode(chunk);
  }
  const end = text.indexOf("\r\n\r\n");
  return {
    status: Number(text.slice(9, 12)),
    head: text.slice(0, end).toLowerCase(),
    body: text.slice(end + 4),
  };
}

/** Asks for an upgrade with these headers beside a valid handshake. Returns the head of the response. */
async function upgrade({ port }: Serving, request: string): Promise<string> {
  using socket = await RawSocket.connect(port, request);
  return (await within(5_000, "a response", socket.readHead())).toLowerCase();
}

for (const [transport, listen] of Object.entries(TRANSPORTS)) {
  const test = (what: string, fn: (start: typeof serve) => Promise<void>) =>
    Deno.test(
      `wire, ${transport}: ${what}`,
      () => fn((options: ServingOptions = {}) => serve({ listen, ...options })),
    );

  test("a request names exactly one host, and nothing else in its Host", async (start) => {
    await using server = await start();
    await fetch(server.url, { method: "POST", body: "a secret" }).then((r) => r.body?.cancel());
    const port = server.port;
    const accepted = [`127.0.0.1:${port}`, "localhost", "LOCALHOST.:80", "[::1]:8080", "a_b", "x:"];
    for (const host of accepted) {
      const { status } = await ask(server, ["GET /r/ops HTTP/1.1", `Host: ${host}`]);
      assertEquals(status, 200, host);
    }
    const refused = [
      "chat.example.org/r/ops?",
      "chat.example.org/r/ops#",
      "chat.example.org\\r\\ops?",
      "a@b",
      "a:b@c",
      "x:99999",
      "x:1x",
      "[::1",
      "::1",
      "a b",
      "a%2fb",
      "a,b",
      "",
    ];
    for (const host of refused) {
      const { status, body } = await ask(server, ["GET /nowhere HTTP/1.1", `Host: ${host}`]);
      assertEquals(status, 400, host);
      assert(!body.includes("secret"));
    }
    for (const hosts of [[], ["Host: x", "Host: x"], ["Host: x", "Host: evil.example"]]) {
      const { status } = await ask(server, ["GET /r/ops HTTP/1.1", ...hosts]);
      assertEquals(status, 400, hosts.join());
      const request = upgradeRequest(port, "/r/ops/ws", hosts).replace(/Host: 127.*\r\n/, "");
      assertMatch(await upgrade(server, request), /^http\/1.1 400 /, hosts.join());
    }
  });

  test("a health check by HTTP/1.0 may name no host", async (start) => {
    await using server = await start({ hostOptions: LOCAL_NAMES });
    assertEquals((await ask(server, ["GET /healthz HTTP/1.0"])).status, 200);
    assertEquals((await ask(server, ["GET / HTTP/1.0"])).status, 400);
  });

  test("without --host, names that an attacker can point here are refused, and the flag is named", async (start) => {
    await using server = await start({ hostOptions: LOCAL_NAMES });
    const name = "rebind.evil.example";
    for (const host of [name, `${name}:${server.port}`, `${name}.`, "127.0.0.1.evil.example"]) {
      for (const line of ["GET /r/ops HTTP/1.1", "GET / HTTP/1.1", "OPTIONS /r/ops HTTP/1.1"]) {
        const { status, body } = await ask(server, [line, `Host: ${host}`]);
        assertEquals(status, 421, `${line} ${host}`);
        assertStringIncludes(body, `start the server with --host ${host.split(/:|\.$/)[0]}\n`);
      }
      const post = ["POST /r/ops HTTP/1.1", `Host: ${host}`, "Content-Length: 2"];
      assertEquals((await ask(server, post, "hi")).status, 421);
      const request = upgradeRequest(server.port, "/ws").replace(/Host: .*/, `Host: ${host}`);
      assertMatch(await upgrade(server, request), /^http\/1.1 421 /, host);
    }
    assertEquals(server.logged, ["host name refused"]); // once, whatever the number of requests
    const names = [
      "127.0.0.1",
      "[::1]:80",
      "localhost",
      "box",
      "Box:8080",
      "box.local.",
      "chat.internal",
      "nas.home.arpa",
      "x.localhost",
    ];
    for (const host of names) {
      const { status } = await ask(server, ["GET /r/ops HTTP/1.1", `Host: ${host}`]);
      assertEquals(status, 200, host);
    }
    assertEquals((await ask(server, ["GET /healthz HTTP/1.1", `Host: ${name}`])).status, 200);
  });

  test("an offer to upgrade to anything but a WebSocket is ignored", async (start) => {
    await using server = await start();
    const offer = ["Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"];
    const { status } = await ask(server, [
      "GET /r/ops HTTP/1.1",
      "Host: x",
      "Connection: Upgrade, HTTP2-Settings",
      ...offer,
    ]);
    assertEquals(status, 200);
  });

  test("a handshake needs version 13 and a key of 16 bytes, and is told so", async (start) => {
    await using server = await start();
    const good = upgradeRequest(server.port, "/r/ops/ws");
    const bad = [
      good.replace("Version: 13", "Version: 8"),
      good.replace(/Sec-WebSocket-Version.*\r\n/, ""),
      good.replace(/Key: .*/, "Key: AAA="),
      good.replace(/Key: .*/, "Key: "),
      good.replace(/Sec-WebSocket-Key.*\r\n/, ""),
    ];
    for (const request of bad) {
      const head = await upgrade(server, request);
      assertMatch(head, /^http\/1.1 400 /, request);
      assertStringIncludes(head, "sec-websocket-version: 13", request);
    }
    assertMatch(await upgrade(server, good), /^http\/1.1 101 /);
  });

  test("a list of subprotocols is separated by commas, with and without spaces", async (start) => {
    await using server = await start();
    const lists = [
      ["foo,confab.v1"],
      ["confab.v1,foo"],
      ["foo , confab.v1"],
      ["foo,\tconfab.v1"],
      ["foo", "confab.v1"],
    ];
    for (const list of lists) {
      const headers = list.map((value) => `Sec-WebSocket-Protocol: ${value}`);
      const head = await upgrade(server, upgradeRequest(server.port, "/r/ops/ws", headers));
      assertMatch(head, /^http\/1.1 101 /, list.join());
      assertMatch(head, /\r\nsec-websocket-protocol: confab.v1\r\n/, list.join());
    }
    const other = upgradeRequest(server.port, "/r/ops/ws", ["Sec-WebSocket-Protocol: foo,bar"]);
    const head = await upgrade(server, other);
    assertMatch(head, /^http\/1.1 101 /);
    assert(!head.includes("sec-websocket-protocol"), head);
  });

  test("a default port and a dot at the end make no other origin", async (start) => {
    await using server = await start();
    const cases: [host: string, origin: string, status: number][] = [
      ["x:443", "https://x", 101],
      ["x:80", "http://x", 101],
      ["x.", "https://x", 101],
      ["x", "https://x.", 101],
      ["X.:443", "https://x", 101],
      ["x:8443", "https://x:8443", 101],
      ["x:80", "https://x", 403],
      ["x:8443", "https://x", 403],
      ["x", "https://x:8443", 403],
      ["x", "https://y", 403],
    ];
    for (const [host, origin, status] of cases) {
      const request = upgradeRequest(server.port, "/r/ops/ws", [`Origin: ${origin}`])
        .replace(/Host: .*/, `Host: ${host}`);
      const head = await upgrade(server, request);
      assertStringIncludes(head, `http/1.1 ${status} `, `${host} ${origin}`);
    }
  });

  test("a proxy's wss is https, for the socket as for the page", async (start) => {
    await using server = await start({ proxies: new Proxies(["127.0.0.1"]) });
    for (const [scheme, status] of [["wss", 403], ["https, https", 403], ["ws", 101]] as const) {
      const headers = ["Origin: http://x", `X-Forwarded-Proto: ${scheme}`];
      const request = upgradeRequest(server.port, "/r/ops/ws", headers)
        .replace(/Host: .*/, "Host: x");
      assertStringIncludes(await upgrade(server, request), `http/1.1 ${status} `, scheme);
    }
  });

  test("a stream has its head and a first sign of life at once", async (start) => {
    await using server = await start();
    const types: [accept: string, sign: RegExp][] = [
      ["text/plain", /^\n/],
      ["application/x-ndjson", /^\{"type":"welcome"/],
      ["text/event-stream", /^event: welcome\n/],
    ];
    for (const [accept, sign] of types) {
      const lines = ["GET /r/quiet?follow HTTP/1.1", "Host: x", `Accept: ${accept}`, "", ""];
      using socket = await RawSocket.connect(server.port, lines.join("\r\n"));
      const head = await within(2_000, "a head", socket.readHead());
      assertMatch(head, /^HTTP\/1.1 200 /);
      let body = "";
      while (!body.includes("\n")) {
        const chunk = await within(2_000, "a sign of life", socket.readChunk());
        body += new TextDecoder().decode(chunk!).replace(/^[\da-f]+\r\n/i, "");
      }
      assertMatch(body, sign, accept);
    }
  });

  test("every answer below /r/ can be read by a page of an allowed origin", async (start) => {
    const friend = "https://friend.example";
    await using server = await start({ allowOrigins: [friend], hostOptions: LOCAL_NAMES });
    const cases: [line: string, status: number, host?: string][] = [
      ["GET /r/ops HTTP/1.1", 200],
      ["GET /r/Bad%20room HTTP/1.1", 404],
      ["OPTIONS /r/Bad%20room HTTP/1.1", 404],
      ["GET /r/ops/nowhere HTTP/1.1", 404],
      ["POST /r/ops/ws HTTP/1.1", 405],
      ["GET /r/ops?after=x HTTP/1.1", 400],
      ["PUT /r/ops HTTP/1.1", 405],
      ["GET /r/ops HTTP/1.1", 421, "evil.example"],
    ];
    for (const [line, status, host = "x"] of cases) {
      for (const origin of [friend, "https://evil.example"]) {
        const answer = await ask(server, [line, `Host: ${host}`, `Origin: ${origin}`]);
        if (origin === friend) assertEquals(answer.status, status, line);
        const isAllowed = answer.head.includes(`\r\naccess-control-allow-origin: ${origin}`);
        assertEquals(isAllowed, origin === friend, `${line} ${origin}`);
        assertMatch(answer.head, /\r\nvary:[^\r]*\borigin\b/, line);
      }
    }
  });

  test("a refused upgrade can be read by a page of an allowed origin", async (start) => {
    const friend = "https://friend.example";
    await using server = await start({ allowOrigins: [friend] });
    const lines = ["GET /r/ops/ws HTTP/1.1", "Host: x", `Origin: ${friend}`, "", ""];
    const head = await upgrade(server, lines.join("\r\n"));
    assertMatch(head, /^http\/1.1 426 /);
    assertStringIncludes(head, `\r\naccess-control-allow-origin: ${friend}`);
    const whole = upgradeRequest(server.port, "/r/ops/ws", [`Origin: ${friend}`]);
    assertMatch(await upgrade(server, whole), /^http\/1.1 101 /);
  });

  test("TRACE is not allowed, anywhere", async (start) => {
    await using server = await start();
    for (const path of ["/", "/r/ops", "/nowhere", "/healthz"]) {
      const { status, head } = await ask(server, [`TRACE ${path} HTTP/1.1`, "Host: x"]);
      assertEquals(status, 405, path);
      assertStringIncludes(head, "\r\nallow: ", path);
    }
  });

  test("a body in another charset or coding is refused, and stored nowhere", async (start) => {
    await using server = await start();
    const post = (headers: Record<string, string>, query = "") =>
      fetch(server.url + query, { method: "POST", headers, body: new Uint8Array([0x68, 0x00]) });
    const refused: Record<string, string>[] = [
      { "content-type": "text/plain; charset=utf-16le" },
      { "content-type": "text/plain;CHARSET = iso-8859-1 ; x=y" },
      { "content-type": 'text/plain; format=flowed; charset="windows-1252"' },
      { "content-encoding": "br" },
      { "content-encoding": "gzip, identity" },
    ];
    for (const headers of refused) {
      for (const query of ["", "?format=slack", "?format=github"]) {
        const response = await post(headers, query);
        const { code } = await response.json();
        assertEquals([response.status, code], [415, "bad_media_type"], JSON.stringify(headers));
      }
    }
    for (const charset of ["utf-8", "UTF8", '"Utf-8"']) {
      const response = await post({
        "content-type": `text/plain; charset=${charset}`,
        "content-encoding": "identity",
      });
      assertEquals(response.status, 201, await response.text());
    }
    const page = await fetch(server.url, { headers: { accept: "application/json" } });
    assertEquals((await page.json()).head, 3);
  });

  test("line ends of other systems become newlines, on every way in", async (start) => {
    await using server = await start();
    const post = async (body: string, query = "", type = "text/plain") => {
      const headers = { "content-type": type };
      const response = await fetch(server.url + query, { method: "POST", headers, body });
      const answer = await response.text();
      assert(response.ok, answer);
    };
    const code = "```\r\nx\ry\r\n```";
    await post(code);
    await post(`${code}\r\n`);
    await post(`${code}\r`);
    await post(JSON.stringify({ text: code }), "", "application/json");
    await post(JSON.stringify({ text: code }), "?format=slack", "application/json");
    using lines = await RawSocket.open(server.port, "/r/ops/ws");
    await lines.send(`${code}\r\n`);
    await lines.readText();
    using json = await RawSocket.open(server.port, "/r/ops/ws", [
      "Sec-WebSocket-Protocol: confab.v1",
    ]);
    const send = async (lines: object[], isAnswer: (line: string) => boolean) => {
      await json.send(lines.map((line) => JSON.stringify(line)).join("\n"));
      let answer: string | undefined;
      while (!answer) {
        const text = await within(5_000, "an answer", json.readText());
        answer = text.split("\n").find(isAnswer);
      }
      return JSON.parse(answer);
    };
    const hello = { type: "hello", name: "Ann", key: "a secret of at least sixteen bytes" };
    const said = { type: "say", id: "1", text: code };
    const { seq } = await send([hello, said], (line) => /"ack"/.test(line));
    const edit = await send(
      [{ type: "edit", id: "2", ref: seq, text: code }],
      (line) => /"kind":"edit"|"error"/.test(line),
    );
    assertEquals(edit.text, "```\nx\ny\n```");
    const page = await fetch(server.url, { headers: { accept: "application/json" } });
    const texts = (await page.json()).entries
      .filter(({ kind }: { kind: string }) => kind === "say")
      .map(({ text }: { text: string }) => text);
    const expected = "```\nx\ny\n```";
    const line = expected.replaceAll("\n", " ");
    assertEquals(texts, [...Array(5).fill(expected), line, expected]);
  });

  test("a text without a visible character is as empty as white space, on every way in", async (start) => {
    await using server = await start();
    const blanks = ["\u200b", "\u2060 \ufe0f", "\u3164", "\u2800\n", "\u00ad\u034f", "\u{e0041}"];
    for (const text of blanks) {
      const bodies: [body: string, type: string, query?: string][] = [
        [text, "text/plain"],
        [JSON.stringify({ text }), "application/json"],
        [JSON.stringify({ text }), "application/json", "?format=slack"],
      ];
      for (const [body, type, query = ""] of bodies) {
        const headers = { "content-type": type };
        const response = await fetch(server.url + query, { method: "POST", headers, body });
        const { code } = await response.json();
        assertEquals([response.status, code], [400, "bad_field"], JSON.stringify(text) + query);
      }
    }
    using lines = await RawSocket.open(server.port, "/r/ops/ws");
    await lines.send("\u200b");
    assertEquals(await lines.readText(), ""); // as white space alone
    for (const text of ["👩‍💻", "علی‌رضا", "\u0600", "\ue0a0", "a\u200b"]) {
      const response = await fetch(server.url, { method: "POST", body: text });
      assertEquals(response.status, 201, text + await response.text());
    }
  });
}

Deno.test("confab without --host refuses a name that is not local, and says so in its greeting", async () => {
  await using program = await startProgram();
  await eventually(() => program.output().includes("--help for options\n"));
  assertStringIncludes(program.output(), "  Names    local ones; for any other, add --host NAME\n");
  const host = ["GET /r/ops HTTP/1.1", "Host: rebind.evil.example"];
  assertEquals((await ask(program, host)).status, 421);
  assertEquals((await ask(program, ["GET /r/ops HTTP/1.1", "Host: 127.0.0.1"])).status, 200);
  await using named = await startProgram({
    args: ["--addr", "127.0.0.1:0", "--journal", "memory", "--host", "chat.example.org."],
  });
  assertEquals((await ask(named, ["GET / HTTP/1.1", "Host: chat.example.org:443"])).status, 200);
  assertEquals((await ask(named, ["GET / HTTP/1.1", "Host: 127.0.0.1"])).status, 421);
});

Deno.test("wire, ws: a body after an offer to upgrade is read, and an upgrade may have an empty one", async () => {
  await using server = await serve({ listen: listenWs });
  const lines = ["POST /r/ops HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: h2c"];
  assertEquals((await ask(server, [...lines, "Content-Length: 2"], "hi")).status, 201);
  const empty = upgradeRequest(server.port, "/ws", ["Content-Length: 0"]);
  assertMatch(await upgrade(server, empty), /^http\/1.1 101 /);
});

Deno.test("wire, ws: frames that break the protocol are closed with its codes", async () => {
  await using server = await serve({ listen: listenWs });
  using unmasked = await RawSocket.open(server.port);
  await unmasked.write(Uint8Array.of(0x81, 2, 0x68, 0x69));
  assertEquals((await within(5_000, "a close", unmasked.readClose())).code, 1002);
  using invalid = await RawSocket.open(server.port);
  await invalid.write(encodeFrame(OPCODE.text, Uint8Array.of(0xff, 0xfe)));
  assertEquals((await within(5_000, "a close", invalid.readClose())).code, 1007);
});
