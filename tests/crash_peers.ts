// Who is there when the server crashes: writers and readers on `confab.v1`, which come back again and again. Used by
// crash.ts, which kills the server and compares what they were told.
import type { Program } from "./support/program.ts";
import { makeKey } from "./support/json_socket.ts";
import type { Random } from "./support/random.ts";

/** An entry as a reader sees it. */
export interface Seen {
  readonly name: string;
  readonly id: string;
  readonly text: string;
}

/** The server from one start to the next kill. */
export class Life {
  readonly program: Program;
  /** Resolves when all peers have been welcomed. */
  readonly everybodyIsBack: Promise<void>;
  readonly #missing: Set<Peer>;
  #resolve = () => {};

  constructor(program: Program, peers: Iterable<Peer>) {
    this.program = program;
    this.#missing = new Set(peers);
    this.everybodyIsBack = new Promise((resolve) => this.#resolve = resolve);
  }

  greet(peer: Peer): void {
    this.#missing.delete(peer);
    if (this.#missing.size === 0) this.#resolve();
  }
}

/** Deno's client waits 40 ms in the midst of a message of 1,000 bytes or more (Nagle's algorithm). */
const LINES_AT_ONCE = 8;

export interface PeerOptions {
  readonly name: string;
  /** The server, as soon as there is one. */
  readonly nextLife: () => Promise<Life>;
  /** Told of what must not happen. */
  readonly onFault: (fault: string) => void;
}

interface Welcome {
  readonly head: number;
  readonly resumed: boolean;
  readonly epoch: string;
}

/** Somebody who connects, and again whenever the connection has ended, until told to stop. */
export abstract class Peer {
  protected readonly name: string;
  protected readonly onFault: (fault: string) => void;
  readonly #nextLife: () => Promise<Life>;
  #socket: WebSocket | undefined;
  #isStopped = false;

  constructor(options: PeerOptions) {
    this.name = options.name;
    this.onFault = (fault) => options.onFault(`${options.name}: ${fault}`);
    this.#nextLife = options.nextLife;
  }

  /** Resolves after {@linkcode stop}. */
  async run(): Promise<void> {
    while (!this.#isStopped) await this.#live(await this.#nextLife());
  }

  stop(): void {
    this.#isStopped = true;
    this.#socket?.close();
  }

  /** Fields of the hello, besides the key. */
  protected abstract hello(): object;
  /** Called before `onMessage`, which gets the message of the welcome as well. */
  protected abstract onWelcome(welcome: Welcome): void;
  protected abstract onMessage(lines: string): void;

  protected send(lines: readonly string[]): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    for (let n = 0; n < lines.length; n += LINES_AT_ONCE) {
      this.#socket.send(lines.slice(n, n + LINES_AT_ONCE).join("\n"));
    }
  }

  #live(life: Life): Promise<void> {
    const socket = new WebSocket(`ws://127.0.0.1:${life.program.port}/ws`, "confab.v1");
    this.#socket = socket;
    let isWelcome = false;
    socket.onopen = () =>
      this.send([JSON.stringify({ type: "hello", key: makeKey(this.name), ...this.hello() })]);
    socket.onerror = (event) => event.preventDefault(); // the server is gone: `onclose` follows
    socket.onmessage = ({ data }) => {
      if (!isWelcome) {
        isWelcome = true;
        this.onWelcome(JSON.parse(data.split("\n", 1)[0]));
        life.greet(this);
      }
      this.onMessage(data);
    };
    return new Promise((resolve) => socket.onclose = () => resolve());
  }
}

const ACK = '{"type":"ack"';
const ERROR = '{"type":"error"';

export interface WriterOptions extends PeerOptions {
  readonly inFlight: number;
  readonly random: Random;
}

/** Says one thing after another, and again what was not acknowledged when the connection ended. */
export class Writer extends Peer {
  /** Id to text of what was sent and is not acknowledged, oldest first. */
  readonly unacked = new Map<string, string>();
  /** Id to the seq and text that were acknowledged. */
  readonly acked = new Map<string, { seq: number; text: string }>();
  /** Acknowledged although stored before the crash that cut off the first acknowledgement. */
  storedBefore = 0;
  readonly #inFlight: number;
  readonly #random: Random;
  #isWriting = true;
  #finish = () => {};
  #head = 0;
  #next = 1;
  #lastAcked: string[] = [];

  constructor(options: WriterOptions) {
    super(options);
    this.#inFlight = options.inFlight;
    this.#random = options.random;
  }

  /** Says nothing new. Resolves when all is acknowledged. */
  finish(): Promise<void> {
    this.#isWriting = false;
    return new Promise((resolve) => {
      this.#finish = resolve;
      if (this.unacked.size === 0) resolve();
    });
  }

  protected hello(): object {
    return { name: this.name, history: 0 };
  }

  protected onWelcome({ head }: Welcome): void {
    this.#head = head;
    // What was acknowledged is said again as well, now and then: that must change nothing.
    const again = this.#lastAcked.map((id) => encodeSay(id, this.acked.get(id)!.text));
    const rest = [...this.unacked].map(([id, text]) => encodeSay(id, text));
    this.send([...again, ...rest, ...rest.slice(0, 1)]);
    this.#fill();
  }

  protected onMessage(lines: string): void {
    // Most lines are other people's entries: not parsed. Texts hold no quotes, so this is found in no entry.
    for (let at = lines.indexOf(ACK); at >= 0; at = lines.indexOf(ACK, at + 1)) {
      this.#onAck(JSON.parse(lineAt(lines, at)));
    }
    const at = lines.indexOf(ERROR);
    if (at >= 0) this.onFault(lineAt(lines, at));
    this.#fill();
    if (!this.#isWriting && this.unacked.size === 0) this.#finish();
  }

  #onAck({ id, seq }: { id: string; seq: number }): void {
    const known = this.acked.get(id);
    const text = this.unacked.get(id);
    if (known && known.seq !== seq) this.onFault(`${id} is ${known.seq}, then ${seq}`);
    if (!known && text === undefined) this.onFault(`${id} was acknowledged and never sent`);
    if (known || text === undefined) return;
    this.unacked.delete(id);
    this.acked.set(id, { seq, text });
    if (seq <= this.#head) this.storedBefore++;
    this.#lastAcked = [id, ...this.#lastAcked.slice(0, 2)];
  }

  #fill(): void {
    if (!this.#isWriting) return;
    const lines: string[] = [];
    while (this.unacked.size < this.#inFlight) {
      const id = `${this.#next++}`;
      const text = `${this.name} says ${id} and ${this.#random.integer(0, 999_999)}`;
      this.unacked.set(id, text);
      lines.push(encodeSay(id, text));
    }
    this.send(lines);
  }
}

/** Reads everything, resuming where it was. */
export class Reader extends Peer {
  /** The entries in the order in which they came: the first has seq 1. */
  readonly seen: Seen[] = [];
  /** Resolves with the head of the room at the first welcome. */
  readonly welcomed: Promise<number>;
  #resolveWelcomed: (head: number) => void = () => {};
  #epoch: string | undefined;
  #wanted = Infinity;
  #finish = () => {};

  constructor(options: PeerOptions) {
    super(options);
    this.welcomed = new Promise((resolve) => this.#resolveWelcomed = resolve);
  }

  /** Resolves when the entry of this seq has come. */
  finish(seq: number): Promise<void> {
    this.#wanted = seq;
    return new Promise((resolve) => {
      this.#finish = resolve;
      if (this.seen.length >= seq) resolve();
    });
  }

  protected hello(): object {
    return { after: this.seen.length, ...this.#epoch ? { epoch: this.#epoch } : {} };
  }

  protected onWelcome({ head, resumed, epoch }: Welcome): void {
    this.#resolveWelcomed(head);
    if (!resumed) this.onFault(`not resumed after ${this.seen.length}`);
    if (this.#epoch && this.#epoch !== epoch) this.onFault("the epoch has changed");
    this.#epoch = epoch;
  }

  protected onMessage(lines: string): void {
    for (const line of lines.split("\n")) {
      const { type, seq, id, text, from } = JSON.parse(line);
      if (type === "gap" || type === "error") this.onFault(line);
      if (type !== "entry") continue;
      const expected = this.seen.length + 1;
      if (seq !== expected) this.onFault(`received ${seq}, expected ${expected}`);
      this.seen.push({ name: from.name, id, text });
    }
    if (this.seen.length >= this.#wanted) this.#finish();
  }
}

function encodeSay(id: string, text: string): string {
  return JSON.stringify({ type: "say", id, text });
}

function lineAt(lines: string, at: number): string {
  const end = lines.indexOf("\n", at);
  return lines.slice(at, end < 0 ? undefined : end);
}
