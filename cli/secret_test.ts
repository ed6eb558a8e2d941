import { assert, assertEquals, assertThrows } from "@std/assert";
import { ChatError } from "../errors.ts";
import { readSecret } from "./secret.ts";

Deno.test("readSecret() reads a file without the line break at its end, or takes the value", async () => {
  const file = await Deno.makeTempFile({ prefix: "confab-secret-" });
  try {
    await Deno.writeTextFile(file, "whsec_c2VjcmV0IHNlY3JldA==\n");
    assertEquals(readSecret({ file }), "whsec_c2VjcmV0IHNlY3JldA==");
    assertEquals(readSecret({ value: "sixteen letters!" }), "sixteen letters!");
    await Deno.writeTextFile(file, "short one\n");
    const { code, message } = assertThrows(() => readSecret({ file }), ChatError);
    assertEquals(code, "bad_usage");
    assertEquals(
      message,
      `Cannot use hook secret "${file}": expected 16 characters or more, received 9`,
    );
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("readSecret() names a file that is not there, and shows no secret", () => {
  const missing = assertThrows(() => readSecret({ file: "/no/such/file" }), ChatError);
  assert(missing.message.startsWith('Cannot read hook secret "/no/such/file": '));
  const short = assertThrows(() => readSecret({ value: "hush" }), ChatError);
  assert(!short.message.includes("hush"), short.message);
});
