// Tests that an address stores at most 25 messages and 64 KiB a second in the long run, whatever it does. Simulated time,
// against the real handler and hub with the default limits. All ways are used at once, and each by itself.
import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Buffer } from "node:buffer";
import { addressRates } from "../base/address_budget.ts";
import { DEFAULT_LIMITS } from "../base/limits.ts";
import { Proxies } from "../http/client_address.ts";
import { makeHandler } from "../http/router.ts";
import { Hub } from "../hub.ts";
import type { AppendResult, Draft } from "../journal/journal.ts";
import { MemoryJournal } from "../journal/memory.ts";
import { ChatError } from "../protocol/errors.ts";
import type { Handler } from "../transport/transport.ts";
import { FakeSocket, peerOf } from "./support/fake_socket.ts";
import { makeKey } from "./support/json_socket.ts";
import { fakeMonotonic } from "./support/monotonic.ts";

const SECONDS = 40;

/** Times that each way is used in a second. Together they send some hundred messages, or megabytes. */
const PER_SECOND = 4;

/** Counts what is stored. */
class CountingJournal extends MemoryJournal {
  messages = 0;
  bytes = 0;
  readonly names = new Set<string>();

  override async append(drafts: readonly Draft[]): Promise<AppendResult[]> {
    const results = await super.append(drafts);
    for (const [n, result] of results.entries()) {
      if (result instanceof ChatError || !result.entry) continue;
      const { room, author, name, id, text } = drafts[n]!;
      this.messages++;
      this.bytes += Buffer.byteLength(id) + Buffer.byteLength(text);
      if (author) this.names.add(`${room} ${author} ${name}`);
    }
    return results;
  }
}

/** An attacker at one address, or at all addresses of one network. */
class Attacker {
  readonly #handler: Handler;
  readonly #addressOf: (n: number) => string;
  readonly #headers: Record<string, string>;
  #n = 0;

  constructor(handler: Handler, addressOf: (n: number) => string, isForwarded = false) {
    this.#handler = handler;
    this.#addressOf = addressOf;
    this.#headers = isForwarded ? { "x-forwarded-for": "198.51.100.1" } : {};
  }

  get next(): number {
    return ++this.#n;
  }

  async open(path: string, headers: Record<string, string>): Promise<FakeSocket> {
    const socket = new FakeSocket(this.#addressOf(this.next), []);
    const init = { headers: { ...this.#headers, ...headers } };
    await this.#handler(new Request(`http://chat${path}`, init), peerOf(socket));
    return socket;
  }

  async post(path: string, body: string, headers: Record<string, string> = {}): Promise<void> {
    const peer = peerOf(new FakeSocket(this.#addressOf(this.next), []));
    const init = { method: "POST", body, headers: { ...this.#headers, ...headers } };
    await (await this.#handler(new Request(`http://chat${path}`, init), peer)).body?.cancel();
  }

  /** Joins on confab.v1, and sends the lines if it was let in. */
  async talk(path: string, hello: object, lines: readonly object[]): Promise<void> {
    const headers = {
      ...{ upgrade: "websocket", connection: "Upgrade" },
      "sec-websocket-protocol": "confab.v1",
    };
    const socket = await this.open(`${path}/ws`, headers);
    if (!socket.isOpen) return;
    socket.receive({ type: "hello", key: makeKey("one"), name: "One", history: 0, ...hello });
    for (const line of lines) socket.receive(line);
    socket.end();
  }
}

const LONG = "l".repeat(16_000);
const JSON_BODY = { "content-type": "application/json" };

/** Ways to store something. */
const WAYS: Record<string, (attacker: Attacker) => Promise<void>> = {
  async reconnecting(a) {
    const lines = Array.from({ length: 10 }, () => ({ type: "say", id: `${a.next}`, text: "hi" }));
    await a.talk("/r/flood", { key: makeKey(`${a.next}`), name: `N${a.next}` }, lines);
  },
  async oneKeyManyConnections(a) {
    const lines = Array.from({ length: 10 }, () => ({ type: "say", id: `${a.next}`, text: LONG }));
    await a.talk("/r/flood", {}, lines);
  },
  async severalRooms(a) {
    const lines = Array.from({ length: 10 }, () => ({ type: "say", id: `${a.next}`, text: "hi" }));
    await a.talk(`/r/room${a.next % 50}`, {}, lines);
  },
  async otherKinds(a) {
    const id = () => `${a.next}`.padEnd(64, "i");
    await a.talk("/r/flood", {}, [
      { type: "say", id: id(), text: "x" },
      { type: "say", id: id(), text: "x", replyTo: 1 },
      { type: "edit", id: id(), ref: 1, text: LONG },
      { type: "react", id: id(), ref: 1, emoji: "👍" },
      { type: "react", id: id(), ref: 1, emoji: "👍", on: false },
      { type: "delete", id: id(), ref: 2 },
      { type: "close", id: id() },
      { type: "ban", id: id(), ref: 1 },
    ]);
  },
  async renaming(a) {
    const names = Array.from({ length: 4 }, () => [
      { type: "name", name: `R${a.next}` },
      { type: "say", id: `${a.next}`, text: "hi" },
    ]);
    await a.talk("/r/flood", {}, names.flat());
  },
  async plainLines(a) {
    const socket = await a.open("/r/flood/ws", { upgrade: "websocket", connection: "Upgrade" });
    for (let n = 0; n < 10 && socket.isOpen; n++) socket.receive(n % 2 ? LONG : "hi");
    if (socket.isOpen) socket.end();
  },
  async seedRoom(a) {
    const socket = await a.open("/ws", { upgrade: "websocket", connection: "Upgrade" });
    for (let n = 0; n < 10 && socket.isOpen; n++) socket.receive("hi");
    if (socket.isOpen) socket.end();
  },
  async posts(a) {
    for (let n = 0; n < 10; n++) await a.post(`/r/flood?name=p${a.next}`, n % 2 ? LONG : "hi");
  },
  async keyedPosts(a) {
    for (let n = 0; n < 10; n++) {
      const name = `K${a.next % 100}`;
      const headers = { ...JSON_BODY, "confab-key": makeKey(name) };
      const type = n % 3 ? "say" : "edit";
      const body = { type, ref: 1, name, text: "hi", id: `${a.next}` };
      await a.post("/r/flood", JSON.stringify(body), headers);
    }
  },
  async newRooms(a) {
    for (let n = 0; n < 10; n++) await a.post(`/r/new${a.next}?name=p`, "hi");
  },
  async webhooks(a) {
    for (let n = 0; n < 5; n++) {
      const slack = { text: LONG.repeat(2), username: `s${a.next}` };
      await a.post(`/r/flood?format=slack&name=${a.next}`, JSON.stringify(slack));
      const github = { zen: `zen ${a.next}`, hook_id: 1, repository: { full_name: `a/${a.next}` } };
      const headers = { ...JSON_BODY, "x-github-event": "ping", "x-github-delivery": `${a.next}` };
      await a.post(`/r/flood?format=github&name=${a.next}`, JSON.stringify(github), headers);
    }
  },
  async streams(a) {
    const headers = { accept: "text/event-stream", "confab-key": makeKey(`${a.next}`) };
    const socket = await a.open(`/r/stream${a.next}?name=S${a.next}`, headers);
    if (socket.isOpen) socket.end();
  },
};

/** Simulates the flood, and checks what was stored. Returns how many messages that were. */
async function flood(
  ways: readonly string[],
  options: { addressOf?: (n: number) => string; proxies?: string[] } = {},
): Promise<number> {
  const { addressOf = () => "198.51.100.7", proxies } = options;
  using time = new FakeTime();
  using _clock = fakeMonotonic();
  const journal = new CountingJournal();
  const log = () => {};
  const hub = new Hub({ journal, keep: 1_000, log, maxRooms: DEFAULT_LIMITS.rooms });
  const running = hub.run();
  const handler = makeHandler({ hub, log, proxies: new Proxies(proxies ?? []) });
  const attacker = new Attacker(handler, addressOf, proxies !== undefined);
  const rates = addressRates(DEFAULT_LIMITS);
  const check = (second: number) => {
    const most = (name: keyof typeof rates) => rates[name].burst + rates[name].perS * second;
    assert(journal.messages <= most("messages"), `${journal.messages} messages in ${second} s`);
    const bytes = most("bytes") + DEFAULT_LIMITS.textBytes; // the last one may leave a debt
    assert(journal.bytes <= bytes, `${journal.bytes} bytes in ${second} s`);
    assert(journal.rooms().length <= most("rooms"), "rooms");
    assert(journal.names.size <= most("names"), "names");
  };
  for (let second = 0; second < SECONDS; second++) {
    for (let n = 0; n < PER_SECOND; n++) {
      // Not to wait for them: an answer may need the hub's next turn.
      const acts = ways.map((way) => WAYS[way]!(attacker));
      for (let turns = 0; turns < 20; turns++) await nextTurn();
      await Promise.all(acts);
    }
    check(second);
    time.tick(1_000);
  }
  hub.close("restarting");
  await running;
  time.tick(60_000);
  return journal.messages;
}

const MOST = 250 + 25 * SECONDS;

Deno.test("one address that floods in every way at once stores 25 messages and 64 KiB a second in the long run", async () => {
  const stored = await flood(Object.keys(WAYS));
  console.log(`${stored} messages in ${SECONDS} s, at most ${MOST}`);
  assert(stored > 250, "there was a flood");
});

for (const way of Object.keys(WAYS)) {
  Deno.test(`one address that floods by ${way} has the same budget`, async () => {
    const stored = await flood([way]);
    console.log(`${stored} messages in ${SECONDS} s, at most ${MOST}`);
    assertEquals(stored > 0, way !== "streams");
  });
}

Deno.test("addresses of one /64, of IPv4 within IPv6, and behind a proxy share one budget", async () => {
  const ways = ["reconnecting", "plainLines", "posts", "webhooks"];
  const network = (n: number) => `2001:db8:1:2:${(n % 65_536).toString(16)}::${n % 9}`;
  const mapped = (n: number) => n % 2 ? "::ffff:198.51.100.7" : "198.51.100.7";
  await flood(ways, { addressOf: network });
  await flood(ways, { addressOf: mapped });
  await flood(ways, { addressOf: () => "192.0.2.1", proxies: ["192.0.2.1"] });
});
