// The load: many raw clients, some of which send lines and keep a number of their own in flight. It checks that
// everybody is delivered every line in one order, and counts. Bounded in clients and time; loopback only.
//
//   deno task test:load [--clients 100] [--senders 20] [--in-flight 8] [--seconds 10] [--stuck 0]
//                       [--journal sqlite | --port 8080]
//
// Without a port it starts the program itself.
import { Buffer } from "node:buffer";
import { parseArgs } from "node:util";
import { startProgram } from "./program.ts";
import { encodeFrame, frameLengths, OPCODE, RawSocket } from "./raw_socket.ts";

export interface LoadOptions {
  readonly port: number;
  readonly clients: number;
  /** How many of the clients send. */
  readonly senders: number;
  /** Lines that a sender has sent and not yet been delivered itself. */
  readonly inFlight: number;
  readonly seconds: number;
  /** Further clients, which join and never read. */
  readonly stuck?: number;
}

export interface LoadReport {
  readonly sent: number;
  /** Lines that were delivered, all clients together. */
  readonly delivered: number;
  /** Clients whose connection ended before the load did. */
  readonly evicted: number;
  /** Clients that were delivered another order, or lines that nobody sent. */
  readonly disordered: number;
  /** Lines that some client was not delivered. */
  readonly lost: number;
  readonly seconds: number;
}

const LINE_BYTES = 64;
const NEWLINE = 10;
/** How long after the last line everybody may take to be delivered it. */
const SETTLE_MS = 20_000;
const START = "start";

/**
 * The one sequence of bytes that all clients must be delivered. Whoever is ahead writes it, everybody else is
 * compared with it, so that checking costs a memcmp and not a parse for each client.
 */
class Tape {
  bytes = Buffer.alloc(16 * 1024 * 1024);
  length = 0;
  /** For each sender, where on the tape each of its lines ends. */
  readonly ends: number[][];

  constructor(senders: number) {
    this.ends = Array.from({ length: senders }, () => []);
  }

  /** Whether `chunk` is what stands at `position`; beyond the end it is appended. */
  accept(position: number, chunk: Uint8Array): boolean {
    const known = Math.min(chunk.length, this.length - position);
    if (known > 0) {
      const same = this.bytes.compare(chunk, 0, known, position, position + known) === 0;
      if (!same) return false;
    }
    if (known < chunk.length) this.#append(chunk.subarray(known));
    return true;
  }

  #append(chunk: Uint8Array): void {
    if (this.length + chunk.length > this.bytes.length) {
      const larger = Buffer.alloc(this.bytes.length * 2);
      this.bytes.copy(larger, 0, 0, this.length);
      this.bytes = larger;
    }
    const stride = LINE_BYTES + 1;
    let end = this.length - this.length % stride + stride;
    this.bytes.set(chunk, this.length);
    this.length += chunk.length;
    for (; end <= this.length; end += stride) {
      const sender = Number(this.bytes.toString("latin1", end - stride, end - stride + 3));
      this.ends[sender]?.push(end);
    }
  }
}

class LoadClient {
  readonly socket: RawSocket;
  readonly #tape: Tape;
  position = 0;
  isEnded = false;
  isDisordered = false;
  onProgress = () => {};
  #head = new Uint8Array(0);
  #payloadLeft = 0;

  constructor(socket: RawSocket, tape: Tape) {
    this.socket = socket;
    this.#tape = tape;
  }

  /** Reads until the end, putting lines onto the tape. */
  async readAll(): Promise<void> {
    for (let chunk; (chunk = await this.socket.readChunk()) && !this.isDisordered;) {
      this.#take(chunk);
      this.onProgress();
    }
    this.isEnded = true;
  }

  #take(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.isDisordered) {
      if (this.#payloadLeft === 0) {
        at += this.#takeHead(chunk.subarray(at));
        continue;
      }
      const part = chunk.subarray(at, at + this.#payloadLeft);
      at += part.length;
      this.#payloadLeft -= part.length;
      this.#compare(part);
      // The end of a message separates lines as a newline does.
      if (this.#payloadLeft === 0) this.#compare(Uint8Array.of(NEWLINE));
    }
  }

  #takeHead(bytes: Uint8Array): number {
    const before = this.#head.length;
    const head = new Uint8Array([...this.#head, ...bytes.subarray(0, 10)]);
    const lengths = frameLengths(head);
    if (!lengths) {
      this.#head = head;
      return bytes.length;
    }
    if ((head[0]! & 15) !== OPCODE.text) {
      this.isEnded = true;
      this.isDisordered = (head[0]! & 15) !== OPCODE.close;
      return bytes.length;
    }
    this.#head = new Uint8Array(0);
    this.#payloadLeft = lengths.payload;
    return lengths.head - before;
  }

  #compare(part: Uint8Array): void {
    if (!this.#tape.accept(this.position, part)) this.isDisordered = true;
    this.position += part.length;
  }
}

/** Runs the load and resolves with what was seen. */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const tape = new Tape(options.senders);
  const clients: LoadClient[] = [];
  for (let i = 0; i < options.clients; i++) {
    clients.push(new LoadClient(await RawSocket.open(options.port), tape));
  }
  await startTogether(clients);
  const stuck = [];
  for (let i = 0; i < (options.stuck ?? 0); i++) stuck.push(await RawSocket.open(options.port));
  const reads = clients.map((client) => client.readAll());
  const started = performance.now();
  const sends = clients.slice(0, options.senders)
    .map((client, index) => sendLines(client, index, tape, options));
  const counts = await Promise.all(sends);
  const sent = counts.reduce((sum, count) => sum + count, 0);
  const seconds = (performance.now() - started) / 1000;
  await settle(clients, sent * (LINE_BYTES + 1));
  const evicted = clients.filter((client) => client.isEnded).length;
  for (const socket of [...clients.map((client) => client.socket), ...stuck]) socket.drop();
  await Promise.all(reads);
  const lines = clients.map((client) => Math.floor(client.position / (LINE_BYTES + 1)));
  return {
    sent,
    delivered: lines.reduce((sum, count) => sum + count, 0),
    evicted,
    disordered: clients.filter((client) => client.isDisordered).length,
    lost: sent - Math.min(...lines),
    seconds,
  };
}

/** Everybody is in the room once each has been delivered a line that the last one to join sent. */
async function startTogether(clients: LoadClient[]): Promise<void> {
  for (const { socket } of clients) {
    await socket.send("here");
    while (!(await socket.readText()).split("\n").includes("here"));
  }
  await clients.at(-1)!.socket.send(START);
  for (const { socket } of clients) {
    while (!(await socket.readText()).split("\n").includes(START));
  }
}

/** Sends lines, `inFlight` of them ahead of what has come back, and resolves with how many. */
async function sendLines(
  client: LoadClient,
  index: number,
  tape: Tape,
  options: LoadOptions,
): Promise<number> {
  const ends = tape.ends[index]!;
  const until = performance.now() + options.seconds * 1000;
  let sent = 0;
  let delivered = 0;
  for (;;) {
    while (delivered < ends.length && ends[delivered]! <= client.position) delivered++;
    if (performance.now() >= until || client.isEnded) return sent;
    const frames: Uint8Array[] = [];
    for (; sent - delivered < options.inFlight; sent++) {
      const line = `${String(index).padStart(3, "0")} ${String(sent).padStart(10, "0")} `;
      const payload = Buffer.from(line.padEnd(LINE_BYTES, "abcdefgh"));
      frames.push(encodeFrame(OPCODE.text, payload));
    }
    if (frames.length > 0) await client.socket.write(Buffer.concat(frames));
    else await new Promise<void>((resolve) => client.onProgress = resolve);
  }
}

async function settle(clients: LoadClient[], length: number): Promise<void> {
  const until = performance.now() + SETTLE_MS;
  const isSettled = (client: LoadClient) => client.isEnded || client.position >= length;
  while (!clients.every(isSettled) && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Largest resident memory of a process so far, in MiB. Linux only. */
export async function peakMemoryMiB(pid: number): Promise<number> {
  // Deno itself opens /proc only with every permission there is.
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/status`] }).output();
  const kiB = /^VmHWM:\s+(\d+) kB$/m.exec(new TextDecoder().decode(stdout))?.[1];
  if (!kiB) throw new Error(`Cannot read the memory of process ${pid}: not in /proc`);
  return Math.round(Number(kiB) / 1024);
}

async function main(args: string[]): Promise<number> {
  const string = (value: string) => ({ type: "string", default: value } as const);
  const { values } = parseArgs({
    args,
    options: {
      clients: string("100"),
      senders: string("20"),
      "in-flight": string("8"),
      seconds: string("10"),
      stuck: string("0"),
      journal: string("sqlite"),
      port: { type: "string" },
    },
  });
  const env = { CONFAB_JOURNAL: values.journal };
  await using program = values.port ? undefined : await startProgram({ env });
  const report = await runLoad({
    port: Number(values.port ?? program!.port),
    clients: Number(values.clients),
    senders: Number(values.senders),
    inFlight: Number(values["in-flight"]),
    seconds: Number(values.seconds),
    stuck: Number(values.stuck),
  });
  const rate = Math.round(report.delivered / report.seconds).toLocaleString("en");
  const memory = program && Deno.build.os === "linux"
    ? await peakMemoryMiB(program.pid)
    : undefined;
  console.log({ ...report, rate: `${rate} lines delivered a second`, serverPeakMiB: memory });
  if (program?.log()) console.log(program.log());
  return report.evicted + report.disordered + report.lost > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
