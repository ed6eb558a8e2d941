// Tests one address that floods the program in every way at once, with the default limits: what it can store is bounded by the
// formula of its bucket, burst + rate x time, for the time that the flood took. Loopback only, 5 s.
import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { once } from "node:events";
import { connect } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { addressRates } from "../base/address_budget.ts";
import { DEFAULT_LIMITS } from "../base/limits.ts";
import type { Rate } from "../base/rate_limit.ts";
import { JsonSocket } from "./support/json_socket.ts";
import { startProgram } from "./support/program.ts";
import { RawSocket } from "./support/raw_socket.ts";
import { eventually } from "./support/until.ts";

const FLOOD_MS = 5_000;

/** The defaults, instead of the environment of other tests. */
const DEFAULTS = { CONFAB_RATE: "5", CONFAB_PER_ADDRESS: "256" };

/** Pause of a worker after a refusal, so that the machine serves more than refusals. */
const PAUSE_MS = 10;

/** Node's server beneath `ws` does not report addresses of upgrades there, and its sockets cannot be reset. */
const IS_26 = Deno.version.deno.startsWith("2.6.");

/** Returns the maximum that a bucket gives in a time. */
function most({ perS, burst }: Rate, elapsedMs: number): number {
  return burst + perS * elapsedMs / 1000;
}

let ids = 0;

/** Ways to store something, each with a worker that repeats it. Every call uses keys, names and rooms of its own. */
const WAYS: Record<string, (port: number) => Promise<void>> = {
  async lines(port) {
    using socket = await RawSocket.open(port, "/r/flood/ws");
    for (let n = 0; n < 10; n++) await socket.send(`line ${n}`);
  },
  async v1(port) {
    const { socket } = await JsonSocket.join(port, { name: `N${++ids}`, path: "/r/flood/ws" });
    await using person = socket;
    const kinds = [{ type: "edit", ref: 1, text: "x" }, { type: "react", ref: 1, emoji: "👍" }];
    for (let n = 0; n < 10; n++) {
      person.send({ type: "say", id: `${++ids}`, text: "y".repeat(500) });
    }
    person.send(...kinds.map((kind) => ({ ...kind, id: `${++ids}` })), { type: "typing" });
    await person.read("ack", "error");
  },
  async long(port) {
    const { socket } = await JsonSocket.join(port, { name: `N${++ids}`, path: "/r/flood/ws" });
    await using person = socket;
    person.send({ type: "say", id: `${++ids}`, text: "z".repeat(16_384) });
    await person.read("ack", "error");
  },
  async post(port) {
    await post(port, "flood", `n${++ids}`);
  },
  async newRooms(port) {
    await post(port, `room${++ids}`, `n${ids}`);
  },
  async helloOnly(port) {
    const path = `/r/silent${++ids}/ws`;
    const { socket } = await JsonSocket.join(port, { name: `N${ids}`, path, history: 0 });
    await using person = socket;
    person.send({ type: "name", name: `M${ids}` });
    await person.read("presence");
  },
  async webhooks(port) {
    const url = `http://127.0.0.1:${port}/r/flood?format=slack&name=w${++ids}`;
    const body = JSON.stringify({ text: "w".repeat(2_000), username: `w${ids}` });
    const response = await fetch(url, { method: "POST", body });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`${response.status}`);
  },
  // Leaves before the server accepts it, where the server is busy enough.
  async gone(port) {
    if (IS_26) return await delay(PAUSE_MS); // its node:net cannot reset a connection
    const body =
      "POST /r/flood?name=gone HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi";
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write(body.replace("gone", `gone${++ids}`), () => socket.resetAndDestroy());
    await once(socket, "close");
  },
  async replays(port) {
    const headers = { accept: "application/x-ndjson" };
    const url = `http://127.0.0.1:${port}/r/flood?history=500`;
    const response = await fetch(url, { headers });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`${response.status}`);
  },
};

async function post(port: number, room: string, name: string): Promise<void> {
  const url = `http://127.0.0.1:${port}/r/${room}?name=${name}`;
  const response = await fetch(url, { method: "POST", body: "p".repeat(2_000) });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`${response.status}`);
}

/** Repeats a way until the time is over. Refusals are the point of it. */
async function repeat(way: (port: number) => Promise<void>, port: number, endMs: number) {
  while (performance.now() < endMs) {
    await way(port).catch(() => delay(PAUSE_MS));
  }
}

interface Stored {
  readonly messages: number;
  readonly bytes: number;
  readonly rooms: number;
  readonly names: number;
}

/** Counts what is in the data folder. */
function count(data: string): Stored {
  const db = new DatabaseSync(`${data}/journal.db`, { readOnly: true });
  const read = (sql: string) => Number(Object.values(db.prepare(sql).get()!)[0]);
  const stored = {
    messages: read("SELECT count(*) FROM entries"),
    bytes: read("SELECT sum(length(CAST(text AS BLOB)) + coalesce(length(id), 0)) FROM entries"),
    rooms: read("SELECT count(*) FROM rooms"),
    names: read("SELECT count(*) FROM people"),
  };
  db.close();
  return stored;
}

for (const transport of ["deno", "ws"]) {
  Deno.test({
    name: `one address on ${transport}, in every way at once, stores what its budget allows`,
    ignore: IS_26 && transport === "ws",
    fn: async () => {
      const data = await Deno.makeTempDir({ prefix: "confab-flood-" });
      try {
        const args = ["--addr", "127.0.0.1:0", "--transport", transport];
        await using program = await startProgram({ args, data, env: DEFAULTS });
        const { port } = program;
        const startedMs = performance.now();
        const endMs = startedMs + FLOOD_MS;
        const workers = Object.values(WAYS).flatMap((way) => [way, way, way]);
        await Promise.all(workers.map((way) => repeat(way, port, endMs)));
        program.kill("SIGTERM");
        await program.status; // everything that was accepted is stored
        const elapsedMs = performance.now() - startedMs;
        const stored = count(data);
        const rates = addressRates(DEFAULT_LIMITS);
        const seconds = (elapsedMs / 1000).toFixed(1);
        console.log(
          `in ${seconds} s, at most ${most(rates.messages, elapsedMs) | 0} messages:`,
          stored,
        );
        assert(stored.messages >= 250, "there was a flood");
        assert(stored.messages <= most(rates.messages, elapsedMs), "messages");
        assert(stored.bytes <= most(rates.bytes, elapsedMs) + DEFAULT_LIMITS.textBytes, "bytes");
        assert(stored.rooms <= most(rates.rooms, elapsedMs), "rooms");
        assert(stored.names <= most(rates.names, elapsedMs), "names");
        await eventually(() => program.log().includes("limit reached"));
        const flags = [...program.log().matchAll(/limit reached.*flag="?(--[\w-]+)/g)];
        const seen = flags.map(([, flag]) => flag);
        assertEquals(seen.length, new Set(seen).size, "each flag once");
        assert(seen.includes("--rate"), program.log());
      } finally {
        await Deno.remove(data, { recursive: true });
      }
    },
  });
}
