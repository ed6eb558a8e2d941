import { assert, assertEquals } from "@std/assert";
import { countOtherOrders, OrderCheck } from "./check.ts";
import { Latencies } from "./latency.ts";
import { findNumbers, firstLine, readNumber, readSender, ROLL_CALL, setNumber } from "./line.ts";

/** Creates the check of a client that has received these lines. */
function deliver(lines: readonly (readonly [sender: number, number: number])[]): OrderCheck {
  const check = new OrderCheck(2);
  for (const [sender, number] of lines) {
    const bytes = makeLine(sender, number);
    check.line({ bytes, from: 0, to: bytes.length }, 0);
  }
  return check;
}

function makeLine(sender: number, number: number): Uint8Array {
  const bytes = new TextEncoder().encode(firstLine(sender));
  for (const at of findNumbers(bytes)) setNumber(bytes, { at, number });
  return bytes;
}

/** Returns the result of a check for two senders of two lines each. */
const faults = (check: OrderCheck) => ({ lost: check.countLost([2, 2]), stray: check.stray });

Deno.test("readSender() and readNumber() read what setNumber() has written", () => {
  for (const number of [0, 7, 99_999, 100_000, 1_234_567_890]) {
    const bytes = makeLine(123, number);
    assertEquals([readSender(bytes, 0), readNumber(bytes, 0)], [123, number]);
  }
});

Deno.test("OrderCheck accepts each sender's lines in order, in any mixture", () => {
  assertEquals(faults(deliver([[0, 0], [1, 0], [1, 1], [0, 1]])), { lost: 0, stray: 0 });
});

Deno.test("OrderCheck finds a lost line, between others or at the end", () => {
  assertEquals(faults(deliver([[0, 1], [1, 0], [1, 1]])), { lost: 1, stray: 0 });
  assertEquals(faults(deliver([[0, 0], [1, 0], [1, 1]])), { lost: 1, stray: 0 });
});

Deno.test("OrderCheck finds a line that arrived twice", () => {
  const check = deliver([[0, 0], [0, 0], [0, 1], [1, 0], [1, 1]]);
  assertEquals(faults(check), { lost: 0, stray: 1 });
});

Deno.test("OrderCheck finds two lines of a sender in the wrong order", () => {
  assertEquals(faults(deliver([[0, 1], [0, 0], [1, 0], [1, 1]])), { lost: 1, stray: 1 });
});

Deno.test("OrderCheck finds a line of an unknown sender", () => {
  assertEquals(faults(deliver([[0, 0], [0, 1], [7, 0], [1, 0], [1, 1]])), { lost: 0, stray: 1 });
});

Deno.test("OrderCheck does not count a roll call, but records it", () => {
  const check = deliver([[ROLL_CALL, 5], [0, 0]]);
  assertEquals([check.isPresent, check.count, check.stray], [true, 1, 0]);
  assert(!deliver([[0, 0]]).isPresent);
});

Deno.test("countOtherOrders() finds two senders' lines in another order for one client", () => {
  const same = () => deliver([[0, 0], [1, 0], [0, 1]]);
  const other = deliver([[1, 0], [0, 0], [0, 1]]);
  assertEquals(countOtherOrders([same(), same(), other, same()]), 1);
  assertEquals(countOtherOrders([same(), same()]), 0);
  // A client with fewer lines has another order legitimately.
  assertEquals(countOtherOrders([same(), deliver([[0, 0], [1, 0]])]), 0);
});

Deno.test("Latencies count the latency of a delivery to within 1 %", () => {
  const { histogram } = new Latencies(1);
  for (let us = 1; us <= 100_000; us++) histogram.record(us);
  const [median, p99] = [histogram.percentileMs(0.5)!, histogram.percentileMs(0.99)!];
  assert(median >= 50 && median < 50.5, `p50 is ${median} ms`);
  assert(p99 >= 99 && p99 < 100, `p99 is ${p99} ms`);
  assertEquals(histogram.percentileMs(1), 100);
  assertEquals(histogram.longestMs, 100);
  histogram.clear();
  assertEquals(histogram.percentileMs(0.5), undefined);
});

Deno.test("Latencies measure from sending to delivery, and count a line that is too old as the longest latency", async () => {
  const latencies = new Latencies(1);
  latencies.say(0, 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  latencies.tick();
  latencies.deliver(0, 0);
  const ms = latencies.histogram.longestMs;
  assert(ms >= 19 && ms < 10_000, `it took ${ms} ms`);
  latencies.say(0, 70_000);
  latencies.deliver(0, 0);
  assert(latencies.histogram.longestMs > 1_000_000);
});
