// The crash: a server that is killed again and again under writers on `confab.v1`, who resend what was not
// acknowledged. In the end the journal is compared with what was promised. Bounded; loopback only.
//
//   deno task test:crash [--cycles 20] [--writers 50] [--seed N]
//
// The seed makes texts and moments again; what the machine does in between it cannot. SIGKILL ends a process and not
// the machine: whether a commit survives a power cut does not show here.
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { hashKey } from "../protocol/names.ts";
import { Life, type Peer, type PeerOptions, Reader, type Seen, Writer } from "./crash_peers.ts";
import { within } from "./support/deadline.ts";
import { makeKey } from "./support/json_socket.ts";
import { type Program, startProgram } from "./support/program.ts";
import { chooseSeed, Random } from "./support/random.ts";

export interface CrashOptions {
  readonly cycles: number;
  readonly writers: number;
  readonly seed: number;
  /** Messages that a writer has sent and that are not acknowledged. */
  readonly inFlight?: number;
  /** Further clients that only read, and resume. */
  readonly readers?: number;
  /** The writers go on after the last crash until so many are acknowledged, all together. */
  readonly leastAcked?: number;
}

export interface CrashReport {
  readonly acked: number;
  /** Acknowledged, and not in the journal under the same seq and with the same text. */
  readonly lost: number;
  /** In the journal for a second time. */
  readonly doubled: number;
  /** Numbers below the last one that no entry has. */
  readonly holes: number;
  /** Sent and not acknowledged when the server was killed, all kills together, and how many of them it had stored. */
  readonly cutOff: number;
  readonly storedBefore: number;
  /** Everything else that must not happen; at most `MAX_FAULTS` of it. */
  readonly faults: readonly string[];
}

/** An entry as the file keeps it. */
interface Row extends Seen {
  readonly seq: number;
  readonly author: string;
}

const MAX_FAULTS = 20;

/** When the server is killed, after everybody is back. */
const KILL_AFTER_MS = { least: 50, most: 600 };

/** Whatever takes longer hangs. */
const STEP_TIMEOUT_MS = 60_000;

class Crash {
  readonly #options: Required<CrashOptions>;
  readonly #folder: string;
  readonly #random: Random;
  readonly #writers: Writer[];
  readonly #readers: Reader[];
  /** Everybody, with the end of their `run`. */
  readonly #peers = new Map<Peer, Promise<void>>();
  readonly #faults: string[] = [];
  #life = Promise.withResolvers<Life>();
  #cutOff = 0;

  constructor(options: CrashOptions, folder: string) {
    this.#options = { inFlight: 24, readers: 2, leastAcked: 60_000, ...options };
    this.#folder = folder;
    this.#random = new Random(options.seed);
    const { inFlight } = this.#options;
    this.#writers = Array.from({ length: this.#options.writers }, (_, n) => {
      const random = new Random(options.seed + n + 1);
      return new Writer({ ...this.#makeOptions(`writer ${n}`), inFlight, random });
    });
    this.#readers = Array.from(
      { length: this.#options.readers },
      (_, n) => new Reader(this.#makeOptions(`reader ${n}`)),
    );
  }

  #makeOptions(name: string): PeerOptions {
    return {
      name,
      nextLife: () => this.#life.promise,
      onFault: (fault) => this.#onFault(fault),
    };
  }

  async run(): Promise<CrashReport> {
    for (const peer of [...this.#writers, ...this.#readers]) this.#admit(peer);
    let life = await this.#start();
    try {
      for (let cycle = 0; cycle < this.#options.cycles; cycle++) {
        await within(STEP_TIMEOUT_MS, "everybody to be back", life.everybodyIsBack);
        const { least, most } = KILL_AFTER_MS;
        await pause(this.#random.integer(least, most));
        await this.#kill(life.program);
        life = await this.#start();
      }
      return await this.#finish(life);
    } finally {
      for (const peer of this.#peers.keys()) peer.stop();
      this.#life.resolve(life); // for who still waits for one
      await life.program[Symbol.asyncDispose]();
      await Promise.all(this.#peers.values());
    }
  }

  #admit(peer: Peer): void {
    this.#peers.set(peer, peer.run());
  }

  async #start(): Promise<Life> {
    const args = ["--addr", "127.0.0.1:0", "--keep", "0"];
    const program = await startProgram({ args, data: this.#folder });
    const life = new Life(program, this.#peers.keys());
    this.#life.resolve(life);
    return life;
  }

  async #kill(program: Program): Promise<void> {
    this.#life = Promise.withResolvers();
    this.#cutOff += this.#writers.reduce((sum, { unacked }) => sum + unacked.size, 0);
    program.kill("SIGKILL");
    await program[Symbol.asyncDispose]();
    if (/ error /.test(program.log())) this.#onFault(`the server logged\n${program.log()}`);
  }

  /** Lets everybody finish, ends the server, and compares. */
  async #finish({ program, everybodyIsBack }: Life): Promise<CrashReport> {
    await within(STEP_TIMEOUT_MS, "everybody to be back", everybodyIsBack);
    const countAcked = () => this.#writers.reduce((sum, { acked }) => sum + acked.size, 0);
    const until = Date.now() + STEP_TIMEOUT_MS;
    while (countAcked() < this.#options.leastAcked && Date.now() < until) await pause(10);
    await within(
      STEP_TIMEOUT_MS,
      "all acknowledgements",
      Promise.all(this.#writers.map((each) => each.finish())),
    );
    const late = new Reader(this.#makeOptions("late reader"));
    this.#admit(late);
    const head = await within(STEP_TIMEOUT_MS, "a welcome", late.welcomed);
    const readers = [...this.#readers, late];
    await within(
      STEP_TIMEOUT_MS,
      "all readers",
      Promise.all(readers.map((reader) => reader.finish(head))),
    );
    for (const peer of this.#peers.keys()) peer.stop();
    await this.#kill(program);
    const rows = readRows(this.#folder, (fault) => this.#onFault(fault));
    for (const reader of readers) this.#compareView(reader, rows);
    return {
      ...this.#compare(rows),
      acked: countAcked(),
      cutOff: this.#cutOff,
      storedBefore: this.#writers.reduce((sum, { storedBefore }) => sum + storedBefore, 0),
      faults: this.#faults,
    };
  }

  #compare(rows: readonly Row[]): Pick<CrashReport, "lost" | "doubled" | "holes"> {
    const bySeq = new Map(rows.map((row) => [row.seq, row]));
    const keys = new Set(rows.map(({ author, id }) => `${author} ${id}`));
    let lost = 0;
    for (const [n, writer] of this.#writers.entries()) {
      const author = hashKey(makeKey(`writer ${n}`));
      for (const [id, { seq, text }] of writer.acked) {
        const row = bySeq.get(seq);
        if (row?.author === author && row.id === id && row.text === text) continue;
        lost++;
        this.#onFault(`writer ${n}: ${id} was acknowledged as ${seq}; there is ${show(row)}`);
      }
    }
    this.#checkOrder(rows);
    const last = rows.at(-1)?.seq ?? 0;
    return { lost, doubled: rows.length - keys.size, holes: last - bySeq.size };
  }

  /** What one author said, in the order of saying it, across all crashes. */
  #checkOrder(rows: readonly Row[]): void {
    const last = new Map<string, number>();
    for (const { author, id, seq } of rows) {
      const expected = (last.get(author) ?? 0) + 1;
      if (Number(id) !== expected) this.#onFault(`${seq} is ${id} of its author, not ${expected}`);
      last.set(author, Number(id));
    }
  }

  #compareView({ seen }: Reader, rows: readonly Row[]): void {
    if (seen.length !== rows.length) {
      this.#onFault(`a reader has seen ${seen.length} entries, the journal has ${rows.length}`);
    }
    for (const [n, row] of rows.entries()) {
      const view = seen[n];
      const isSame = view?.name === row.name && view.id === row.id && view.text === row.text;
      if (!isSame) this.#onFault(`a reader saw ${show(view)} where there is ${show(row)}`);
    }
  }

  #onFault(fault: string): void {
    if (this.#faults.length < MAX_FAULTS) this.#faults.push(fault);
  }
}

/** Runs the crash in a folder of its own, which is kept when something was wrong. */
export async function runCrash(options: CrashOptions): Promise<CrashReport> {
  const folder = await Deno.makeTempDir({ prefix: "confab-crash-" });
  let report: CrashReport | undefined;
  try {
    return report = await new Crash(options, folder).run();
  } finally {
    if (report && isClean(report)) await Deno.remove(folder, { recursive: true });
    else console.log(`The journal is in ${folder}`);
  }
}

export function isClean({ lost, doubled, holes, faults }: CrashReport): boolean {
  return lost + doubled + holes + faults.length === 0;
}

/** All entries of the file, once no server has it open. */
function readRows(folder: string, onFault: (fault: string) => void): Row[] {
  const db = new DatabaseSync(`${folder}/journal.db`);
  const checked = db.prepare("PRAGMA integrity_check").get()?.["integrity_check"];
  if (checked !== "ok") onFault(`integrity_check: ${checked}`);
  const count = (table: string) => db.prepare(`SELECT count(*) AS n FROM ${table}`).get()!["n"];
  if (count("ids") !== count("entries")) {
    onFault(`the file has ${count("ids")} ids and ${count("entries")} entries`);
  }
  const rows = db.prepare(`SELECT seq, people.name AS name, hash AS author, entries.id AS id, text
    FROM entries JOIN people ON people.id = person JOIN authors ON authors.id = author
    WHERE entries.room = (SELECT id FROM rooms WHERE name = 'lobby') ORDER BY seq`).all();
  db.close();
  return rows as unknown as Row[];
}

function show(entry: Seen | undefined): string {
  return entry ? `${entry.id} of ${entry.name}` : "nothing";
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function main(args: string[]): Promise<number> {
  const string = (value: string) => ({ type: "string", default: value } as const);
  const { values } = parseArgs({
    args,
    options: { cycles: string("20"), writers: string("50"), seed: { type: "string" } },
  });
  const seed = Number(values.seed ?? chooseSeed());
  console.log(`seed ${seed}`);
  const { cycles, writers } = values;
  const report = await runCrash({ cycles: Number(cycles), writers: Number(writers), seed });
  const { acked, lost, doubled, holes, cutOff, storedBefore, faults } = report;
  for (const fault of faults) console.log(fault);
  console.log(`${cutOff} cut off, ${storedBefore} of them stored already`);
  console.log(`acked ${acked}, lost ${lost}, doubled ${doubled}, holes ${holes}`);
  return isClean(report) ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
