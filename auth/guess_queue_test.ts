import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ChatError } from "../protocol/errors.ts";
import { GuessQueue } from "./guess_queue.ts";

/** Creates a queue whose checks last until the test ends them. */
function setUp() {
  const guessQueue = new GuessQueue<boolean>();
  const checked: string[] = [];
  const ends: PromiseWithResolvers<boolean>[] = [];
  const add = (address: string, key = address) =>
    guessQueue.add({ key, address }, () => {
      checked.push(key);
      const end = Promise.withResolvers<boolean>();
      ends.push(end);
      return end.promise;
    });
  return { guessQueue, checked, ends, add };
}

Deno.test("GuessQueue.add() checks one guess at a time, and enqueues a second guess of an address behind other addresses", async () => {
  const { guessQueue, checked, ends, add } = setUp();
  const answers = [add("a", "a1"), add("a", "a2"), add("b")];
  assertEquals(guessQueue.find("a1"), answers[0]);
  for (const order of [["a1"], ["a1", "b"], ["a1", "b", "a2"]]) {
    while (checked.length < order.length) await Promise.resolve();
    assertEquals(checked, order);
    ends.at(-1)!.resolve(order.length === 2);
  }
  assertEquals(await Promise.all(answers), [false, false, true]);
  assertEquals(guessQueue.find("a1"), undefined);
});

Deno.test("GuessQueue.add() accepts sixteen addresses and refuses another one, however many guesses each has", async () => {
  const { checked, ends, add } = setUp();
  const answers = Array.from({ length: 16 }, (_, i) => add(`${i}`));
  answers.push(add("0", "again"));
  const error = assertThrows(() => add("other"), ChatError);
  assertEquals([error.code, error.retryAfterMs], ["too_many_attempts", 2_000]);
  for (let i = 0; i < 17; i++) {
    while (ends.length === i) await Promise.resolve();
    ends[i]!.resolve(false);
    if (i > 0) continue;
    await answers[0];
    assertThrows(() => add("other"), ChatError); // "0" keeps its place for its second guess
  }
  await Promise.all(answers);
  assertEquals([checked.length, checked.includes("other")], [17, false]);
  void add("other");
});

Deno.test("GuessQueue.add() continues with the next guess after a check that failed", async () => {
  const { ends, add } = setUp();
  const [failed, next] = [add("a", "a1"), add("a", "a2")];
  while (ends.length === 0) await Promise.resolve();
  ends[0]!.reject(new Error("no memory"));
  await assertRejects(() => failed!, Error, "no memory");
  while (ends.length === 1) await Promise.resolve();
  ends[1]!.resolve(true);
  assertEquals(await next, true);
});
