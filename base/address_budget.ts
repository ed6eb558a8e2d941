// An address budget limits all connections and requests of one address together, so that a reconnect starts no new budget.
// It is wide enough for a lecture hall behind one router (decision 0028).
import type { Limits } from "./limits.ts";
import { BURST_S, LINES_PER_MESSAGE, PAGES_PER_MESSAGE } from "./limits.ts";
import type { Log } from "./log.ts";
import { Bucket, type Rate, rateOf } from "./rate_limit.ts";

/** Messages that an address may send for each message that one of its connections may send. */
const ADDRESS_SHARE = 5;

/** Burst of an address, in seconds of its rate: everybody in a hall may answer at once. */
const ADDRESS_BURST_S = 10;

/** Average size of a message that the rate in bytes allows: 64 KiB a second for 25 messages. */
const MEAN_BYTES = 64 * 1024 / 25;

/** Maximum size of a text for which `MEAN_BYTES` is meant. Larger texts raise it in proportion. */
const USUAL_TEXT_BYTES = 16 * 1024;

/** Entries that cost as much as a page of history. */
const ENTRIES_PER_PAGE = 500;

/** Cost of a replay before its entries are counted, in pages. */
const REPLAY_COST = 0.1;

/** Debt that replays may cause, in seconds of the rate: a whole hall may come back at once. Readers pace their replays. */
const REPLAY_DEBT_S = 20;

/** Rates for each message per second. What they limit is stored for good. */
const NEW_ROOMS: Rate = { perS: 0.02, burst: 20 };
const NEW_NAMES: Rate = { perS: 0.2, burst: 100 };

/** Minimum of connections per address for which their rate is computed. */
const MIN_CONNECTIONS = 32;

/** Time in which an address may open as many connections as it may have. */
const RENEWAL_S = 16;

/** Addresses whose budgets are remembered. */
const MAX_ADDRESSES = 10_000;

/** Prune to this share of the maximum, so that a full map is not scanned for every new address. */
const PRUNED_SHARE = 0.9;

/** Something that an address may use at a limited rate, one token at a time. */
export type BudgetUse = "lines" | "reads" | "rooms" | "names" | "connections";

type BucketName = BudgetUse | "messages" | "bytes";

type Rates = Readonly<Record<BucketName, Rate>>;

/** Returns the rates of an address. Exported for tests and documents. */
export function addressRates(limits: Limits): Rates {
  const { messagesPerS, connectionsPerAddress, textBytes } = limits;
  const perS = ADDRESS_SHARE * messagesPerS;
  const meanBytes = MEAN_BYTES * Math.max(1, textBytes / USUAL_TEXT_BYTES);
  const connections = Math.max(MIN_CONNECTIONS, connectionsPerAddress);
  const times = ({ perS, burst }: Rate): Rate => ({
    perS: perS * messagesPerS,
    burst: burst * messagesPerS,
  });
  return {
    messages: { perS, burst: ADDRESS_BURST_S * perS },
    bytes: { perS: meanBytes * perS, burst: ADDRESS_BURST_S * meanBytes * perS },
    lines: { perS: LINES_PER_MESSAGE * perS, burst: ADDRESS_BURST_S * LINES_PER_MESSAGE * perS },
    reads: rateOf(limits, PAGES_PER_MESSAGE),
    rooms: times(NEW_ROOMS),
    names: times(NEW_NAMES),
    connections: { perS: connections / RENEWAL_S, burst: BURST_S * connections },
  };
}

/** Logs once for each address and flag that a limit was reached, so that an operator knows which flag raises it. */
export class LimitLog {
  readonly #log: Log;
  readonly #known = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  warn(flag: string, address = ""): void {
    const key = `${flag} ${address}`;
    if (this.#known.has(key)) return;
    if (this.#known.size >= MAX_ADDRESSES) this.#known.clear();
    this.#known.add(key);
    this.#log("warn", "limit reached", { flag, ...address && { remote: address } });
  }
}

/** The budgets of all addresses, by their key. A bounded number of them is remembered. */
export class AddressBudgets {
  readonly #rates: Rates;
  readonly #limitLog: LimitLog;
  readonly #isLimited: boolean;
  readonly #buckets = new Map<string, Record<BucketName, Bucket>>();

  constructor(limits: Limits, limitLog: LimitLog) {
    this.#rates = addressRates(limits);
    this.#limitLog = limitLog;
    this.#isLimited = Object.values(this.#rates).some(({ perS }) => perS !== Infinity);
  }

  /** Returns the budget of an address; undefined if the key is empty, or if nothing is limited. */
  of(key: string): AddressBudget | undefined {
    return key !== "" && this.#isLimited ? new AddressBudget(key, this) : undefined;
  }

  /** Reports whether something is limited at all. */
  limits(name: BucketName): boolean {
    return this.#rates[name].perS !== Infinity;
  }

  /** Pages that the replays of an address may owe. */
  get maxReplayDebt(): number {
    return REPLAY_DEBT_S * this.#rates.reads.perS;
  }

  /** Returns the buckets of an address, and makes them if necessary. */
  bucketsOf(key: string): Record<BucketName, Bucket> {
    let buckets = this.#buckets.get(key);
    if (buckets) return buckets;
    if (this.#buckets.size >= MAX_ADDRESSES) this.#prune(performance.now());
    const names = Object.keys(this.#rates) as BucketName[];
    buckets = Object.fromEntries(
      names.map((name) => [name, new Bucket(this.#rates[name])]),
    ) as Record<BucketName, Bucket>;
    this.#buckets.set(key, buckets);
    return buckets;
  }

  warn(flag: string, key: string): void {
    this.#limitLog.warn(flag, key);
  }

  /** Drops full buckets, which are as good as new, and then the oldest until few enough are left. */
  #prune(nowMs: number): void {
    for (const [key, buckets] of this.#buckets) {
      const isFull = Object.values(buckets).every((bucket) => bucket.fullMs(nowMs) === 0);
      if (isFull) this.#buckets.delete(key);
    }
    for (const key of this.#buckets.keys()) {
      if (this.#buckets.size <= MAX_ADDRESSES * PRUNED_SHARE) break;
      this.#buckets.delete(key);
    }
  }
}

/** The budget of one address. Methods return 0, or the time to wait in milliseconds. Times are monotonic. */
export class AddressBudget {
  readonly #key: string;
  readonly #budgets: AddressBudgets;

  constructor(key: string, budgets: AddressBudgets) {
    this.#key = key;
    this.#budgets = budgets;
  }

  take(name: BudgetUse): number {
    if (!this.#budgets.limits(name)) return 0;
    const nowMs = performance.now();
    const bucket = this.#budgets.bucketsOf(this.#key)[name];
    if (bucket.take(nowMs)) return 0;
    return this.#refuse(bucket.waitMs(nowMs), name === "connections" ? "--per-address" : "--rate");
  }

  /** Takes a message that stores this many bytes. A refused one takes nothing. */
  takeMessage(size: number): number {
    if (!this.#budgets.limits("messages")) return 0;
    const nowMs = performance.now();
    const { messages, bytes } = this.#budgets.bucketsOf(this.#key);
    const waitMs = Math.max(messages.waitMs(nowMs), bytes.waitMs(nowMs));
    if (waitMs > 0) return this.#refuse(waitMs, "--rate");
    messages.charge(nowMs, 1);
    bytes.charge(nowMs, size);
    return 0;
  }

  /** Reports the time until a message may be stored, and takes nothing: for a message that has not been read. */
  messageWaitMs(): number {
    if (!this.#budgets.limits("messages")) return 0;
    const nowMs = performance.now();
    const { messages, bytes } = this.#budgets.bucketsOf(this.#key);
    const waitMs = Math.max(messages.waitMs(nowMs), bytes.waitMs(nowMs));
    return waitMs > 0 ? this.#refuse(waitMs, "--rate") : 0;
  }

  /** Takes a replay whose length is not known yet. {@linkcode chargeReplay} follows. */
  takeReplay(): number {
    if (!this.#budgets.limits("reads")) return 0;
    const nowMs = performance.now();
    const { reads } = this.#budgets.bucketsOf(this.#key);
    const waitMs = reads.waitMs(nowMs, -this.#budgets.maxReplayDebt);
    if (waitMs > 0) return this.#refuse(waitMs, "--rate");
    reads.charge(nowMs, REPLAY_COST);
    return 0;
  }

  /** Charges the entries of a replay. A very long one is paced by its reader, and must not lock out its neighbours. */
  chargeReplay(entries: number): void {
    if (!this.#budgets.limits("reads")) return;
    const { reads } = this.#budgets.bucketsOf(this.#key);
    const pages = Math.min(entries / ENTRIES_PER_PAGE, this.#budgets.maxReplayDebt);
    reads.charge(performance.now(), pages);
  }

  #refuse(waitMs: number, flag: string): number {
    this.#budgets.warn(flag, this.#key);
    return Math.ceil(waitMs);
  }
}
