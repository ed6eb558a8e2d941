import { assertEquals, assertThrows } from "@std/assert";
import { parseFlags } from "./flags.ts";

Deno.test("parseFlags() reads the parts to measure, and the number of rounds", () => {
  const { rounds, only, isQuick, out } = parseFlags([]);
  assertEquals([rounds, only, isQuick, out], [3, [], false, undefined]);
  assertEquals(parseFlags(["--quick"]).rounds, 1);
  const flags = parseFlags(
    "--quick --rounds 2 --only bun,,idle --only ws --peer a=b --peer c=d".split(" "),
  );
  assertEquals([flags.rounds, flags.only, flags.peers], [2, ["bun", "idle", "ws"], ["a=b", "c=d"]]);
});

Deno.test("parseFlags() reports the reason of an error", () => {
  for (const text of ["0", "21", "1.5", "x", ""]) {
    assertThrows(
      () => parseFlags([`--rounds=${text}`]),
      TypeError,
      `Cannot parse flag "--rounds": expected a number from 1 to 20, received "${text}"`,
    );
  }
  assertThrows(() => parseFlags(["--round", "1"]), TypeError, "--round");
});
