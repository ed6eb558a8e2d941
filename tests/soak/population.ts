// Who is there during a soak: so many people at any time, each for a while on one of the wires, behind a network that
// fails now and then. Who leaves is followed by somebody else.
import { FaultyProxy, type Link } from "../support/faulty_proxy.ts";
import { Random } from "../support/random.ts";
import type { Guest, GuestOptions } from "./guest.ts";
import { HttpGuest } from "./http_guest.ts";
import { Ledger } from "./ledger.ts";
import { LinesGuest } from "./lines_guest.ts";
import { PageGuest, StreamGuest } from "./page_guests.ts";

export interface PopulationOptions {
  readonly port: number;
  readonly clients: number;
  readonly seed: number;
}

/** The ways into a room; most people come by the page. */
const GUESTS: readonly (new (options: GuestOptions) => Guest)[] = [
  PageGuest,
  PageGuest,
  StreamGuest,
  LinesGuest,
  HttpGuest,
];

/** Rooms that stay. Of those who come one in ten goes to a room that nobody was in before. */
const ROOMS = 8;
const NEW_ROOM_SHARE = 0.1;

/** How long somebody stays, and between two things that somebody says. */
const STAY_MS = { least: 2_000, most: 60_000 };
const TALK_PERIOD_MS = 3_000;

/** The network does something to a connection this often. */
const FAULT_PERIOD_MS = 200;
const STALL_MS = { least: 100, most: 45_000 };

const MAX_FAULTS = 20;

export class Population {
  readonly faults: string[] = [];
  readonly #random: Random;
  readonly #proxy: FaultyProxy;
  readonly #ledgers = new Map<string, Ledger>();
  readonly #everybody: Promise<void>[];
  readonly #network: ReturnType<typeof setInterval>;
  readonly #left = Promise.withResolvers<void>();
  #isOver = false;
  #visits = 0;
  #newRooms = 0;
  #cuts = 0;
  #stalls = 0;

  constructor(options: PopulationOptions) {
    this.#random = new Random(options.seed);
    this.#proxy = new FaultyProxy(options.port);
    this.#everybody = Array.from({ length: options.clients }, () => this.#come());
    this.#network = setInterval(() => this.#disturb(), FAULT_PERIOD_MS);
  }

  describe(): string {
    const said = this.#ledgers.values().reduce((sum, { entries }) => sum + entries, 0);
    return `${this.#visits} visits, ${this.#newRooms} rooms used once, ${said} said, ` +
      `${this.#cuts} cuts, ${this.#stalls} stalls, ${this.faults.length} faults`;
  }

  /** All leave. */
  async leave(): Promise<void> {
    this.#isOver = true;
    this.#left.resolve();
    clearInterval(this.#network);
    for (const link of this.#proxy.links) link.cut(); // who is stalled as well
    await Promise.all(this.#everybody);
    await this.#proxy[Symbol.asyncDispose]();
  }

  /** One after the other. */
  async #come(): Promise<void> {
    while (!this.#isOver) {
      const room = this.#chooseRoom();
      const kind = GUESTS[this.#random.integer(0, GUESTS.length - 1)]!;
      const onFault = (fault: string) => this.#onFault(`${kind.name} in ${room}: ${fault}`);
      const ledger = this.#ledgerOf(room, onFault);
      const guest = new kind({
        port: this.#proxy.port,
        room,
        name: `${++this.#visits}`,
        ledger,
        onFault,
      });
      await this.#stay(guest).catch((error) => onFault(error.message));
      if (!room.startsWith("stays")) this.#ledgers.delete(room);
    }
  }

  async #stay(guest: Guest): Promise<void> {
    guest.start();
    const { least, most } = STAY_MS;
    const untilMs = performance.now() + this.#random.integer(least, most);
    while (performance.now() < untilMs && !this.#isOver) {
      await this.#pause(this.#random.next() * 2 * TALK_PERIOD_MS);
      if (!this.#isOver) guest.say();
    }
    await guest.stop();
  }

  #chooseRoom(): string {
    if (this.#random.next() >= NEW_ROOM_SHARE) return `stays-${this.#random.integer(1, ROOMS)}`;
    return `once-${++this.#newRooms}`;
  }

  #ledgerOf(room: string, onFault: (fault: string) => void): Ledger {
    let ledger = this.#ledgers.get(room);
    if (!ledger) this.#ledgers.set(room, ledger = new Ledger(onFault));
    return ledger;
  }

  /** Cuts somebody off, at once or in the midst of what is being said, or holds everything back for a while. */
  #disturb(): void {
    const { links } = this.#proxy;
    const link = links[this.#random.integer(0, links.length - 1)];
    if (!link) return;
    const kind = this.#random.next();
    if (kind < 0.3) link.cut();
    else if (kind < 0.6) link.down.cutAfter(this.#random.integer(0, 2_000));
    else return this.#stall(link);
    this.#cuts++;
  }

  #stall(link: Link): void {
    this.#stalls++;
    link.down.stall();
    const { least, most } = STALL_MS;
    const timer = setTimeout(() => link.down.goOn(), this.#random.integer(least, most));
    this.#left.promise.then(() => clearTimeout(timer));
  }

  /** Not longer than all are here. */
  async #pause(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const paused = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
    await Promise.race([paused, this.#left.promise]);
    clearTimeout(timer);
  }

  #onFault(fault: string): void {
    if (this.faults.length < MAX_FAULTS) this.faults.push(fault);
  }
}
