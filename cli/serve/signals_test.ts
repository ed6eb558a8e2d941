import { assertLess } from "@std/assert";
import { FLUSH_MS } from "../../base/log.ts";
import { EXIT_DEADLINE_MS, GRACE_MS } from "./signals.ts";

Deno.test("GRACE_MS leaves time to close the journal before the process ends in any case", () => {
  assertLess(GRACE_MS, EXIT_DEADLINE_MS);
  assertLess(EXIT_DEADLINE_MS + FLUSH_MS, 5_000);
});
