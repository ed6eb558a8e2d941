// Parses the commands that users type in a chat besides messages. Pure.

/** Meaning of a line. `text` is the message, or the argument of a command. */
export interface Input {
  readonly command: "send" | "unknown" | SlashCommand;
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

/** Parses a line. Two slashes at its start are a message that starts with one. */
export function parseInput(line: string): Input {
  if (line.startsWith("//")) return { command: "send", text: line.slice(1) };
  const match = /^\/(\S*)\s*(.*)$/s.exec(line);
  if (!match) return { command: "send", text: line };
  const [, word = "", text = ""] = match;
  return { command: isCommand(word) ? word : "unknown", text: text.trim() };
}

function isCommand(word: string): word is SlashCommand {
  return Object.hasOwn(COMMANDS, word);
}

/** Returns a line of help for each command. */
export function helpLines(): string[] {
  return [
    ...Object.values(COMMANDS).map(({ usage, help }) => `  ${usage.padEnd(12)}${help}`),
    `  ${"//x".padEnd(12)}send /x as a message`,
  ];
}

/** Returns all commands in one sentence. */
export function listCommands(): string {
  return `The commands are ${
    Object.values(COMMANDS).map(({ usage }) => usage).join(", ")
  }. To send /x, write //x`;
}
