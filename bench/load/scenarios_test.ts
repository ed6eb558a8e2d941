// Tests each scenario with a small load: against the program, and against a server with the fault that the scenario must
// find.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { startProgram } from "../../tests/support/program.ts";
import { runFlood } from "./flood.ts";
import { runIdle } from "./idle.ts";
import { runRate } from "./rate.ts";
import { runStorm } from "./storm.ts";

const ENV = { CONFAB_JOURNAL: "memory" };

Deno.test("runRate() sends the requested number of lines and measures every delivery, with both protocols", async () => {
  await using program = await startProgram({ env: ENV });
  for (const dialect of ["lines", "confab.v1"] as const) {
    const target = { port: program.port, dialect };
    const report = await runRate({ target, clients: 5, senders: 3, perSecond: 200, seconds: 0.5 });
    assertEquals([report.sent, report.delivered], [100, 500]);
    assertEquals([report.lost, report.disordered, report.evicted], [0, 0, 0]);
    assert(report.p50Ms! > 0 && report.p50Ms! <= report.p99Ms!, JSON.stringify(report));
    assert(report.p99Ms! <= report.maxMs && report.seconds >= 0.5, JSON.stringify(report));
  }
});

Deno.test("runIdle() keeps clients in their rooms, with both protocols", async () => {
  await using program = await startProgram({ env: ENV });
  for (const dialect of ["lines", "confab.v1"] as const) {
    const target = { port: program.port, dialect };
    const seen: number[] = [];
    const report = await runIdle({
      target,
      clients: 6,
      rooms: 2,
      onReady: ({ clients }) => seen.push(clients),
      until: Promise.resolve(),
    });
    assertEquals([report, seen], [{ evicted: 0 }, [6]]);
  }
});

Deno.test("runStorm() brings all clients back with all missed entries", async () => {
  await using program = await startProgram({ env: ENV });
  const report = await runStorm({
    target: { port: program.port, dialect: "confab.v1" },
    clients: 20,
    missed: 250,
    watchers: 4,
    perSecond: 100,
    secondsBefore: 0.2,
  });
  const { caughtUp, entries, afresh, holes, lost, disordered, evicted } = report;
  assertEquals([caughtUp, afresh, holes, lost, disordered, evicted], [20, 0, 0, 0, 0, 0]);
  assert(entries >= 20 * 250, `they were sent ${entries} entries`);
});

/** Starts a server that sends each line to all clients, except as `send` decides. */
function serveFaulty(send: (socket: WebSocket, line: string, index: number) => void) {
  const sockets: WebSocket[] = [];
  const handle = (request: Request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => sockets.push(socket);
    socket.onmessage = ({ data }) =>
      sockets.forEach((other, index) => {
        if (other.readyState === WebSocket.OPEN) send(other, data, index);
      });
    return response;
  };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, handle);
  const { port } = server.addr;
  return { port, sockets, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Resolves with the results of a flood of such a server. */
async function floodFaulty(send: (socket: WebSocket, line: string, index: number) => void) {
  await using faulty = serveFaulty(send);
  const target = { port: faulty.port, dialect: "lines" } as const;
  return await runFlood({ target, clients: 4, senders: 2, inFlight: 4, seconds: 0.2 });
}

/** Returns the line of sender 1 with that number. */
const isLine = (line: string, number: number) =>
  line.startsWith(`001 ${String(number).padStart(10, "0")} `);

Deno.test("runIdle() finds clients that are disconnected", async () => {
  await using faulty = serveFaulty((socket, line) => socket.send(line));
  const target = { port: faulty.port, dialect: "lines" } as const;
  const gone = Promise.withResolvers<unknown>();
  const onReady = () => {
    const some = faulty.sockets.slice(0, 2);
    gone.resolve(Promise.all(some.map((socket) => {
      const closed = new Promise((resolve) => socket.onclose = resolve);
      socket.close();
      return closed;
    })));
  };
  const report = await runIdle({ target, clients: 5, onReady, until: gone.promise });
  assertEquals(report, { evicted: 2 });
});

Deno.test("runFlood() finds no fault in a correct server", async () => {
  const { sent, delivered, ...report } = await floodFaulty((socket, line) => socket.send(line));
  assert(sent > 8, `sent only ${sent}`);
  assertEquals(delivered, sent * 4);
  assertEquals([report.lost, report.disordered, report.evicted], [0, 0, 0]);
});

Deno.test("runFlood() finds a client that received a line twice", async () => {
  const report = await floodFaulty((socket, line, index) => {
    socket.send(line);
    if (index === 3 && isLine(line, 2)) socket.send(line);
  });
  assertEquals([report.lost, report.disordered, report.evicted], [0, 1, 0]);
});

Deno.test("runFlood() finds a client that received two senders' lines in another order", async () => {
  let held: string | undefined;
  const report = await floodFaulty((socket, line, index) => {
    if (index !== 3) return socket.send(line);
    if (isLine(line, 2)) return void (held = line);
    socket.send(line);
    if (held) socket.send(held);
    held = undefined;
  });
  assertEquals([report.lost > 0 || report.disordered > 0, report.evicted], [true, 0]);
});

Deno.test("runFlood() finds a client that was disconnected, and its missing lines", async () => {
  const report = await floodFaulty((socket, line, index) => {
    if (index === 3 && isLine(line, 2)) socket.close(1008, "away with you");
    else socket.send(line);
  });
  assertEquals([report.disordered, report.evicted], [0, 1]);
  assert(report.lost > 0);
});

Deno.test("runFlood() reports that the server does not upgrade", async () => {
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response("no", { status: 404 }),
  );
  const target = { port: server.addr.port, dialect: "lines" } as const;
  await assertRejects(
    () => runFlood({ target, clients: 4, senders: 2, inFlight: 4, seconds: 0.2 }),
    Error,
    'Cannot upgrade: expected 101, received "HTTP/1.1 404 Not Found"',
  );
});
