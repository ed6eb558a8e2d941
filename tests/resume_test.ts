// Coming back: connections that are cut at any byte, joining while others speak, resuming past what is kept. The
// program as a process, and between it and its clients a network that fails.
import { assert, assertEquals, assertGreater } from "@std/assert";
import { FaultyProxy } from "./support/faulty_proxy.ts";
import { JsonSocket, type Line, type Wish } from "./support/json_socket.ts";
import { type Program, startProgram } from "./support/program.ts";
import { chooseSeed, Random } from "./support/random.ts";

const CUTS = 500;
const JOINS = 2_000;

/** Of a client's frame of 126 to 65,535 bytes, with its mask (RFC 6455, section 5.2). */
const FRAME_HEAD_BYTES = 8;

/** Who joins at a time, and how much the room keeps meanwhile. */
const JOINERS = 16;
const KEPT = 400;

function start(keep: number, data?: string): Promise<Program> {
  const args = ["--addr", "127.0.0.1:0", "--keep", String(keep)];
  return startProgram(data ? { args, data } : { args });
}

function printSeed(): number {
  const seed = chooseSeed();
  console.log(`seed ${seed}`);
  return seed;
}

/** Says so many things and waits until all are acknowledged. */
async function say(socket: JsonSocket, ids: readonly string[]): Promise<Line[]> {
  socket.send(...ids.map((id) => ({ type: "say", id, text: `text of ${id}` })));
  const acks: Line[] = [];
  for (const id of ids) {
    const ack = await socket.read("ack", "error");
    assertEquals([ack?.type, ack?.id], ["ack", id]);
    acks.push(ack!);
  }
  return acks;
}

/** `prefix 1` to `prefix count`. */
function makeIds(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${prefix} ${n + 1}`);
}

/** Entries and gaps up to and including the entry of this id. */
async function readTo(socket: JsonSocket, id: string): Promise<Line[]> {
  const lines: Line[] = [];
  do {
    const line = await socket.read("entry", "gap", "error");
    assert(line, `the connection ended before ${id}`);
    lines.push(line);
  } while (lines.at(-1)!.id !== id);
  return lines;
}

/** Numbers of entries, and gaps in words. */
function show(lines: readonly Line[]): (number | string)[] {
  return lines.map(({ type, seq, from, to, count, reason }) =>
    type === "entry" ? seq : `${reason} ${from}..${to}: ${count}`
  );
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, n) => from + n);
}

Deno.test(`resume: ${CUTS} cuts at any byte between send and ack, then the same id again: one entry, the same seq`, async () => {
  const random = new Random(printSeed());
  await using program = await start(0);
  await using proxy = new FaultyProxy(program.port);
  const hello = { name: "Cut", history: 0 };
  const sizes = await measure(proxy, hello);
  const seqs = new Map<string, number>();
  const outcomes = { acked: 0, stored: 0, never: 0 };
  for (let cuts = 0; cuts < CUTS;) {
    const line = { type: "say", id: `cut ${cuts}`, text: "x".repeat(random.integer(1, 200)) };
    let acked: number | undefined;
    for (let left = random.integer(1, 3); left > 0 && cuts < CUTS; left--, cuts++) {
      const { socket } = await JsonSocket.join(proxy.port, hello);
      const link = proxy.links.at(-1)!;
      const direction = random.next() < 0.5 ? "up" : "down";
      const most = sizes[direction] + JSON.stringify(line).length;
      link[direction].cutAfter(random.integer(0, most));
      socket.send(line);
      const ack = await socket.read("ack", "error"); // or the end
      acked = checkSame(acked, ack);
      link.cut();
      await socket.closed;
    }
    const { socket, welcome } = await JsonSocket.join(proxy.port, hello);
    await using _socket = socket;
    socket.send(line);
    const ack = await socket.read("ack", "error");
    assertEquals(ack?.type, "ack");
    checkSame(acked, ack);
    seqs.set(line.id, ack!.seq);
    if (acked !== undefined) outcomes.acked++;
    else if (ack!.seq <= welcome.head) outcomes.stored++;
    else outcomes.never++;
  }
  console.log(outcomes);
  for (const count of Object.values(outcomes)) assertGreater(count, 0);
  await using reader = (await JsonSocket.join(program.port, { name: "Reader", after: 0 })).socket;
  reader.send({ type: "say", id: "last", text: "the end" });
  const entries = await readTo(reader, "last");
  assertEquals(entries.map(({ seq }) => seq), range(1, seqs.size + 2));
  for (const [id, seq] of seqs) assertEquals([entries[seq - 1]!.id, id], [id, id]);
});

/** Bytes that pass in each direction from a send to its ack, besides the line that is sent. */
async function measure(proxy: FaultyProxy, wish: Wish): Promise<{ up: number; down: number }> {
  const { socket } = await JsonSocket.join(proxy.port, wish);
  await using _socket = socket;
  await socket.read("presence"); // nothing else is on its way
  const { down } = proxy.links.at(-1)!;
  const before = down.passed;
  await say(socket, ["measure"]);
  return { up: FRAME_HEAD_BYTES, down: down.passed - before };
}

function checkSame(acked: number | undefined, ack: Line | null): number | undefined {
  if (!ack) return acked;
  assertEquals(ack.type, "ack");
  if (acked !== undefined) assertEquals(ack.seq, acked, `${ack.id} has two numbers`);
  return ack.seq;
}

Deno.test(`resume: ${JOINS} joins while others speak: no hole and no double between history and live`, async () => {
  const seed = printSeed();
  await using program = await start(KEPT);
  const told = new Told();
  const speakers = [1, 2, 3, 4, 5].map((n) =>
    new ClientHandle(program.port, `ClientHandle ${n}`, told)
  );
  const spoken = Promise.allSettled(
    speakers.map((speaker, n) => speaker.run(new Random(seed - 1 - n))),
  );
  const joined = await Promise.allSettled(Array.from({ length: JOINERS }, async (_, n) => {
    const random = new Random(seed + n);
    for (let left = JOINS / JOINERS; left > 0; left--) await joinOnce(program.port, random, told);
  }));
  for (const speaker of speakers) speaker.isDone = true;
  for (const outcome of [...joined, ...await spoken]) {
    if (outcome.status === "rejected") throw outcome.reason;
  }
  const { acked, joinedBehind, seen } = told;
  assertEquals(acked, seen.size, "entries that were not acknowledged, or not seen");
  console.log(`${JOINS} joins, ${joinedBehind} behind what is kept, ${acked} entries`);
  assertGreater(joinedBehind, JOINS / 20);
});

/** What is under which number, by everybody who was told. */
class Told {
  readonly seen = new Map<number, string>();
  latest = 0;
  acked = 0;
  joinedBehind = 0;

  see(seq: number, id: string): void {
    assertEquals(this.seen.get(seq) ?? id, id, `${seq} is two entries`);
    this.seen.set(seq, id);
    this.latest = Math.max(this.latest, seq);
  }
}

/** Says a few things at a time, and the next when they are acknowledged. */
class ClientHandle {
  isDone = false;

  constructor(readonly port: number, readonly name: string, readonly told: Told) {}

  async run(random: Random): Promise<void> {
    await using socket = (await JsonSocket.join(this.port, { name: this.name })).socket;
    for (let turn = 0; !this.isDone; turn++) {
      const ids = makeIds(`${this.name} ${turn}`, random.integer(1, 16));
      for (const { seq, id } of await say(socket, ids)) this.told.see(seq, id);
      this.told.acked += ids.length;
    }
  }
}

/** Joins in one of the ways there are, reads what is due and some live entries, and leaves. */
async function joinOnce(port: number, random: Random, told: Told): Promise<void> {
  const history = random.integer(0, 500);
  const after = random.integer(Math.max(0, told.latest - 2 * KEPT), told.latest);
  const most = random.integer(0, KEPT);
  const wish = [{}, { history }, { after }, { after, most }][random.integer(0, 3)]!;
  const { socket, welcome } = await JsonSocket.join(port, wish);
  await using _socket = socket;
  const { head, resumed } = welcome;
  assertEquals(resumed, "after" in wish);
  const expected = plan(head, { history: 50, ...wish });
  if (typeof expected[0] === "string" && expected[0].startsWith("retention")) told.joinedBehind++;
  const live = random.integer(1, 20);
  const due = [...expected, ...range(head + 1, head + live)];
  const lines: Line[] = [];
  while (lines.length < due.length) {
    const line = await socket.read("entry", "gap", "error");
    assert(line, `the connection ended after ${show(lines)}`);
    lines.push(line);
    if (line.type === "entry") told.see(line.seq, line.id);
  }
  assertEquals(show(lines), due, `head ${head}, wish ${JSON.stringify(wish)}`);
}

/** Gaps and entries up to the head that a wish is to be answered with. */
function plan(
  head: number,
  { after, most = Infinity, history }: { after?: number; most?: number; history: number },
): (number | string)[] {
  const floor = Math.max(0, head - KEPT);
  if (after === undefined) return range(Math.max(floor, head - history) + 1, head);
  const gaps: string[] = [];
  if (after < floor) gaps.push(`retention ${after + 1}..${floor}: ${floor - after}`);
  const kept = Math.max(after, floor);
  const from = Math.max(kept, head - most);
  if (from > kept) gaps.push(`skipped ${kept + 1}..${from}: ${from - kept}`);
  return [...gaps, ...range(from + 1, head)];
}

Deno.test("resume: past what is kept, a gap with its exact count, then everything; the same after a kill", async (t) => {
  const data = await Deno.makeTempDir({ prefix: "confab-resume-" });
  try {
    for (const when of ["at first", "after a kill"]) {
      await using program = await start(100, data);
      await using ann = (await JsonSocket.join(program.port, { name: "Ann" })).socket;
      const ids = makeIds("n", 500);
      const acks = await say(ann, ids); // the second time these are repetitions, most of what is no longer kept
      assertEquals(acks.map(({ seq }) => seq), range(1, 500));
      await t.step(`${when}: resumes`, () => checkResumes(program.port));
      await t.step(`${when}: starts afresh`, () => checkFreshStarts(program.port));
      program.kill("SIGKILL");
    }
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

/** In a room with entries 1 to 500 that keeps 100. */
async function checkResumes(port: number): Promise<void> {
  const { epoch } = await joinAndRead(port, {});
  const removed = "retention 11..400: 390";
  const cases: [Wish, (number | string)[]][] = [
    [{ after: 10 }, [removed, ...range(401, 500)]],
    [{ after: 10, epoch }, [removed, ...range(401, 500)]],
    [{ after: 0, epoch }, ["retention 1..400: 400", ...range(401, 500)]],
    [{ after: 399, epoch }, ["retention 400..400: 1", ...range(401, 500)]],
    [{ after: 400, epoch }, range(401, 500)],
    [{ after: 499, epoch }, [500]],
    [{ after: 500, epoch }, []],
    [{ after: 400, epoch, most: 100 }, range(401, 500)],
    [{ after: 450, epoch, most: 20 }, ["skipped 451..480: 30", ...range(481, 500)]],
    [{ after: 450, epoch, most: 0 }, ["skipped 451..500: 50"]],
    [{ after: 10, epoch, most: 20 }, [removed, "skipped 401..480: 80", ...range(481, 500)]],
  ];
  for (const [wish, expected] of cases) {
    const { resumed, shown } = await joinAndRead(port, wish);
    assertEquals([resumed, ...shown], [true, ...expected], JSON.stringify(wish));
  }
}

/** As above, for those who show what this room never had. */
async function checkFreshStarts(port: number): Promise<void> {
  const { epoch } = await joinAndRead(port, {});
  const others = [501, 1e9, 2 ** 53 - 1, 2 ** 53, 1e308, -1, -(2 ** 53), 1.5, -0.5];
  const wishes: Wish[] = [{}, { epoch }, { after: 10, epoch: "another" }, {
    after: 500,
    epoch: "",
  }];
  for (const wish of [...wishes, ...others.map((after) => ({ after, epoch }))]) {
    for (const history of [0, 7, 100, 500]) {
      const { resumed, shown } = await joinAndRead(port, { ...wish, history });
      const expected = range(Math.max(501 - history, 401), 500);
      assertEquals([resumed, ...shown], [false, ...expected], JSON.stringify(wish));
    }
  }
}

async function joinAndRead(
  port: number,
  wish: Wish,
): Promise<{ resumed: boolean; epoch: string; shown: (number | string)[] }> {
  const { socket, welcome } = await JsonSocket.join(port, wish);
  await using _socket = socket;
  // The answer stands behind everything that was due.
  socket.send({ type: "history", before: 1 });
  const lines: Line[] = [];
  for (let line; (line = await socket.read("entry", "gap", "page", "error"))?.type !== "page";) {
    assert(line, "the connection ended");
    lines.push(line);
  }
  return { resumed: welcome.resumed, epoch: welcome.epoch, shown: show(lines) };
}
