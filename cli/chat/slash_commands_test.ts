import { assertEquals, assertStringIncludes } from "@std/assert";
import { helpLines, listCommands, parseInput } from "./slash_commands.ts";

Deno.test("parseInput() distinguishes commands and messages", () => {
  const cases: [string, string, string][] = [
    ["hi / there", "send", "hi / there"],
    [" /who", "send", " /who"],
    ["//x", "send", "/x"],
    ["//", "send", "/"],
    ["/name  Ann B ", "name", "Ann B"],
    ["/who", "who", ""],
    ["/quit now", "quit", "now"],
    ["/", "unknown", ""],
    ["/nope x", "unknown", "x"],
    ["/toString", "unknown", ""],
    ["/NAME x", "unknown", "x"],
  ];
  for (const [line, command, text] of cases) {
    assertEquals(parseInput(line) as unknown, { command, text }, line);
  }
});

Deno.test("helpLines() and listCommands() name every command", () => {
  for (const name of ["/name NEW", "/who", "/retry", "/drop", "/help", "/quit", "//x"]) {
    assertStringIncludes(helpLines().join("\n"), name);
    assertStringIncludes(listCommands(), name);
  }
});
