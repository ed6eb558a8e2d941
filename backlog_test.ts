import { assert, assertEquals } from "@std/assert";
import { Backlog } from "./backlog.ts";
import type { Batch } from "./wire/message.ts";

/** Batch `n` of a room in which every batch has two messages. */
function batch(n: number, byteLength = 10): Batch {
  return { firstSeq: 2 * n - 1, lastSeq: 2 * n, frame: `batch ${n}`, byteLength };
}

function readAll(backlog: Backlog, seq: number): number[] {
  const seen: number[] = [];
  for (let next = backlog.after(seq); next; next = backlog.after(next.lastSeq)) {
    seen.push(next.lastSeq);
  }
  return seen;
}

Deno.test("Backlog.after() walks from any batch to the newest", () => {
  const backlog = new Backlog({ maxBatches: 10, maxBytes: 1000 });
  for (let n = 1; n <= 5; n++) backlog.push(batch(n));
  assertEquals(readAll(backlog, 0), [2, 4, 6, 8, 10]);
  assertEquals(readAll(backlog, 6), [8, 10]);
  assertEquals(readAll(backlog, 10), []);
});

Deno.test("Backlog of nothing reaches back to everything and has nothing", () => {
  const backlog = new Backlog({ maxBatches: 1, maxBytes: 1 });
  assert(backlog.reachesBackTo(0));
  assertEquals(backlog.after(0), undefined);
});

Deno.test("Backlog lets the oldest go beyond its count", () => {
  const backlog = new Backlog({ maxBatches: 3, maxBytes: 1000 });
  for (let n = 1; n <= 5; n++) backlog.push(batch(n));
  assert(!backlog.reachesBackTo(3));
  assert(backlog.reachesBackTo(4));
  assertEquals(readAll(backlog, 4), [6, 8, 10]);
});

Deno.test("Backlog lets the oldest go beyond its bytes, and keeps the newest however large", () => {
  const backlog = new Backlog({ maxBatches: 100, maxBytes: 25 });
  for (let n = 1; n <= 3; n++) backlog.push(batch(n));
  assertEquals(readAll(backlog, 2), [4, 6]);
  assert(!backlog.reachesBackTo(1));
  backlog.push(batch(4, 1_000_000));
  assert(!backlog.reachesBackTo(5));
  assertEquals(readAll(backlog, 6), [8]);
  backlog.push(batch(5));
  assertEquals(readAll(backlog, 8), [10]);
});
