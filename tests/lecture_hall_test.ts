// Two hundred people behind one router, against the real handler and hub with the default limits. Time is simulated.
import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { setImmediate as nextTurn } from "node:timers/promises";
import { DEFAULT_LIMITS } from "../base/limits.ts";
import { makeHandler } from "../http/router.ts";
import { Hub } from "../hub.ts";
import { MemoryJournal } from "../journal/memory.ts";
import { FakeSocket, peerOf } from "./support/fake_socket.ts";
import type { Handler } from "../transport/transport.ts";
import { makeKey } from "./support/json_socket.ts";
import { fakeMonotonic } from "./support/monotonic.ts";

const ADDRESS = "198.51.100.7";
const PEOPLE = 200;

/** Somebody in the hall. A page on either protocol, or one whose network allows no WebSocket. */
class Person {
  readonly #n: number;
  readonly #handler: Handler;
  readonly #journal: MemoryJournal;
  readonly #refusals: string[];
  #socket: FakeSocket | undefined;
  #said = 0;
  #visits = 0;

  constructor(
    n: number,
    options: { handler: Handler; journal: MemoryJournal; refusals: string[] },
  ) {
    this.#n = n;
    this.#handler = options.handler;
    this.#journal = options.journal;
    this.#refusals = options.refusals;
  }

  get #name(): string {
    return `Person ${this.#n}`;
  }

  get #protocol(): "confab.v1" | "lines" | "http" {
    return (["confab.v1", "confab.v1", "lines", "http"] as const)[this.#n % 4]!;
  }

  /** Connects again: every other time as somebody who knows nothing, otherwise where it stopped. */
  async reconnect(): Promise<void> {
    this.#socket?.end();
    const socket = this.#socket = new FakeSocket(ADDRESS, this.#refusals);
    const isNew = this.#visits++ % 2 === 0;
    const after = Math.max(0, this.#journal.head("hall") - 100);
    const resume = isNew ? { history: 50 } : { after, epoch: this.#journal.epoch, most: 500 };
    if (this.#protocol === "http") {
      const query = new URLSearchParams(Object.entries(resume).map(([k, v]) => [k, `${v}`]));
      await this.#request(`?${query}`, socket, { headers: { accept: "text/event-stream" } });
      return;
    }
    const headers = { upgrade: "websocket", connection: "Upgrade" };
    const offer = { "sec-websocket-protocol": "confab.v1" };
    const isJson = this.#protocol === "confab.v1";
    await this.#request("/ws", socket, { headers: { ...headers, ...isJson ? offer : {} } });
    if (isJson) socket.receive({ type: "hello", name: this.#name, key: this.#key, ...resume });
  }

  /** Says something of 200 bytes, and shows before that it is typing. */
  say(): void {
    const id = `${++this.#said}`;
    const text = `${this.#name} ${id} `.padEnd(200, ".");
    if (this.#protocol === "http") {
      const headers = { "confab-key": this.#key, "content-type": "application/json" };
      const body = JSON.stringify({ id, text, name: this.#name });
      void this.#request("", new FakeSocket(ADDRESS, this.#refusals), {
        method: "POST",
        headers,
        body,
      });
    } else if (this.#protocol === "lines") this.#socket!.receive(text);
    else {
      this.#socket!.receive({ type: "typing" });
      this.#socket!.receive({ type: "say", id, text });
    }
  }

  get #key(): string {
    return makeKey(this.#name);
  }

  async #request(path: string, socket: FakeSocket, init: RequestInit): Promise<void> {
    const response = await this.#handler(
      new Request(`http://chat/r/hall${path}`, init),
      peerOf(socket),
    );
    if (!response.ok) this.#refusals.push(`${response.status} ${await response.text()}`);
  }
}

/** Lets the hub and the pumps do everything that waits for no timer. */
async function settle(): Promise<void> {
  for (let n = 0; n < 8; n++) await nextTurn();
}

interface Outcome {
  readonly stored: number;
  readonly refusals: readonly string[];
}

/**
 * Simulates the hall: each one says something every `everyS` seconds and reconnects once a minute, spread evenly. In second
 * 100 everybody says something at once, and in second 130 everybody reconnects at once.
 */
async function simulate(options: { everyS: number; seconds: number }): Promise<Outcome> {
  const { everyS, seconds } = options;
  using time = new FakeTime();
  using _clock = fakeMonotonic();
  const journal = new MemoryJournal();
  const log = () => {};
  const hub = new Hub({ journal, keep: 10_000, log, maxRooms: DEFAULT_LIMITS.rooms });
  const running = hub.run();
  const refusals: string[] = [];
  const handler = makeHandler({ hub, log });
  const people = Array.from(
    { length: PEOPLE },
    (_, n) => new Person(n, { handler, journal, refusals }),
  );
  for (const person of people) await person.reconnect(); // the lecture begins
  for (let second = 0; second < seconds; second++) {
    for (const [n, person] of people.entries()) {
      if (second % 60 === n % 60 || second === 130) await person.reconnect();
    }
    await settle();
    for (const [n, person] of people.entries()) {
      if (second % everyS === n % everyS || second === 100) person.say();
    }
    await settle();
    time.tick(1000);
  }
  await settle();
  const outcome = { stored: journal.head("hall"), refusals: [...refusals] };
  hub.close("restarting");
  await running;
  time.tick(60_000);
  await settle();
  return outcome;
}

Deno.test("a lecture hall of 200 people on one address, who speak every 20 s and reconnect every minute, notices no limit", async () => {
  const { stored, refusals } = await simulate({ everyS: 20, seconds: 240 });
  console.log(`${stored} messages of ${PEOPLE} people, ${refusals.length} refusals`);
  assertEquals(refusals, []);
  assertEquals(stored, 240 / 20 * PEOPLE + PEOPLE - 10, "ten were to speak in second 100 anyway");
});

Deno.test("a lecture hall whose people speak every 4 s is refused what is beyond 25 messages a second", async () => {
  const { stored, refusals } = await simulate({ everyS: 4, seconds: 60 });
  assert(refusals.every((refusal) => refusal.includes("rate_limited")));
  assert(refusals.length > 0);
  assert(stored <= 250 + 25 * 60 && stored > 1000, `${stored}`);
});
