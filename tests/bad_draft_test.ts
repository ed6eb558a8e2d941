// Tests that no draft can fail another: a few clients send thousands of drafts that are wrong in every way, among 50 people on
// confab.v1, plain lines and POST. Each of those is stored once, in order, and none is refused. The seed is printed.
import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { DatabaseSync } from "node:sqlite";
import { openSqliteJournal } from "../journal/sqlite/sqlite_journal.ts";
import { listenDeno } from "../transport/deno.ts";
import type { Listen } from "../transport/transport.ts";
import { listenWs } from "../transport/ws.ts";
import { type Known, makeDraft, pick } from "./hostile/drafts.ts";
import { JsonSocket, makeKey } from "./support/json_socket.ts";
import { chooseSeed, Random } from "./support/random.ts";
import { serve } from "./support/serving.ts";
import { eventually } from "./support/until.ts";

const PEOPLE = 50;
const SAID_BY_EACH = 12;

/** Bad clients at a time, and drafts that one sends before it looks at the answers. */
const BAD_CLIENTS = 8;
const AT_ONCE = 25;

const ROOMS = ["a", "b", "c"];

/** Names of bad clients. Some share a key, and so an author, with others of another name. */
const NAMES = ["", "", "Eve", "Mallory", "Person 1", "__proto__", "constructor"];

/** Makes a statement fail for a draft of this text or id, after others have been run for the same draft. */
const POISON = `
  CREATE TRIGGER poisoned_entry BEFORE INSERT ON entries WHEN NEW.text LIKE 'poison %'
    BEGIN SELECT RAISE(ABORT, 'poisoned'); END;
  CREATE TRIGGER poisoned_id BEFORE INSERT ON ids WHEN NEW.id LIKE 'poison %'
    BEGIN SELECT RAISE(ABORT, 'poisoned'); END;
  CREATE TRIGGER poisoned_erasure BEFORE UPDATE ON entries WHEN OLD.text = 'incorruptible'
    BEGIN SELECT RAISE(ABORT, 'poisoned'); END;`;

/** Somebody who does nothing wrong, on one of the three ways. */
class Person {
  readonly name: string;
  readonly room: string;
  readonly refusals: string[] = [];
  readonly #n: number;
  readonly #port: number;

  constructor(n: number, port: number) {
    this.#n = n;
    this.#port = port;
    this.name = `Person ${n}`;
    this.room = ROOMS[n % ROOMS.length]!;
  }

  /** Texts in the order in which they are sent. */
  get texts(): string[] {
    return Array.from({ length: SAID_BY_EACH }, (_, n) => `${this.name} says ${n}`);
  }

  /** Sends all of them, spread over the time of the attack. */
  async talk(pause: () => Promise<void>): Promise<void> {
    await [this.#talkV1, this.#talkLines, this.#post][Math.floor(this.#n / ROOMS.length) % 3]!
      .call(this, pause);
  }

  async #talkV1(pause: () => Promise<void>): Promise<void> {
    const path = `/r/${this.room}/ws`;
    await using socket = (await JsonSocket.join(this.#port, { name: this.name, path })).socket;
    for (const text of this.texts) {
      socket.send({ type: "say", id: text, text });
      const answer = await socket.read("ack", "error", "bye");
      if (answer?.type !== "ack") this.refusals.push(`${text}: ${answer?.code}`);
      await pause();
    }
  }

  async #talkLines(pause: () => Promise<void>): Promise<void> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.#port}/r/${this.room}/ws`);
    const own = new Set<string>();
    socket.onmessage = ({ data }) => data.split("\n").forEach((line: string) => own.add(line));
    const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
    await new Promise((resolve) => socket.onopen = resolve);
    for (const text of this.texts) {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
      await pause();
    }
    // Its own line is the only acknowledgement.
    await eventually(() => own.has(this.texts.at(-1)!) || socket.readyState !== WebSocket.OPEN);
    socket.close();
    const { code, reason } = await closed;
    if (![1000, 1005].includes(code)) this.refusals.push(`${this.name}: ${code} ${reason}`);
  }

  async #post(pause: () => Promise<void>): Promise<void> {
    for (const text of this.texts) {
      const response = await fetch(`http://127.0.0.1:${this.#port}/r/${this.room}`, {
        method: "POST",
        headers: { "confab-key": makeKey(this.name), "content-type": "application/json" },
        body: JSON.stringify({ id: text, text, name: this.name }),
      });
      if (!response.ok) this.refusals.push(`${text}: ${response.status}`);
      await response.body?.cancel();
      await pause();
    }
  }
}

/** The bad clients together: how many drafts are left, what they know, and what the server answered. */
class Attack {
  readonly answers = new Map<string, number>();
  readonly total: number;
  left: number;
  readonly #port: number;
  readonly #isPoisonous: boolean;
  readonly #known = new Map<string, Known>(ROOMS.map((room) => [room, { ids: [], head: 1 }]));

  constructor(port: number, { total, isPoisonous }: { total: number; isPoisonous: boolean }) {
    this.#port = port;
    this.total = this.left = total;
    this.#isPoisonous = isPoisonous;
  }

  async run(seed: number): Promise<void> {
    const clients = Array.from({ length: BAD_CLIENTS }, async (_, n) => {
      const random = new Random(seed + n);
      while (this.left > 0) await (random.next() < 0.9 ? this.#post(random) : this.#visit(random));
    });
    await Promise.all(clients);
  }

  /** Attacks by a connection until it is closed or leaves. */
  async #visit(random: Random): Promise<void> {
    const room = pick(random, ROOMS);
    const name = pick(random, NAMES);
    const key = makeKey(`bad client ${random.integer(1, 3)}`);
    await using socket = await JsonSocket.open(this.#port, `/r/${room}/ws`);
    socket.send({ type: "hello", name, key, history: random.integer(0, 2) });
    for (let batches = random.integer(1, 4); batches > 0 && this.left > 0; batches--) {
      const drafts = Array.from({ length: AT_ONCE }, () => this.#make(random, room));
      // The pong sets the pace. It may overtake acknowledgements.
      socket.sendText([...drafts, '{"type":"ping"}'].join("\n"));
      for (let line; (line = await socket.read("ack", "error", "entry", "pong", "bye"));) {
        if (line.type === "entry") this.#see(room, line.seq);
        else this.#count(line.code ?? line.type);
        if (line.type === "bye" || line.type === "pong") break;
      }
    }
  }

  async #post(random: Random): Promise<void> {
    const room = pick(random, ROOMS);
    const headers = new Headers({ "content-type": "application/json" });
    if (random.next() < 0.5) {
      headers.set("confab-key", makeKey(`bad client ${random.integer(1, 3)}`));
    }
    if (random.next() < 0.3) headers.set("idempotency-key", pick(random, ["evil 1", '"', "é", ""]));
    const query = new URLSearchParams({ name: pick(random, NAMES) });
    const url = `http://127.0.0.1:${this.#port}/r/${room}?${query}`;
    const body = this.#make(random, room);
    const response = await fetch(url, { method: "POST", headers, body });
    const { code = "ack", seq = 0 } = await response.json();
    this.#see(room, seq);
    this.#count(code);
  }

  #make(random: Random, room: string): string {
    this.left--;
    const draft = makeDraft(random, this.#known.get(room)!);
    if (!this.#isPoisonous || random.next() < 0.7) return draft;
    const { head } = this.#known.get(room)!;
    const id = `${random.next() < 0.5 ? "poison" : "fine"} ${this.left}`;
    return JSON.stringify(pick(random, [
      { type: "say", id, text: pick(random, ["poison 1", "incorruptible", "fine"]) },
      { type: "edit", id, ref: random.integer(1, head), text: "poison 2" },
      { type: "delete", id: `fine ${this.left}`, ref: random.integer(1, head) },
    ]));
  }

  #see(room: string, seq: number): void {
    const known = this.#known.get(room)!;
    known.head = Math.max(known.head, seq);
  }

  #count(answer: string): void {
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
  }
}

/** Reads all texts of a room, those of plain lines included. */
function readTexts(folder: string, room: string): string[] {
  using db = new DatabaseSync(`${folder}/journal.db`, { readOnly: true });
  const sql = `SELECT text FROM entries JOIN rooms ON rooms.id = room
    WHERE rooms.name = ? AND kind = 0 ORDER BY seq`;
  return db.prepare(sql).all(room).map(({ text }) => text as string);
}

async function run(
  { listen, total, isPoisonous }: { listen: Listen; total: number; isPoisonous: boolean },
): Promise<{ answers: ReadonlyMap<string, number>; logged: ReadonlySet<string> }> {
  const seed = chooseSeed();
  console.log(`seed ${seed}`);
  const folder = await Deno.makeTempDir({ prefix: "confab-drafts-" });
  using journal = openSqliteJournal(folder);
  if (isPoisonous) {
    using db = new DatabaseSync(`${folder}/journal.db`);
    db.exec(POISON);
  }
  try {
    await using server = await serve({ journal, listen });
    const attack = new Attack(server.port, { total, isPoisonous });
    const people = Array.from({ length: PEOPLE }, (_, n) => new Person(n, server.port));
    let said = 0;
    // Nobody is ahead of the attack, so that each message has bad ones beside it.
    const pause = async () => {
      said++;
      while (1 - attack.left / total < said / (PEOPLE * SAID_BY_EACH) - 0.1) await delay(1);
    };
    await Promise.all([attack.run(seed), ...people.map((person) => person.talk(pause))]);
    await server.stop();
    assertEquals(people.flatMap(({ refusals }) => refusals), []);
    for (const room of ROOMS) {
      const texts = readTexts(folder, room);
      for (const person of people.filter((person) => person.room === room)) {
        const own = texts.filter((text) => text.startsWith(`${person.name} says`));
        assertEquals(own, person.texts);
      }
    }
    console.log("answers", Object.fromEntries(attack.answers));
    return { answers: attack.answers, logged: new Set(server.logged) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const TRANSPORTS: Record<string, { listen: Listen; total: number }> = {
  deno: { listen: listenDeno, total: 3_000 },
  ws: { listen: listenWs, total: 10_000 },
};

for (const [name, { listen, total }] of Object.entries(TRANSPORTS)) {
  Deno.test(`${total} bad drafts on ${name} fail no other message, and the journal refuses none`, async () => {
    const { answers, logged } = await run({ listen, total, isPoisonous: false });
    for (const code of ["internal", "not_stored"]) assertEquals(answers.get(code) ?? 0, 0, code);
    for (const code of ["ack", "bad_field", "unknown_ref", "not_yours", "no_name", "no_key"]) {
      assert(answers.get(code)! > 0, code);
    }
    assertEquals(logged.difference(new Set(["client closed"])), new Set());
  });
}

Deno.test("drafts for which a statement of the journal fails are refused alone", async () => {
  const { answers, logged } = await run({ listen: listenWs, total: 3_000, isPoisonous: true });
  assert(answers.get("internal")! > 50);
  assertEquals(answers.get("not_stored") ?? 0, 0);
  assertEquals(logged.difference(new Set(["client closed"])), new Set(["draft refused"]));
});
