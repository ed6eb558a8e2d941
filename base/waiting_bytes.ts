// WaitingBytes counts the bytes that an address makes the server keep, and bounds them: frames and answers until they are read,
// messages and bodies until they are complete. The holder that keeps most is cut, never one of another address.
import type { LimitLog } from "./address_budget.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";

/** Maximum bytes that wait for one address, of all kinds together. Grows with `--per-address`. */
export const BYTES_PER_ADDRESS = 64 * 1024 * 1024;

/** Maximum bytes that wait for all addresses, without the frames of rooms, which all readers of a room share. */
const UNSHARED_BYTES = 128 * 1024 * 1024;

/** Share of the bytes of an address above which its readers have short queues. They read the rest from the journal. */
const CROWDED_SHARE = 0.5;

/** Something that keeps bytes for a peer: a client, an answer, a body. */
export interface Holder {
  /** Bytes that wait now. */
  readonly waitingBytes: number;
  /** Whether other holders keep the same bytes. */
  readonly isShared: boolean;
  /** Drops what it can at once, and ends. */
  cut(): void;
}

/** Starts counting a holder of one address. */
export type Hold = (holder: Holder) => Holding;

/** Bytes of one address. Exists while some wait. */
interface Address {
  readonly key: string;
  bytes: number;
  unsharedBytes: number;
  readonly holdings: Set<Holding>;
}

/** The bytes of all addresses. */
export class WaitingBytes {
  readonly #maxBytes: number;
  readonly #limitLog: LimitLog | undefined;
  readonly #addresses = new Map<string, Address>();
  #unsharedBytes = 0;

  constructor({ connectionsPerAddress }: Limits, limitLog?: LimitLog) {
    const share = connectionsPerAddress / DEFAULT_LIMITS.connectionsPerAddress;
    this.#maxBytes = BYTES_PER_ADDRESS * Math.max(1, share);
    this.#limitLog = limitLog;
  }

  /** @param key as `Proxies.keyOf` returns it. An empty one is no address, and has no bound of its own */
  hold(key: string, holder: Holder): Holding {
    return new Holding(this, key, holder);
  }

  /** Adds a holding whose bytes begin to wait. */
  enter(holding: Holding): Address {
    const { key } = holding;
    let address = this.#addresses.get(key);
    if (!address) {
      address = { key, bytes: 0, unsharedBytes: 0, holdings: new Set() };
      this.#addresses.set(key, address);
    }
    address.holdings.add(holding);
    return address;
  }

  /** Removes a holding for which nothing waits. */
  leave(holding: Holding, { key, holdings }: Address): void {
    holdings.delete(holding);
    if (holdings.size === 0) this.#addresses.delete(key);
  }

  /** Counts bytes that no other holder keeps. */
  countUnshared(more: number): void {
    this.#unsharedBytes += more;
  }

  isCrowded({ key, bytes }: Address): boolean {
    return key !== "" && bytes > this.#maxBytes * CROWDED_SHARE;
  }

  /** Cuts holders until no bound is exceeded. */
  bound(address: Address): void {
    const { key } = address;
    const isFull = () => key !== "" && address.bytes > this.#maxBytes;
    if (isFull()) this.#cut(address, isFull);
    const areAllFull = () => this.#unsharedBytes > UNSHARED_BYTES;
    if (!areAllFull()) return;
    const addresses = [...this.#addresses.values()];
    const most = addresses.reduce((a, b) => b.unsharedBytes > a.unsharedBytes ? b : a);
    this.#cut(most, areAllFull, ({ holder }) => !holder.isShared);
  }

  /** Cuts holders of an address while there is too much, the one that keeps most first. */
  #cut(
    address: Address,
    isTooMuch: () => boolean,
    applies: (holding: Holding) => boolean = () => true,
  ): void {
    // Bytes that have left meanwhile do not count: nothing reports that they have.
    for (const holding of [...address.holdings]) holding.recount();
    // Among equals the newest one, so that the others can end.
    const ordered = [...address.holdings].filter(applies).reverse().toSorted((a, b) =>
      b.bytes - a.bytes
    );
    for (const holding of ordered) {
      if (!isTooMuch()) return;
      if (holding.cut()) this.#limitLog?.warn("--per-address", address.key);
    }
  }
}

/** The bytes of one holder. */
export class Holding {
  readonly key: string;
  readonly holder: Holder;
  /** Bytes as they were counted last. */
  bytes = 0;
  readonly #waiting: WaitingBytes;
  #address: Address | undefined;
  #isCut = false;

  constructor(waiting: WaitingBytes, key: string, holder: Holder) {
    this.#waiting = waiting;
    this.key = key;
    this.holder = holder;
  }

  /** Whether so much waits for the address that its queues should be short. */
  get isCrowded(): boolean {
    return this.#address !== undefined && this.#waiting.isCrowded(this.#address);
  }

  /** Counts the bytes of the holder anew. The holder calls this when they have changed, and may be cut before it returns. */
  update(): void {
    const before = this.bytes;
    this.recount();
    if (this.bytes > before) this.#waiting.bound(this.#address!);
  }

  /** Counts without a bound. */
  recount(): void {
    const { waitingBytes, isShared } = this.holder;
    const more = waitingBytes - this.bytes;
    if (more === 0) return;
    const address = this.#address ??= this.#waiting.enter(this);
    this.bytes = waitingBytes;
    address.bytes += more;
    if (!isShared) {
      address.unsharedBytes += more;
      this.#waiting.countUnshared(more);
    }
    if (waitingBytes > 0) return;
    this.#waiting.leave(this, address);
    this.#address = undefined;
  }

  /** Cuts the holder. Returns false if it was cut before. */
  cut(): boolean {
    if (this.#isCut) return false;
    this.#isCut = true;
    this.holder.cut();
    this.recount();
    return true;
  }
}
