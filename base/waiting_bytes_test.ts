import { assertEquals } from "@std/assert";
import { chooseSeed, Random } from "../tests/support/random.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { BYTES_PER_ADDRESS, type Holder, type Holding, WaitingBytes } from "./waiting_bytes.ts";

const MIB = 1024 * 1024;

/** A holder that drops everything when it is cut. */
class FakeHolder implements Holder {
  waitingBytes = 0;
  isShared = true;
  cuts = 0;
  readonly #holding: Holding;

  constructor(waiting: WaitingBytes, key: string, options: { readonly isShared?: boolean } = {}) {
    Object.assign(this, options);
    this.#holding = waiting.hold(key, this);
  }

  get isCrowded(): boolean {
    return this.#holding.isCrowded;
  }

  set(mib: number): this {
    this.waitingBytes = mib * MIB;
    this.#holding.update();
    return this;
  }

  cut(): void {
    this.cuts++;
    this.waitingBytes = 0;
  }
}

Deno.test("WaitingBytes cuts the holder of the address that keeps most, and none of another address", () => {
  const waiting = new WaitingBytes(DEFAULT_LIMITS);
  const other = new FakeHolder(waiting, "other").set(60);
  const [small, large, medium] = [1, 40, 20].map((mib) => new FakeHolder(waiting, "one").set(mib));
  medium!.set(23);
  assertEquals([small, large, medium, other].map((holder) => holder!.cuts), [0, 0, 0, 0]);
  small!.set(2);
  assertEquals([small, large, medium, other].map((holder) => holder!.cuts), [0, 1, 0, 0]);
  small!.set(39);
  assertEquals([small!.cuts, medium!.cuts], [0, 0]);
});

Deno.test("WaitingBytes counts what has left meanwhile as gone, before it cuts anybody", () => {
  const waiting = new WaitingBytes(DEFAULT_LIMITS);
  const drained = new FakeHolder(waiting, "one").set(60);
  drained.waitingBytes = 0;
  const next = new FakeHolder(waiting, "one").set(60);
  assertEquals([drained.cuts, next.cuts], [0, 0]);
});

Deno.test("Holding.isCrowded is true for all holders of an address above half of its bytes", () => {
  const waiting = new WaitingBytes(DEFAULT_LIMITS);
  const large = new FakeHolder(waiting, "one").set(30);
  const small = new FakeHolder(waiting, "one").set(1);
  const other = new FakeHolder(waiting, "other").set(1);
  assertEquals([large, small, other].map(({ isCrowded }) => isCrowded), [false, false, false]);
  large.set(32);
  assertEquals([large, small, other].map(({ isCrowded }) => isCrowded), [true, true, false]);
  large.set(0);
  assertEquals(small.isCrowded, false);
});

Deno.test("WaitingBytes grows with the connections of an address, and not below the default", () => {
  const cutsAt = (connectionsPerAddress: number, mib: number) =>
    new FakeHolder(new WaitingBytes({ ...DEFAULT_LIMITS, connectionsPerAddress }), "one").set(mib)
      .cuts;
  assertEquals([cutsAt(16, 64), cutsAt(16, 65)], [0, 1]);
  assertEquals([cutsAt(512, 128), cutsAt(512, 129)], [0, 1]);
  assertEquals(cutsAt(Infinity, 10_000), 0);
});

Deno.test("WaitingBytes bounds answers and bodies of all addresses: the one with most of them pays", () => {
  const waiting = new WaitingBytes(DEFAULT_LIMITS);
  const proxied = new FakeHolder(waiting, "", { isShared: false }).set(100); // no bound of its own
  const reader = new FakeHolder(waiting, "a").set(50);
  const small = new FakeHolder(waiting, "b", { isShared: false }).set(27);
  assertEquals([proxied.cuts, reader.cuts, small.cuts], [0, 0, 0]);
  small.set(29);
  assertEquals([proxied.cuts, reader.cuts, small.cuts], [1, 0, 0]);
});

Deno.test("WaitingBytes counts as a naive model does, and never more than its bound", () => {
  const seed = chooseSeed();
  const random = new Random(seed);
  const waiting = new WaitingBytes(DEFAULT_LIMITS);
  const keys = ["a", "b"];
  const holders = Array.from({ length: 40 }, (_, n) => new FakeHolder(waiting, keys[n % 2]!));
  for (let n = 0; n < 2_000; n++) {
    const holder = holders[random.integer(0, holders.length - 1)]!;
    if (holder.cuts > 0) continue;
    holder.set(random.integer(0, 3));
    for (const [at, key] of keys.entries()) {
      const mine = holders.filter((_, index) => index % 2 === at);
      const sum = mine.reduce((bytes, { waitingBytes }) => bytes + waitingBytes, 0);
      const isSane = sum <= BYTES_PER_ADDRESS;
      const crowd = mine.filter(({ waitingBytes }) => waitingBytes > 0);
      const isCrowded = sum > BYTES_PER_ADDRESS / 2;
      const isRight = crowd.every((one) => one.isCrowded === isCrowded);
      assertEquals([isSane, isRight], [true, true], `seed ${seed}, step ${n}, ${key}`);
    }
  }
});
