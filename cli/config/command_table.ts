// Defines the commands and their flags. The parser, the help and the completions are made from these tables.
import type { CommandSpec, Flag } from "./flags.ts";
import {
  GITHUB_SECRET_ENV,
  HOOK_SECRET_ENV,
  METRICS_TOKEN_ENV,
  OPERATOR_KEY_ENV,
  PASSWORD_ENV,
  SERVE_FLAGS,
} from "./serve_flags.ts";

const COMMON = {
  debug: { help: "Print the stack trace of an error" },
  help: { short: "h", help: "Print this help" },
} as const satisfies Record<string, Flag>;

const DATA = { ...SERVE_FLAGS.data, help: "Data folder to read" } as const;

/** Flags of the secrets that a client authenticates with. */
const BEARER = {
  "password-file": {
    ...SERVE_FLAGS["password-file"],
    help: `File with the password of the server; or set\n${PASSWORD_ENV}`,
  },
  "operator-file": {
    ...SERVE_FLAGS["operator-file"],
    help: `File with the operator key, to act as an operator;\nor set ${OPERATOR_KEY_ENV}`,
  },
} as const;

/** All commands, by name. */
export const COMMANDS = {
  serve: {
    args: [],
    summary: "Run the server (the default command)",
    examples: [
      ["confab", "serve on port 8080"],
      ["confab --addr :9000", "serve on port 9000"],
      ["confab --addr 127.0.0.1:0", "this machine only, any free port"],
      ["confab --data /srv/chat", "store the messages in /srv/chat"],
      ["confab --keep 0", "keep all messages"],
      ["confab --qr", "print a QR code for phones"],
    ],
    flags: {
      ...SERVE_FLAGS,
      ...COMMON,
      version: { short: "v", help: "Print the version" },
    },
  },
  send: {
    args: ["URL", "[TEXT|-]"],
    summary: "Send a message to a room",
    details: "Without TEXT, or with -, standard input is sent as one message. Put -- before a\n" +
      "TEXT that begins with a dash. While the server is unreachable, the command\n" +
      "retries a few times; with --lines, until it succeeds. A retry never\n" +
      "stores a message twice.",
    examples: [
      ["confab send localhost:8080 hello", "send to the lobby"],
      ["confab send http://localhost:8080/r/ops --name Ann hi", ""],
      ["confab send localhost:8080 -- -5", ""],
      ["uptime | confab send http://localhost:8080/r/ops", ""],
      ["tail -f log | confab send http://localhost:8080/r/ops --lines", ""],
    ],
    flags: {
      name: { value: "NAME", aka: ["user", "as", "from"], help: "Name of the sender" },
      id: {
        value: "ID",
        help: "Idempotency key. Sending again with the same name\nand id adds no second message",
      },
      lines: { help: "Send each line of standard input as a message, as\nsoon as it is read" },
      ...BEARER,
      ...COMMON,
    },
  },
  tail: {
    args: ["URL"],
    summary: "Print the messages of a room as they arrive",
    details: "Reconnects when the connection is lost. Prints each message once.",
    examples: [
      ["confab tail http://localhost:8080/r/ops", "the last 10, then new ones"],
      ["confab tail localhost:8080 --since 0 --json", "the lobby from its first message"],
    ],
    flags: {
      since: {
        value: "SEQ",
        aka: ["after", "from"],
        help:
          "Start after this sequence number; 0 starts with\nthe first message. Without it: the last 10",
      },
      name: { value: "NAME", aka: ["user", "as"], help: "Appear in the room under this name" },
      json: { help: "Print the JSON objects of the protocol, one per\nline" },
      ...BEARER,
      ...COMMON,
    },
  },
  chat: {
    args: ["URL"],
    summary: "Chat in a terminal",
    examples: [["confab chat http://localhost:8080/r/kitchen --name Ann", ""]],
    flags: {
      name: {
        value: "NAME",
        aka: ["user", "as"],
        help: "Your name. Without it: the name used last",
      },
      ...BEARER,
      ...COMMON,
    },
  },
  export: {
    args: ["ROOM|URL"],
    summary: "Print all stored messages of a room",
    details: "With ROOM, the messages come from the journal in the data folder, even while a\n" +
      "server uses it. With URL, they come from the server at that address.",
    examples: [
      ["confab export ops --data /srv/chat > ops.ndjson", ""],
      ["confab export http://localhost:8080/r/ops --format text", ""],
    ],
    flags: {
      format: {
        value: "KIND",
        choices: ["ndjson", "text", "json"],
        default: "ndjson",
        aka: ["type", "as"],
        help: "ndjson (one object per line), json (one array) or\ntext",
      },
      data: DATA,
      ...BEARER,
      ...COMMON,
    },
  },
  backup: {
    args: ["FILE"],
    summary: "Copy the journal to a file, even while in use",
    details: "FILE must not exist. It will contain all messages that the server acknowledged\n" +
      "before the backup.",
    examples: [["confab backup chat-1.db --data /srv/chat", ""]],
    flags: { data: DATA, ...COMMON },
  },
  restore: {
    args: ["FILE"],
    summary: "Create a data folder from a backup",
    details: "The folder must not contain a journal. The restored journal counts as a new\n" +
      "history: clients detect this and reload the room.",
    examples: [["confab restore chat-1.db --data /srv/chat-again", ""]],
    flags: { data: SERVE_FLAGS.data, ...COMMON },
  },
  health: {
    args: ["[URL]"],
    summary: "Check a server: exit code 0 if healthy, else 1",
    details: "Without URL, CONFAB_ADDR and CONFAB_BASE define the server to check on this\n" +
      "machine. The request uses the first name in CONFAB_HOST if CONFAB_CERT is set,\n" +
      "or if CONFAB_ADDR names a specific address other than loopback.",
    examples: [["confab health https://chat.example.org/", ""]],
    flags: { ...COMMON },
  },
  invite: {
    args: ["[URL]"],
    summary: "Create a link to join without the password",
    details: "Requires the password or the operator key of the server. URL is the address\n" +
      "that guests use. Without it, CONFAB_ADDR, CONFAB_BASE, CONFAB_CERT and the first\n" +
      "name in CONFAB_HOST give the address of the server. With CONFAB_HOST but without\n" +
      "CONFAB_CERT, URL is required, because a reverse proxy may be in front.",
    examples: [
      ["confab invite https://chat.example.org/ --password-file FILE", "all rooms, for a day"],
      ["confab invite --room ops --hours 1", "one room, for one hour"],
      ["confab invite --list", "invites that are valid or in use"],
      ["confab invite --revoke 3", "revoke invite 3, sign its guests out"],
    ],
    flags: {
      room: { value: "ROOM", help: "Room that guests may enter. Without it: every room" },
      hours: {
        value: "N",
        default: "24",
        aka: ["for", "expires", "ttl"],
        help: "Hours until the link expires, at most 8760.\nUntil then it works for anybody",
      },
      list: { aka: ["ls"], help: "List the invites" },
      revoke: {
        value: "ID",
        aka: ["delete", "remove"],
        help: "Revoke an invite and sign out all who used it",
      },
      ...BEARER,
      ...COMMON,
    },
  },
  completions: {
    args: ["SHELL"],
    choices: ["bash", "zsh", "fish"],
    summary: "Print a completion script for a shell",
    examples: [
      ['eval "$(confab completions bash)"', "add to ~/.bashrc"],
      ['eval "$(confab completions zsh)"', "add to ~/.zshrc"],
      ["confab completions fish | source", "add to config.fish"],
    ],
    flags: { ...COMMON },
  },
} as const satisfies Record<string, CommandSpec>;

export type CommandName = keyof typeof COMMANDS;

/** Names of commands in other programs, each with the command to suggest. */
export const OTHER_NAMES: readonly (readonly [word: string, label: string])[] = [
  ["help", "--help"],
  ["version", "--version"],
  ["start", "serve"],
  ["server", "serve"],
  ["run", "serve"],
  ["post", "send"],
  ["say", "send"],
  ["follow", "tail"],
  ["watch", "tail"],
  ["join", "chat"],
  ["dump", "export"],
  ["status", "health"],
  ["completion", "completions"],
];

/** Environment variables that any command reads. */
export const ENV_NAMES: readonly string[] = [
  ...new Set(
    Object.values<CommandSpec>(COMMANDS)
      .flatMap(({ flags }) => Object.values(flags).flatMap(({ env }) => env ?? [])),
  ),
  HOOK_SECRET_ENV,
  GITHUB_SECRET_ENV,
  METRICS_TOKEN_ENV,
  PASSWORD_ENV,
  OPERATOR_KEY_ENV,
];
