import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { fakeMonotonic } from "../tests/support/monotonic.ts";
import { AddressBudgets, addressRates, LimitLog } from "./address_budget.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";

const KIB = 1024;

function makeBudgets(limits: Partial<Limits> = {}) {
  const logged: string[] = [];
  const log = (_level: string, event: string, fields: Record<string, unknown> = {}) =>
    void logged.push([event, ...Object.values(fields)].join(" "));
  const budgets = new AddressBudgets({ ...DEFAULT_LIMITS, ...limits }, new LimitLog(log));
  return { budgets, logged };
}

Deno.test("addressRates() allows 25 messages and 64 KiB a second by default, and bursts of a hall", () => {
  const { messages, bytes, lines, reads, rooms, names, connections } = addressRates(DEFAULT_LIMITS);
  assertEquals([messages, bytes], [{ perS: 25, burst: 250 }, {
    perS: 64 * KIB,
    burst: 640 * KIB,
  }]);
  assertEquals([lines, reads], [{ perS: 1000, burst: 10_000 }, { perS: 20, burst: 40 }]);
  assertEquals([rooms, names], [{ perS: 0.1, burst: 100 }, { perS: 1, burst: 500 }]);
  assertEquals(connections, { perS: 16, burst: 512 });
});

Deno.test("addressRates() leaves room for texts that may be longer", () => {
  const { bytes } = addressRates({ ...DEFAULT_LIMITS, textBytes: 64 * KIB });
  assertEquals(bytes, { perS: 256 * KIB, burst: 2560 * KIB });
  assertEquals(addressRates({ ...DEFAULT_LIMITS, textBytes: Infinity }).bytes.perS, Infinity);
  assertEquals(addressRates({ ...DEFAULT_LIMITS, textBytes: 20 }).bytes.perS, 64 * KIB);
});

Deno.test("AddressBudget.takeMessage() bounds messages and bytes in the long run, whatever their size", () => {
  for (const [size, perS, burst] of [[10, 25, 250], [16 * KIB, 4, 40]] as const) {
    using time = new FakeTime();
    using _clock = fakeMonotonic();
    const { budgets } = makeBudgets();
    let taken = 0;
    for (let ms = 0; ms <= 60_000; ms += 50) {
      while (budgets.of("198.51.100.1")!.takeMessage(size) === 0) taken++;
      time.tick(50);
    }
    // The formula allows one more: the last message may leave a debt.
    assert(taken <= burst + 60 * perS + 1 && taken >= burst + 59 * perS, `${taken} of ${size}`);
  }
});

Deno.test("AddressBudget.takeMessage() says when to come back, and takes nothing then", () => {
  using time = new FakeTime();
  using _clock = fakeMonotonic();
  const { budgets, logged } = makeBudgets();
  const budget = budgets.of("a")!;
  for (let n = 0; n < 250; n++) assertEquals(budget.takeMessage(1), 0);
  assertEquals([budget.takeMessage(1), budget.takeMessage(1), budget.messageWaitMs()], [
    ...[40, 40, 40],
  ]);
  assertEquals(budgets.of("b")!.takeMessage(1), 0, "addresses do not share");
  time.tick(40);
  assertEquals([budget.messageWaitMs(), budget.takeMessage(1)], [0, 0]);
  assertEquals(budget.takeMessage(1), 40);
  assertEquals(logged, ["limit reached --rate a"], "once, however often");
});

Deno.test("AddressBudget.takeReplay() lets a hall come back at once, and bounds replays in the long run", () => {
  using time = new FakeTime();
  using _clock = fakeMonotonic();
  const { budgets } = makeBudgets();
  const hall = budgets.of("hall")!;
  for (let n = 0; n < 200; n++) {
    assertEquals(hall.takeReplay(), 0);
    hall.chargeReplay(500);
  }
  let replays = 0;
  const budget = budgets.of("flood")!;
  for (let ms = 0; ms < 60_000; ms += 50) {
    while (budget.takeReplay() === 0) {
      budget.chargeReplay(500);
      replays++;
    }
    time.tick(50);
  }
  assert(replays <= (40 + 400 + 60 * 20) / 1.1 + 1, `${replays}`);
  assert(budget.take("reads") > 0, "pages draw from the same bucket");
});

Deno.test("AddressBudget.chargeReplay() of a very long replay delays others by its debt only", () => {
  using _time = new FakeTime();
  using _clock = fakeMonotonic();
  const budget = makeBudgets().budgets.of("a")!;
  assertEquals(budget.takeReplay(), 0);
  budget.chargeReplay(1_000_000);
  assertEquals(budget.takeReplay(), 0);
});

for (const hours of [-24, -1, 2]) {
  Deno.test(`AddressBudget.takeMessage() waits the same if the date jumps by ${hours} h`, () => {
    using time = new FakeTime();
    using clock = fakeMonotonic();
    const budget = makeBudgets().budgets.of("a")!;
    while (budget.takeMessage(1) === 0);
    const waitMs = budget.messageWaitMs();
    clock.jumpDate(hours * 3_600_000);
    assertEquals(budget.messageWaitMs(), waitMs);
    time.tick(waitMs);
    assertEquals(budget.takeMessage(1), 0);
  });
}

Deno.test("AddressBudgets.of() has no budget for an empty key, or if nothing is limited", () => {
  const { budgets } = makeBudgets();
  assertEquals(budgets.of(""), undefined);
  const none = makeBudgets({ messagesPerS: Infinity, connectionsPerAddress: Infinity }).budgets;
  assertEquals(none.of("a"), undefined);
  const some = makeBudgets({ messagesPerS: Infinity }).budgets.of("a")!;
  for (let n = 0; n < 1000; n++) {
    const waits = [some.takeMessage(1e9), some.take("rooms"), some.take("lines")];
    assertEquals([...waits, some.takeReplay(), some.messageWaitMs()], [0, 0, 0, 0, 0]);
  }
});

Deno.test("AddressBudgets remember a bounded number of addresses, and those that are in use", () => {
  using time = new FakeTime();
  using _clock = fakeMonotonic();
  const { budgets, logged } = makeBudgets({ messagesPerS: 1 });
  const spend = (key: string) => {
    let taken = 0;
    while (budgets.of(key)!.takeMessage(1) === 0) taken++;
    return taken;
  };
  for (let n = 0; n < 9_999; n++) budgets.of(`idle ${n}`)!.takeMessage(1);
  time.tick(60_000);
  assertEquals(spend("busy"), 50);
  for (let n = 0; n < 9_000; n++) budgets.of(`more ${n}`)!.takeMessage(1);
  assertEquals(spend("busy"), 0, "full budgets are as good as new, so they go first");
  assertEquals(logged, ["limit reached --rate busy"]);
});
