// What can be written in a terminal besides messages. Pure.

/** What a line asks for; `text` for the commands that take one. */
export interface Input {
  readonly command: "say" | "unknown" | SlashCommand;
  readonly text: string;
}

type SlashCommand = keyof typeof COMMANDS;

const COMMANDS = {
  name: { usage: "/name NEW", help: "change your name" },
  who: { usage: "/who", help: "list the people here" },
  retry: { usage: "/retry", help: "send failed messages again" },
  drop: { usage: "/drop", help: "discard failed messages" },
  help: { usage: "/help", help: "show this help" },
  quit: { usage: "/quit", help: "leave (or press Ctrl-C)" },
} as const;

/** Two slashes are one that is said. */
export function parseInput(line: string): Input {
  if (line.startsWith("//")) return { command: "say", text: line.slice(1) };
  const match = /^\/(\S*)\s*(.*)$/s.exec(line);
  if (!match) return { command: "say", text: line };
  const [, word = "", text = ""] = match;
  return { command: isCommand(word) ? word : "unknown", text: text.trim() };
}

function isCommand(word: string): word is SlashCommand {
  return Object.hasOwn(COMMANDS, word);
}

/** A line for each command. */
export function helpLines(): string[] {
  return [
    ...Object.values(COMMANDS).map(({ usage, help }) => `  ${usage.padEnd(12)}${help}`),
    `  ${"//x".padEnd(12)}send /x as a message`,
  ];
}

/** All commands in one line. */
export function listCommands(): string {
  return `The commands are ${
    Object.values(COMMANDS).map(({ usage }) => usage).join(", ")
  }. To send /x, write //x`;
}
