// Elapsed time is measured by the monotonic clock: only the files below may read the date, each for the reason that it gives.
import { assertEquals } from "@std/assert";
import { listModules } from "../tasks/check/modules.ts";

const ROOT = new URL("../", import.meta.url);

/** Files that read the present date. A new row is a decision. */
const READERS: Record<string, string> = {
  "base/clock.ts": "the clock of the authenticator, for sessions and invites that end at a date",
  "base/log.ts": "the time of a line",
  "cli/chat/lines.ts": "the day of a message",
  "cli/commands/request.ts": "a Retry-After header that is a date",
  "hub/group_commit.ts": "the time of an entry",
  "hub/moderation.ts": "a ban that ends at a date",
  "integrations/webhook/delivery.ts": "a signature, and a Retry-After header that is a date",
  "sdk/outbox.js": "the time of an unsent message, which outlives the page",
  "sdk/time.js": "the day of a message",
};

Deno.test("source: only these files read the date, which may jump", async () => {
  const readers: string[] = [];
  for (const path of await listModules(ROOT)) {
    const source = await Deno.readTextFile(new URL(path, ROOT));
    const code = source.split("\n").filter((line) => !/^\s*(?:\/\/|\/?\*)/.test(line)).join("\n");
    if (/\bDate\.now\b|\bnew Date\(\)|\bDate\(\)/.test(code)) readers.push(path);
  }
  assertEquals(readers, Object.keys(READERS));
});
