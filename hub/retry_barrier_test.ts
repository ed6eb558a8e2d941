import { assert, assertEquals } from "@std/assert";
import { RetryBarrier } from "./retry_barrier.ts";

Deno.test("RetryBarrier.tryPass() lets nothing overtake what was refused, until its client is out of patience", () => {
  const barrier = new RetryBarrier();
  assert(barrier.tryPass("0", 0));
  barrier.close("1", 0);
  barrier.close("2", 0); // it waits for the first one
  assertEquals(["2", "3"].map((id) => barrier.tryPass(id, 29_999)), [false, false]);
  assert(barrier.tryPass("1", 1));
  assert(barrier.tryPass("3", 1));
  barrier.close("4", 0);
  assert(barrier.tryPass("5", 30_000));
});
