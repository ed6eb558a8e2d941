// A hundred of our own clients whose connections are cut again and again while some of them talk: each one's view is the
// journal in the end, in order, with neither a hole nor a double.
import { assert, assertEquals, assertGreater } from "@std/assert";
import { delay } from "@std/async/delay";
import { Session } from "../sdk/session.js";
import { within } from "./support/deadline.ts";
import { FakeStorage } from "./support/fake_storage.ts";
import { FaultyProxy } from "./support/faulty_proxy.ts";
import { JsonSocket } from "./support/json_socket.ts";
import { startProgram } from "./support/program.ts";
import { chooseSeed, Random } from "./support/random.ts";

const CLIENTS = 100;
const TALKERS = 20;
const SECONDS = 8;
const TALK_PERIOD_MS = 50;
const KICK_PERIOD_MS = 25;
const MIN_KICKS = 200;

interface Client {
  readonly session: Session;
  /** What it was handed out, in that order. */
  readonly view: string[];
  readonly faults: string[];
}

function startClient(port: number, name: string, random: Random): Client {
  const view: string[] = [];
  const faults: string[] = [];
  const session = new Session({
    url: `ws://127.0.0.1:${port}/ws`,
    room: "lobby",
    storage: new FakeStorage(), // its own, so that each is a person of its own
    history: 500,
    random: () => random.next() * 0.1, // they come back soon, to be kicked again
    handlers: {
      onEntry: (entry) => view.push(`${entry.seq} ${entry.kind === "say" ? entry.text : "?"}`),
      onGap: () => faults.push("a gap"),
      onReset: () => faults.push("a reset"),
      onError: ({ code }) => faults.push(code),
      onPending: ({ state }) => state === "failed" && faults.push("a failure"),
    },
  });
  session.rename(name);
  session.start();
  return { session, view, faults };
}

Deno.test(`kicked: ${CLIENTS} clients, cut at random for ${SECONDS} s while ${TALKERS} talk, end with the journal`, async () => {
  const seed = chooseSeed();
  const random = new Random(seed);
  await using program = await startProgram({ args: ["--addr", "127.0.0.1:0", "--keep", "0"] });
  await using proxy = new FaultyProxy(program.port);
  const clients = Array.from(
    { length: CLIENTS },
    (_, n) => startClient(proxy.port, `client ${n}`, random),
  );
  let kicks = 0;
  const kick = setInterval(() => {
    const { links } = proxy;
    const link = links[random.integer(0, links.length - 1)];
    if (!link) return;
    kicks++;
    // At once, or in the midst of what is just being said to it.
    if (random.next() < 0.5) link.cut();
    else link.down.cutAfter(random.integer(0, 2000));
  }, KICK_PERIOD_MS);
  const until = Date.now() + SECONDS * 1000;
  // A slow machine takes longer for as many cuts.
  const goesOn = () => Date.now() < until + (kicks > MIN_KICKS ? 0 : 3 * SECONDS * 1000);
  let said = 0;
  await Promise.all(
    clients.slice(0, TALKERS).map(async ({ session }, n) => {
      for (let count = 0; goesOn(); count++, said++) {
        session.say(`${n}: ${count}`);
        await delay(TALK_PERIOD_MS);
      }
    }),
  );
  clearInterval(kick);
  await within(60_000, "everybody to catch up", allCaughtUp(clients, said));
  for (const { session } of clients) session.stop();
  const journal = await readJournal(program.port, said);
  const deliveries = said * CLIENTS;
  console.log(`seed ${seed}: ${said} said, ${kicks} cuts, ${deliveries} deliveries`);
  assertGreater(deliveries, 100_000);
  assertGreater(kicks, MIN_KICKS);
  for (const { view, faults } of clients) {
    assertEquals(faults, []);
    assertEquals(view, journal.slice(-view.length));
    // Who was there from the first message on has all; who was kicked before that, all since it came back.
    assertGreater(view.length, said - 500);
  }
  for (let n = 0; n < TALKERS; n++) {
    const own = journal.map((line) => line.split(" ").slice(1).join(" ")).filter((text) =>
      text.startsWith(`${n}: `)
    );
    assertEquals(own, own.map((_, count) => `${n}: ${count}`));
  }
  assertEquals(program.log(), "");
});

async function allCaughtUp(clients: readonly Client[], said: number): Promise<void> {
  const isDone = ({ session, view }: Client) =>
    session.pending.length === 0 && view.at(-1)?.startsWith(`${said} `);
  while (!clients.every(isDone)) {
    await delay(50);
  }
}

async function readJournal(port: number, count: number): Promise<string[]> {
  const { socket, welcome } = await JsonSocket.join(port, { after: 0 });
  assertEquals(welcome.head, count);
  const lines: string[] = [];
  while (lines.length < count) {
    const entry = await socket.read("entry");
    assert(entry);
    lines.push(`${entry.seq} ${entry.text}`);
  }
  await socket[Symbol.asyncDispose]();
  return lines;
}
