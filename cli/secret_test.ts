import { assert, assertEquals, assertThrows } from "@std/assert";
import { ChatError } from "../protocol/errors.ts";
import { HOOK_SECRET, OPERATOR_KEY, PASSWORD, readSecret } from "./secret.ts";

Deno.test("readSecret() reads a file without its last line break, or takes the value", async () => {
  const file = await Deno.makeTempFile({ prefix: "confab-secret-" });
  try {
    await Deno.writeTextFile(file, "whsec_c2VjcmV0IHNlY3JldA==\n");
    assertEquals(readSecret({ file }, HOOK_SECRET), "whsec_c2VjcmV0IHNlY3JldA==");
    assertEquals(readSecret({ value: "sixteen letters!" }, HOOK_SECRET), "sixteen letters!");
    await Deno.writeTextFile(file, "short one\n");
    const { code, message } = assertThrows(() => readSecret({ file }, HOOK_SECRET), ChatError);
    assertEquals(code, "bad_usage");
    assertEquals(
      message,
      `Cannot use hook secret "${file}": expected 16 bytes or more, received 9`,
    );
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("readSecret() names a missing file, and does not show a secret", () => {
  const missing = assertThrows(() => readSecret({ file: "/no/such/file" }, HOOK_SECRET), ChatError);
  assert(missing.message.startsWith('Cannot read hook secret "/no/such/file": '));
  const short = assertThrows(() => readSecret({ value: "hush" }, HOOK_SECRET), ChatError);
  assert(!short.message.includes("hush"), short.message);
});

Deno.test("readSecret() accepts short passwords in any script, but only long operator keys, and only one line", () => {
  assertEquals(readSecret({ value: " sesame " }, PASSWORD), "sesame");
  assertEquals(readSecret({ value: "ключ ключ" }, OPERATOR_KEY), "ключ ключ"); // 17 bytes
  const refused = [
    [PASSWORD, " ", "Cannot use password: expected a value, received none"],
    [PASSWORD, "x".repeat(1025), "Cannot use password: expected at most 1024 bytes, received 1025"],
    [
      PASSWORD,
      "two\nlines",
      "Cannot use password: expected one line without control characters",
    ],
    [
      OPERATOR_KEY,
      "x".repeat(15),
      "Cannot use operator key: expected 16 bytes or more, received 15",
    ],
  ] as const;
  for (const [kind, value, message] of refused) {
    assertEquals(assertThrows(() => readSecret({ value }, kind), ChatError).message, message);
  }
});
