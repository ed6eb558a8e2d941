// The program as a process, talked to over real sockets.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FROM_SOURCE, type Program, runProgram, startProgram } from "./support/program.ts";
import { eventually } from "./support/until.ts";
import { encodeFrame, OPCODE, RawSocket, upgradeRequest } from "./support/raw_socket.ts";

/** Joins, and waits until the room counts this client in. */
async function join(port: number): Promise<RawSocket> {
  const socket = await RawSocket.open(port);
  const token = crypto.randomUUID();
  await socket.send(token);
  while (!(await socket.readText()).split("\n").includes(token));
  return socket;
}

/** Lines until `count` have come. */
async function readLines(socket: RawSocket, count: number): Promise<string[]> {
  const lines: string[] = [];
  while (lines.length < count) lines.push(...(await socket.readText()).split("\n"));
  return lines;
}

/** Reads until the connection ends and gives the close code on the way. */
async function readToEnd(socket: RawSocket): Promise<number> {
  const { code } = await socket.readClose();
  await socket.write(encodeFrame(OPCODE.close, Uint8Array.of(code >> 8, code & 255)));
  return code;
}

Deno.test("confab: everybody in the room gets every line in one order", async () => {
  await using program = await startProgram();
  const sockets = [];
  for (let i = 0; i < 5; i++) sockets.push(await join(program.port));
  // Those who joined later were announced to those before; start level.
  await sockets[0]!.send("level");
  for (const socket of sockets) {
    while (!(await socket.readText()).split("\n").includes("level"));
  }
  await Promise.all(sockets.map(async (socket, i) => {
    for (let n = 0; n < 50; n++) await socket.send(`${i}:${n}`);
  }));
  const views = await Promise.all(sockets.map((socket) => readLines(socket, 250)));
  for (const view of views) assertEquals(view, views[0]!);
  for (let i = 0; i < 5; i++) {
    const own = views[0]!.filter((line) => line.startsWith(`${i}:`));
    assertEquals(own, Array.from({ length: 50 }, (_, n) => `${i}:${n}`));
  }
  for (const socket of sockets) socket.drop();
});

Deno.test("confab: who stops reading for a while is sent everything, once, in order", async () => {
  await using program = await startProgram();
  using slow = await join(program.port); // reads nothing while the other talks
  using talker = await join(program.port);
  // More than all buffers together take, less than the room holds.
  const lines = Array.from({ length: 900 }, (_, n) => `${n} `.padEnd(16_000, "z"));
  for (const line of lines) {
    await talker.send(line);
    await talker.readFrame();
  }
  await talker.send("end");
  const seen: string[] = [];
  while (seen.at(-1) !== "end") seen.push(...(await slow.readText()).split("\n"));
  assertEquals(seen.slice(-901), [...lines, "end"]);
  assertEquals(program.log(), "");
});

Deno.test("confab: newlines and white space are the seed's", async () => {
  await using program = await startProgram();
  using socket = await join(program.port);
  await socket.send(" \n a\nb \t");
  assertEquals(await socket.readText(), "a b");
});

Deno.test("confab: too long closes with 1009, not text with 1007, and others go on", async () => {
  await using program = await startProgram();
  using witness = await join(program.port);
  using long = await RawSocket.open(program.port);
  await long.send("x".repeat(16 * 1024 + 1));
  assertEquals((await long.readClose()).code, 1009);
  using binary = await RawSocket.open(program.port);
  await binary.write(encodeFrame(OPCODE.binary, Uint8Array.of(0xff)));
  assertEquals((await binary.readClose()).code, 1007);
  await witness.send("y".repeat(16 * 1024));
  assertEquals((await witness.readText()).length, 16 * 1024);
});

Deno.test("confab: a foreign Origin is refused with 403 before any upgrade", async () => {
  await using program = await startProgram();
  const ask = async (origin: string) => {
    const head = upgradeRequest(program.port, "/ws", [`Origin: ${origin}`]);
    using socket = await RawSocket.connect(program.port, head);
    return (await socket.readHead()).split(" ")[1];
  };
  assertEquals(await ask("http://evil.example"), "403");
  assertEquals(await ask(`http://127.0.0.1:${program.port}`), "101");
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`confab: ${signal} says goodbye and exits 0 within 5 s, even with a stuck peer`, async () => {
    await using program = await startProgram();
    using stuck = await join(program.port); // from here on reads nothing
    using polite = await join(program.port);
    await fillUp(polite);
    await polite.send("last words");
    const started = performance.now();
    program.kill(signal);
    const code = await readToEnd(polite);
    const { code: exitCode } = await program.status;
    assertEquals([code, exitCode], [1001, 0]);
    assert(performance.now() - started < 5_000, `took ${performance.now() - started} ms`);
    stuck.drop();
  });
}

/** Says so much that a peer that reads nothing has its buffers full. The speaker reads along. */
async function fillUp(speaker: RawSocket): Promise<void> {
  const line = "z".repeat(16 * 1024 - 1);
  for (let i = 0; i < 800; i++) {
    await speaker.send(line);
    await speaker.readFrame();
  }
}

Deno.test("confab: SIGTERM ends at once where everybody takes leave, also while they talk", async () => {
  await using program = await startProgram();
  const members = [];
  for (let i = 0; i < 6; i++) members.push(await join(program.port));
  const started = performance.now();
  const codes = members.map(async (member) => {
    const code = member.readClose();
    for (let n = 0; n < 50; n++) await member.send(`talking ${n}`).catch(() => {});
    const closed = await code;
    await member.send("still talking").catch(() => {});
    await member.write(encodeFrame(OPCODE.close, Uint8Array.of(3, 233))).catch(() => {});
    return closed.code;
  });
  program.kill("SIGTERM");
  assertEquals(await Promise.all(codes), Array(6).fill(1001));
  assertEquals((await program.status).code, 0);
  assert(performance.now() - started < 2_500, `took ${performance.now() - started} ms`);
  for (const member of members) member.drop();
});

Deno.test("confab: a log that cannot be written ends nothing", async () => {
  const source = 'exec "$@" 2>/dev/full';
  await using program = await startProgram({
    command: ["bash", "-c", source, "-", ...FROM_SOURCE],
  });
  using witness = await join(program.port);
  using rude = await RawSocket.open(program.port);
  await rude.send("x".repeat(16 * 1024 + 1)); // which is logged
  assertEquals((await rude.readClose()).code, 1009);
  const page = await fetch(`http://127.0.0.1:${program.port}/`); // which is logged as well
  await page.body?.cancel();
  assertEquals(page.status, 200);
  await witness.send("still here");
  assertEquals(await witness.readText(), "still here");
});

Deno.test("confab: a Host that is none is 400, and an upgrade without a key", async () => {
  await using program = await startProgram();
  const ask = async (head: string) => {
    using socket = await RawSocket.connect(program.port, head);
    return (await socket.readHead()).split(" ")[1];
  };
  assertEquals(await ask("GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n"), "400");
  const upgrade = upgradeRequest(program.port, "/ws");
  assertEquals(await ask(upgrade.replace(/Sec-WebSocket-Key.*\r\n/, "")), "400");
  assertEquals(program.log(), "");
});

Deno.test("confab: a second signal does not wait", async () => {
  await using program = await startProgram();
  using stuck = await join(program.port);
  using speaker = await join(program.port);
  await fillUp(speaker);
  program.kill("SIGINT");
  while (!program.log().includes("stopping")) await pause(5); // or the system makes one of both
  program.kill("SIGINT"); // the same Ctrl-C, passed on by a task runner
  assertEquals((await speaker.readClose()).code, 1001);
  await pause(500); // a person's second Ctrl-C comes later than SAME_SIGNAL_MS
  program.kill("SIGINT");
  assertEquals((await program.status).code, 130);
  stuck.drop();
});

/** The program with 64 file descriptors. */
function startCramped(): Promise<Program> {
  const source = 'ulimit -n 64 && exec "$@"';
  return startProgram({ command: ["bash", "-c", source, "-", ...FROM_SOURCE] });
}

/** More connections than there are descriptors, and than the system queues for a program that does not accept. */
async function flood(port: number, count = 700): Promise<Deno.Conn[]> {
  const conns: Deno.Conn[] = [];
  for (let i = 0; i < count; i++) {
    const signal = AbortSignal.timeout(1000);
    const conn = await Deno.connect({ hostname: "127.0.0.1", port, signal }).catch(() => null);
    if (conn) conns.push(conn);
  }
  return conns;
}

/** Waits until the page is served. */
async function serves(port: number): Promise<void> {
  const started = performance.now();
  for (let status = 0; status !== 200;) {
    assert(performance.now() - started < 10_000, "it accepts nothing any more");
    status = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1000) })
      .then(async (response) => (await response.text(), response.status), () => 0);
    if (status !== 200) await pause(20);
  }
}

Deno.test("confab: a burst that takes all descriptors and leaves at once does not deafen it", async () => {
  await using program = await startCramped();
  using member = await join(program.port);
  (await RawSocket.open(program.port)).drop();
  for (const conn of await flood(program.port, 200)) conn.close();
  await serves(program.port);
  await member.send("still here");
  assertEquals(await member.readText(), "still here");
});

Deno.test("confab: out of file descriptors it lives, and accepts again when some are free", async () => {
  await using program = await startCramped();
  using member = await join(program.port);
  const conns = await flood(program.port);
  const until = Date.now() + 10_000;
  while (!program.log().includes("accept failed") && Date.now() < until) await pause(20);
  assertStringIncludes(program.log(), "accept failed");
  await member.send("still here");
  assertEquals(await member.readText(), "still here");
  for (const conn of conns) conn.close();
  await serves(program.port);
  await member.send("and after");
  assertEquals(await member.readText(), "and after");
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

Deno.test("confab --help and --version print and exit 0", async () => {
  const help = await runProgram(["--help"]);
  assertEquals([help.code, help.stderr], [0, ""]);
  assertStringIncludes(help.stdout, "--addr HOST:PORT");
  const version = await runProgram(["--version"]);
  assertEquals(version.code, 0);
  assertMatch(version.stdout, /^confab \d+\.\d+\.\d+\n$/);
});

Deno.test("confab: a bad command line is one line and a hint, exit 2", async () => {
  const { code, stdout, stderr } = await runProgram(["--adr", ":9000"]);
  assertEquals([code, stdout], [2, ""]);
  assertEquals(
    stderr,
    'confab: Cannot parse flag "--adr": unknown. Did you mean "--addr"?\n' +
      "Run confab --help for the options.\n",
  );
  assertStringIncludes((await runProgram(["--adr", "--debug"])).stderr, "parse.ts");
});

Deno.test("confab: a busy port is one sentence that names it and the fix, exit 3", async () => {
  const data = await Deno.makeTempDir({ prefix: "confab-busy-" });
  try {
    await using program = await startProgram({ data });
    const args = ["--addr", `127.0.0.1:${program.port}`];
    // Started twice by mistake, the data folder is in use as well.
    for (const more of [[], ["--data", data]]) {
      const { code, stdout, stderr } = await runProgram([...args, ...more]);
      assertEquals([code, stdout], [3, ""]);
      assertEquals(stderr.trim().split("\n").length, 1);
      assertStringIncludes(stderr, `port ${program.port}`);
      assertStringIncludes(stderr, "--addr 127.0.0.1:PORT");
    }
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("confab: CONFAB_ADDR sets the address, and what it prints is where it listens", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  const env = { CONFAB_ADDR: `127.0.0.1:${port}` };
  await using program = await startProgram({ args: [], env });
  assertEquals(program.port, port);
  const response = await fetch(`http://127.0.0.1:${program.port}/?from=test`);
  assertEquals(response.status, 200);
  assertStringIncludes(await response.text(), "<title>Confab</title>");
  await eventually(() => program.log().includes('page path="/"\n'));
});
