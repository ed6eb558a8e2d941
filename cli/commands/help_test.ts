import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type CommandName, COMMANDS, ENV_NAMES } from "../config/command_table.ts";
import type { CommandSpec } from "../config/flags.ts";
import { helpText } from "./help.ts";

const names = Object.keys(COMMANDS) as CommandName[];

Deno.test("helpText() shows examples first, then commands, then flags with variable and default", () => {
  const help = helpText("1.2.3");
  assertStringIncludes(help, "confab 1.2.3");
  for (const word of ["--addr HOST:PORT", "default :8080", "--help", "--version", ...ENV_NAMES]) {
    assertStringIncludes(help, word);
  }
  for (const name of names) assertStringIncludes(help, `\n  ${name}`);
  assert(help.indexOf("Examples") < help.indexOf("Commands"));
  assert(help.indexOf("Commands") < help.indexOf("Options"));
});

Deno.test("helpText() of a command shows its arguments, its examples and only its flags", () => {
  assert(
    helpText("1.2.3", "send").startsWith("confab send URL [TEXT|-]: Send a message to a room\n"),
  );
  for (const name of names) {
    const command: CommandSpec = COMMANDS[name];
    const shown = [...helpText("1.2.3", name).matchAll(/^ {2}.{4}--([a-z-]+)/gm)].map(([, flag]) =>
      flag
    );
    assertEquals(shown, Object.keys(command.flags));
    for (const [line] of command.examples) assertStringIncludes(helpText("1.2.3", name), line);
  }
});

Deno.test("helpText() fits a terminal", () => {
  for (const help of [helpText("1.2.3"), ...names.map((name) => helpText("1.2.3", name))]) {
    for (const line of help.split("\n")) assert(line.length <= 80 && !/\s$/.test(line), line);
  }
});
