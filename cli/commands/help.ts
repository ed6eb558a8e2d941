// Formats the text of `--help` from the command table. Pure.
import { type CommandName, COMMANDS } from "../config/command_table.ts";
import type { CommandSpec, Flag } from "../config/flags.ts";

/** Width of the first column. */
const COLUMN = 26;

/** Returns the help of a command. Without a name: the help of the program, with all commands and the flags of the server. */
export function helpText(version: string, name?: CommandName): string {
  const command: CommandSpec = COMMANDS[name ?? "serve"];
  const commands = Object.entries<CommandSpec>(COMMANDS)
    .map(([name, { args, summary }]) => row([name, ...args].join(" "), [summary]));
  const parts = [
    name
      ? `confab ${[name, ...command.args].join(" ")}: ${command.summary}`
      : `confab ${version}: a chat server in one file`,
    name && command.details,
    section("Examples", command.examples.map(([line, effect]) => row(line, [effect]))),
    name ? undefined : section("Commands", commands),
    section(name ? "Options" : "Options of the server", Object.entries(command.flags).map(flagRow)),
    name
      ? undefined
      : "Start the server, open the Local URL that it prints, and share the Network URL.\n" +
        "Run confab COMMAND --help for details of a command.",
  ];
  return parts.filter(Boolean).join("\n\n");
}

function section(title: string, rows: readonly string[]): string {
  return [title, ...rows].join("\n");
}

function flagRow([name, flag]: [string, Flag]): string {
  const names = `${flag.short ? `-${flag.short}, ` : "    "}--${name} ${flag.value ?? ""}`;
  const notes = [
    flag.default && `default ${flag.default}`,
    flag.env && `environment ${flag.env}`,
  ].filter(Boolean);
  return row(names.trimEnd(), [
    ...flag.help.split("\n"),
    ...(notes.length > 0 ? [`(${notes.join(", ")})`] : []),
  ]);
}

/** Formats a row of two columns. A first column that is too long gets a line of its own. */
function row(first: string, lines: readonly string[]): string {
  const column = "".padEnd(COLUMN);
  const [line = "", ...more] = first.length < COLUMN ? lines : ["", ...lines];
  const rows = [first.padEnd(COLUMN) + line, ...more.map((line) => column + line)];
  return rows.map((line) => `  ${line}`.trimEnd()).filter(Boolean).join("\n");
}
