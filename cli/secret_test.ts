import { assert, assertEquals, assertThrows } from "@std/assert";
import { ChatError } from "../protocol/errors.ts";
import {
  HOOK_SECRET,
  makeFileWarning,
  OPERATOR_KEY,
  PASSWORD,
  readSecret,
  secretFilesOf,
} from "./secret.ts";
import type { ServeConfig } from "./config/config.ts";

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

Deno.test({
  name: "makeFileWarning() warns once of a file that other users may access",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const logged: unknown[] = [];
    const check = makeFileWarning((...line) => logged.push(line));
    const file = await Deno.makeTempFile({ prefix: "confab-secret-" });
    try {
      for (const mode of [0o600, 0o400, 0o700]) {
        await Deno.chmod(file, mode);
        check(file);
      }
      assertEquals(logged, []);
      for (const mode of [0o640, 0o604, 0o620, 0o610]) {
        await Deno.chmod(file, mode);
        makeFileWarning((...line) => logged.push(line))(file);
      }
      assertEquals(logged.length, 4);
      logged.length = 0;
      await Deno.chmod(file, 0o644);
      for (let i = 0; i < 3; i++) check(file);
      const fields = { path: file, mode: "0644", expected: "0600" };
      assertEquals(logged, [["warn", "secret file is open to other users", fields]]);
      check("/dev/null");
      assertEquals(logged.length, 1);
    } finally {
      await Deno.remove(file);
    }
  },
});

Deno.test("secretFilesOf() has the file of each secret once, and the key of the certificate", () => {
  const config = {
    password: { file: "password" },
    operatorKey: { file: "operator" },
    hookSecret: { file: "hook" },
    githubSecret: { file: "github" },
    metricsToken: { file: "hook" },
    certificate: { cert: "cert", key: "key" },
  } as Partial<ServeConfig> as ServeConfig;
  assertEquals(secretFilesOf(config), ["key", "password", "operator", "hook", "github"]);
  const values = { password: { value: "x" } } as Partial<ServeConfig> as ServeConfig;
  assertEquals(secretFilesOf(values), []);
});
