// The commands and their flags: what parses them, their help and the completions are made of these tables.
import type { Command, Flag } from "./flags.ts";
import {
  HOOK_SECRET_ENV,
  METRICS_TOKEN_ENV,
  OPERATOR_KEY_ENV,
  PASSWORD_ENV,
  SERVE_FLAGS,
} from "./serve_flags.ts";

const COMMON = {
  debug: { help: "show the stack of an error" },
  help: { short: "h", help: "show this help" },
} as const satisfies Record<string, Flag>;

const DATA = { ...SERVE_FLAGS.data, help: "folder of the journal" } as const;

/** What lets a client in. */
const BEARER = {
  "password-file": {
    ...SERVE_FLAGS["password-file"],
    help: `file with the password of the server; or the\npassword in ${PASSWORD_ENV}`,
  },
  "operator-file": {
    ...SERVE_FLAGS["operator-file"],
    help: `file with the operator key, to be one; or the key\nin ${OPERATOR_KEY_ENV}`,
  },
} as const;

/** Every command, by its name. */
export const COMMANDS = {
  serve: {
    args: [],
    summary: "the server; also without any command",
    examples: [
      ["confab", "serve on port 8080"],
      ["confab --addr :9000", "another port"],
      ["confab --addr 127.0.0.1:0", "this machine only, any free port"],
      ["confab --data /srv/chat", "keep the messages there"],
      ["confab --keep 0", "and all of them"],
      ["confab --qr", "show a code for phones"],
    ],
    flags: {
      ...SERVE_FLAGS,
      ...COMMON,
      version: { short: "v", help: "show the version" },
    },
  },
  send: {
    args: ["URL", "[TEXT|-]"],
    summary: "say something in a room",
    details: "Without TEXT, or with -, it is what standard input holds: one message.\n" +
      "Put -- before a TEXT that begins with a dash. A server that is just restarting\n" +
      "gets it all the same, and once; with --lines, also one that is away for long.",
    examples: [
      ["confab send localhost:8080 hello", "in the lobby"],
      ["confab send http://localhost:8080/r/ops --name Ann hi", ""],
      ["confab send localhost:8080 -- -5", ""],
      ["uptime | confab send http://localhost:8080/r/ops", ""],
      ["tail -f log | confab send http://localhost:8080/r/ops --lines", ""],
    ],
    flags: {
      name: { value: "NAME", aka: ["user", "as", "from"], help: "name to say it under" },
      id: {
        value: "ID",
        help: "id of the message: another with the same name\nand id adds nothing",
      },
      lines: { help: "each line of standard input is a message, sent\nas it comes" },
      ...BEARER,
      ...COMMON,
    },
  },
  tail: {
    args: ["URL"],
    summary: "show what is said in a room, as it is said",
    details: "Goes on after the server or the network was away, and shows everything once.",
    examples: [
      ["confab tail http://localhost:8080/r/ops", "the last 10, then live"],
      ["confab tail localhost:8080 --since 0 --json", "the lobby, from its beginning"],
    ],
    flags: {
      since: {
        value: "SEQ",
        aka: ["after", "from"],
        help: "begin behind this number; 0 is the beginning",
      },
      name: { value: "NAME", aka: ["user", "as"], help: "be seen in the room under this name" },
      json: { help: "the JSON objects of the protocol, one a line" },
      ...BEARER,
      ...COMMON,
    },
  },
  chat: {
    args: ["URL"],
    summary: "chat in a terminal",
    examples: [["confab chat http://localhost:8080/r/kitchen --name Ann", ""]],
    flags: {
      name: {
        value: "NAME",
        aka: ["user", "as"],
        help: "your name; else the one of the last time",
      },
      ...BEARER,
      ...COMMON,
    },
  },
  export: {
    args: ["ROOM|URL"],
    summary: "everything that is kept of a room",
    details: "A room's name reads the journal in the data folder, also while a server uses it.\n" +
      "A URL asks the server that runs there.",
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
        help: "ndjson, one object a line, json, a list, or text",
      },
      data: DATA,
      ...BEARER,
      ...COMMON,
    },
  },
  backup: {
    args: ["FILE"],
    summary: "copy the journal into a file, also while it is used",
    details: "FILE must not be there yet. It holds everything that was acknowledged before.",
    examples: [["confab backup chat-1.db --data /srv/chat", ""]],
    flags: { data: DATA, ...COMMON },
  },
  restore: {
    args: ["FILE"],
    summary: "make a backup the journal of a new folder",
    details: "The folder must not have a journal yet. Clients notice that it is another\n" +
      "history, and start over.",
    examples: [["confab restore chat-1.db --data /srv/chat-again", ""]],
    flags: { data: SERVE_FLAGS.data, ...COMMON },
  },
  health: {
    args: ["[URL]"],
    summary: "whether a server works: exit code 0 or 1",
    details: "Without URL it is the server on this machine, where CONFAB_ADDR and CONFAB_BASE\n" +
      "say that it is; with CONFAB_CERT, or at an address of the network, by the first\n" +
      "name of CONFAB_HOST.",
    examples: [["confab health https://chat.example.org/", ""]],
    flags: { ...COMMON },
  },
  invite: {
    args: ["[URL]"],
    summary: "a link that lets somebody in without the password",
    details: "Without URL it is for the server on this machine, where CONFAB_ADDR, CONFAB_BASE\n" +
      "and CONFAB_CERT say that it is, by the first name of CONFAB_HOST. With a name,\n" +
      "but no certificate, a proxy may be in front: then say the URL that guests use.\n" +
      "It takes the password or the operator key to invite.",
    examples: [
      ["confab invite https://chat.example.org/ --password-file FILE", ""],
      ["confab invite --room ops --hours 1", "one room, soon"],
      ["confab invite --list", "what can be used, or is"],
      ["confab invite --revoke 3", "it, and whoever came by it"],
    ],
    flags: {
      room: { value: "ROOM", help: "the only room that it is for" },
      hours: {
        value: "N",
        default: "24",
        aka: ["for", "expires", "ttl"],
        help: "how long the link can be used",
      },
      list: { aka: ["ls"], help: "list the invites" },
      revoke: { value: "ID", aka: ["delete", "remove"], help: "end an invite, and who came by it" },
      ...BEARER,
      ...COMMON,
    },
  },
  completions: {
    args: ["SHELL"],
    choices: ["bash", "zsh", "fish"],
    summary: "a script that lets a shell complete all this",
    examples: [
      ['eval "$(confab completions bash)"', "in ~/.bashrc"],
      ['eval "$(confab completions zsh)"', "in ~/.zshrc"],
      ["confab completions fish | source", "in config.fish"],
    ],
    flags: { ...COMMON },
  },
} as const satisfies Record<string, Command>;

export type CommandName = keyof typeof COMMANDS;

/** What people type who know other programs, with what is suggested to them. */
export const OTHER_NAMES: readonly (readonly [word: string, shown: string])[] = [
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

/** The environment variables that any of it looks at. */
export const ENV_NAMES: readonly string[] = [
  ...new Set(
    Object.values<Command>(COMMANDS)
      .flatMap(({ flags }) => Object.values(flags).flatMap(({ env }) => env ?? [])),
  ),
  HOOK_SECRET_ENV,
  METRICS_TOKEN_ENV,
  PASSWORD_ENV,
  OPERATOR_KEY_ENV,
];
