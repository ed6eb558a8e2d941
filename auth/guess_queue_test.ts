import { assert, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import type { ChatError } from "../protocol/errors.ts";
import { chooseSeed, Random } from "../tests/support/random.ts";
import { GuessQueue } from "./guess_queue.ts";

const BURST = 1_000;

/** Creates a queue on fake time, whose burst of wrong guesses is used up. */
async function setUp() {
  const time = new FakeTime();
  const seed = chooseSeed();
  console.log(`seed ${seed}`);
  const random = new Random(seed);
  const guessQueue = new GuessQueue<string>({ now: Date.now, random: () => random.next() });
  const compared: string[] = [];
  /** Sends a guess from an address of its own, or of these networks. */
  const guess = (text: string, ...networks: string[]) =>
    guessQueue.check(networks.length > 0 ? networks : [text], () => {
      compared.push(text);
      return text === "right" ? text : undefined;
    }).then((answer) => answer ?? "wrong", (error) => (error as ChatError).code);
  for (let i = 0; i < BURST; i++) await guess(`${i}`);
  assertEquals(compared.length, BURST);
  compared.length = 0;
  const dispose = () => {
    guessQueue[Symbol.dispose]();
    time.restore();
  };
  return { time, guessQueue, compared, guess, [Symbol.dispose]: dispose };
}

Deno.test("GuessQueue.check() compares two wrong guesses per second in all, from any number of addresses", async () => {
  using queue = await setUp();
  let guesses = 0;
  for (let tick = 0; tick < 600; tick++) {
    for (let i = 0; i < 20; i++) void queue.guess(`${guesses++}`);
    await queue.time.tickAsync(100);
  }
  assertGreater(queue.compared.length, 110);
  assertLess(queue.compared.length, 125);
});

Deno.test("GuessQueue.check() compares right guesses at once before the ceiling, and counts none of them", async () => {
  using queue = await setUp();
  await queue.time.tickAsync(500);
  for (let i = 0; i < 50; i++) assertEquals(await queue.guess("right"), "right");
  assertEquals(await queue.guess("wrong"), "wrong");
  const late = queue.guess("right");
  await queue.time.tickAsync(500);
  assertEquals(await late, "right");
});

Deno.test("GuessQueue.check() gives every address the same chance beyond the ceiling", async () => {
  using queue = await setUp();
  // A hundred addresses send all the time, and somebody tries again whenever it is refused.
  let right = 0;
  let tries = 0;
  let isOver = false;
  const person = (async () => {
    while (!isOver) {
      tries++;
      if (await queue.guess("right") === "right") right++;
      else await new Promise<void>((resolve) => setTimeout(resolve, 2_000));
    }
  })();
  for (let tick = 0; tick < 1_200; tick++) {
    for (let i = 0; i < 100; i++) void queue.guess(`attacker ${i}`);
    await queue.time.tickAsync(500);
  }
  isOver = true;
  queue.guessQueue[Symbol.dispose]();
  await queue.time.tickAsync(2_000);
  await person;
  // In 600 s, 1,200 guesses of 101 addresses are drawn: about ten are the person's.
  assertGreater(right, 0, `${right} of ${tries}`);
});

Deno.test("GuessQueue.check() has one place for an address, two for a network and 1,000 in all", async () => {
  using queue = await setUp();
  const answers = ["a", "b"].map((host) => queue.guess(host, host, "net"));
  assertEquals(await queue.guess("again", "a", "net"), "too_many_attempts");
  assertEquals(await queue.guess("e", "e", "net"), "too_many_attempts");
  for (let i = 0; i < 998; i++) answers.push(queue.guess(`${i}`));
  let refused = 0;
  for (const answer of answers) void answer.then((code) => refused += Number(code !== "wrong"));
  for (let i = 0; i < 100; i++) {
    void queue.guess(`other ${i}`).then((code) => refused += Number(code !== "wrong"));
    await queue.time.tickAsync(0);
    assertEquals(refused, i + 1); // a random one, each time
  }
  assertEquals(queue.compared, []);
});

Deno.test("GuessQueue.check() refuses a guess that waited for ten seconds", async () => {
  using queue = await setUp();
  const answers = Array.from({ length: 64 }, (_, i) => queue.guess(`${i}`));
  await queue.time.tickAsync(10_500);
  const codes = await Promise.all(answers);
  const wrong = codes.filter((code) => code === "wrong").length;
  assert(wrong >= 19 && wrong <= 21, `${wrong}`);
  assertEquals(codes.filter((code) => code === "too_many_attempts").length, 64 - wrong);
});

Deno.test("GuessQueue.check() passes an error on, and continues", async () => {
  using queue = await setUp();
  const failed = queue.guessQueue.check(["a"], () => {
    throw new Error("it failed");
  });
  const next = queue.guess("right");
  const isRejected = assertRejects(() => failed, Error, "it failed");
  await queue.time.tickAsync(500);
  await isRejected;
  assertEquals(await next, "right");
});
