import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ChatError } from "../protocol/errors.ts";
import { GuessQueue } from "./guess_queue.ts";

/** GuessQueue that are looked at until they are told to end. */
function begin() {
  const guessQueue = new GuessQueue<boolean>();
  const looked: string[] = [];
  const ends: PromiseWithResolvers<boolean>[] = [];
  const add = (address: string, key = address) =>
    guessQueue.add({ key, address }, () => {
      looked.push(key);
      const end = Promise.withResolvers<boolean>();
      ends.push(end);
      return end.promise;
    });
  return { guessQueue, looked, ends, add };
}

Deno.test("GuessQueue.add() looks at one at a time, and at those of one address behind those who came before", async () => {
  const { guessQueue, looked, ends, add } = begin();
  const answers = [add("a", "a1"), add("a", "a2"), add("b")];
  assertEquals(guessQueue.find("a1"), answers[0]);
  for (const order of [["a1"], ["a1", "b"], ["a1", "b", "a2"]]) {
    while (looked.length < order.length) await Promise.resolve();
    assertEquals(looked, order);
    ends.at(-1)!.resolve(order.length === 2);
  }
  assertEquals(await Promise.all(answers), [false, false, true]);
  assertEquals(guessQueue.find("a1"), undefined);
});

Deno.test("GuessQueue.add() has places for sixteen addresses, of which none takes two", async () => {
  const { looked, ends, add } = begin();
  const answers = Array.from({ length: 16 }, (_, i) => add(`${i}`));
  answers.push(add("0", "again"));
  const error = assertThrows(() => add("other"), ChatError);
  assertEquals([error.code, error.retryAfterMs], ["too_many_attempts", 2_000]);
  for (let i = 0; i < 17; i++) {
    while (ends.length === i) await Promise.resolve();
    ends[i]!.resolve(false);
    if (i > 0) continue;
    await answers[0];
    assertThrows(() => add("other"), ChatError); // for "0" keeps its place
  }
  await Promise.all(answers);
  assertEquals([looked.length, looked.includes("other")], [17, false]);
  void add("other");
});

Deno.test("GuessQueue.add() goes on with the next one after one that failed", async () => {
  const { ends, add } = begin();
  const [failed, next] = [add("a", "a1"), add("a", "a2")];
  while (ends.length === 0) await Promise.resolve();
  ends[0]!.reject(new Error("no memory"));
  await assertRejects(() => failed!, Error, "no memory");
  while (ends.length === 1) await Promise.resolve();
  ends[1]!.resolve(true);
  assertEquals(await next, true);
});
