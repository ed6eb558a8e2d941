import { assert, assertEquals, assertLess } from "@std/assert";
import { Password } from "./password.ts";

const cost = 16;

Deno.test("Password.isRight() accepts only the right text", () => {
  const password = new Password("open sesame", { cost });
  for (const text of ["", "open sesam", "open sesame ", "Open sesame", "x".repeat(5_000)]) {
    assertEquals(password.isRight(text), false, text);
  }
  assert(password.isRight("open sesame"));
});

Deno.test("Password.isRight() compares a thousand guesses in the time of a few hashes, right after a start", () => {
  const started = performance.now();
  const password = new Password("open sesame");
  const hashMs = performance.now() - started;
  const before = performance.now();
  for (let i = 0; i < 1_000; i++) assert(!password.isRight(`guess ${i}`));
  assert(password.isRight("open sesame"));
  assertLess(performance.now() - before, 3 * hashMs);
});

Deno.test("Password.verifier is equal only for the same text with the salt of the earlier verifier", () => {
  const { verifier } = new Password("a", { cost });
  assertEquals(new Password("a", { earlier: verifier, cost }).verifier, verifier);
  assert(new Password("b", { earlier: verifier, cost }).verifier !== verifier);
  assert(new Password("a", { cost }).verifier !== verifier);
  assert(!new Password("open sesame", { cost }).verifier.includes("open sesame"));
});
