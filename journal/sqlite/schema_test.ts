import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { JOURNAL_SCHEMA } from "./schema.ts";

Deno.test("JOURNAL_SCHEMA keeps its released steps and its application id", () => {
  const hashes = JOURNAL_SCHEMA.steps.map((step) =>
    createHash("sha256").update(step).digest("hex").slice(0, 16)
  );
  assertEquals(hashes, [
    "3d3d748cd09b438a",
    "6e8aba54b5b3f417",
    "e59ea09c9f8b0f60",
    "30538acac979d310",
  ]);
  assertEquals(JOURNAL_SCHEMA.applicationId, 0x43666162);
});
