// The row about taking leave: a signal, a thousand people and one who is stuck, and a next start to which all come back.
import { within } from "../support/deadline.ts";
import { JsonSocket } from "../support/json_socket.ts";
import { RawSocket } from "../support/raw_socket.ts";
import { Attack } from "./attack.ts";
import { exactly, type Figure, part, type Row, type Setting } from "./row.ts";
import { examine, startVictim } from "./victim.ts";

export const FAREWELL_ROWS: readonly Row[] = [{
  id: "farewell",
  fault: "SIGTERM with 1,000 clients and one stuck",
  run: runFarewell,
}];

/** Time until it has ended, and until all are back after the next start. */
const MOST_EXIT_MS = 5_000;
const MOST_BACK_MS = 5_000;

/** Entries before the signal and after it. The texts are long: who reads none has its buffers full. */
const SAID_BEFORE = 600;
const SAID_AFTER = 10;
const TEXT = "z".repeat(16_000);

const WAIT_MS = 60_000;

async function runFarewell(setting: Setting): Promise<Figure[]> {
  const count = part(1000, setting);
  const data = await Deno.makeTempDir({ prefix: "confab-farewell-" });
  try {
    await using first = await startVictim({ ...setting, data });
    const { port } = first;
    // Before the crowd comes: what is to fill one buffer need not fill a thousand.
    using _stuck = await RawSocket.open(port);
    await fillUp(port);
    const seed = SAID_BEFORE + 2 * SAID_AFTER;
    await using crowd = await Attack.begin("crowd", { port, count, seed });
    await sayAll(port, SAID_AFTER, "before");
    const startedMs = performance.now();
    first.kill("SIGTERM");
    const { code } = await within(WAIT_MS, "the end", first.status);
    const exitMs = performance.now() - startedMs;
    await using second = await startVictim({ ...setting, data, port });
    const upMs = performance.now();
    await sayAll(port, SAID_AFTER, "after");
    const { notes } = await within(WAIT_MS, "all to be back", crowd.report);
    const backMs = performance.now() - upMs;
    return [
      exactly("told bye", notes["bye"] ?? 0, count),
      exactly("closed with 1001", notes["goingAway"] ?? 0, count),
      exactly("exit code", code, 0),
      { what: "until it has ended", value: exitMs, unit: "ms", most: MOST_EXIT_MS, isTimed: true },
      exactly("back", notes["back"] ?? 0, count),
      exactly("resumed", notes["resumed"] ?? 0, count),
      exactly("holes and doubles", notes["holes"] ?? 0, 0),
      {
        what: "until all have everything",
        value: backMs,
        unit: "ms",
        most: MOST_BACK_MS,
        isTimed: true,
      },
      ...await examine(second),
    ];
  } finally {
    await Deno.remove(data, { recursive: true });
  }
}

/** Over the wire of lines: the standard WebSocket waits 40 ms in the midst of a long message (Nagle's algorithm). */
async function fillUp(port: number): Promise<void> {
  using talker = await RawSocket.open(port);
  for (let n = 0; n < SAID_BEFORE; n++) {
    await talker.send(TEXT);
    await talker.readText();
  }
}

async function sayAll(port: number, count: number, text: string): Promise<void> {
  await using talker = (await JsonSocket.join(port, { name: "Talker", history: 0 })).socket;
  for (let n = 0; n < count; n++) {
    talker.send({ type: "say", id: crypto.randomUUID(), text });
    const line = await talker.read("ack", "error");
    if (line?.type !== "ack") throw new Error(`Cannot say: received ${line?.code ?? "the end"}`);
  }
}
