import { assert, assertEquals } from "@std/assert";
import { Password } from "./password.ts";

const cost = 16;

Deno.test("Password.isRight() accepts only the right text, and caches it", async () => {
  const password = new Password("open sesame", { cost });
  for (const text of ["", "open sesam", "open sesame ", "Open sesame", "x".repeat(5_000)]) {
    assertEquals(await password.isRight(text), false, text);
    assert(!password.isCached(text));
  }
  assert(!password.isCached("open sesame"));
  assert(await password.isRight("open sesame"));
  assert(password.isCached("open sesame"));
});

Deno.test("Password.verifier is equal only for the same text with the salt of the earlier verifier", () => {
  const { verifier } = new Password("a", { cost });
  assertEquals(new Password("a", { earlier: verifier, cost }).verifier, verifier);
  assert(new Password("b", { earlier: verifier, cost }).verifier !== verifier);
  assert(new Password("a", { cost }).verifier !== verifier);
  assert(!new Password("open sesame", { cost }).verifier.includes("open sesame"));
});

Deno.test("Password.isRight() hashes a guess off the main loop", async () => {
  const password = new Password("a");
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const waiting = Array.from({ length: 2 }, () => password.isRight("b"));
  await Promise.all(waiting);
  clearInterval(timer);
  assert(ticks > 10, `${ticks} ticks`);
});
