import { assert, assertEquals } from "@std/assert";
import { Latch } from "./retry_barrier.ts";

Deno.test("Latch.passes() lets nothing overtake what was refused, until its client is out of patience", () => {
  const latch = new Latch();
  assert(latch.passes("0", 0));
  latch.close("1", 0);
  latch.close("2", 0); // it waits for the first one
  assertEquals(["2", "3"].map((id) => latch.passes(id, 29_999)), [false, false]);
  assert(latch.passes("1", 1));
  assert(latch.passes("3", 1));
  latch.close("4", 0);
  assert(latch.passes("5", 30_000));
});
