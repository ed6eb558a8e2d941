// The commands and their flags: what parses them, their help and the completions are made of these tables.
import type { Command, Flag } from "./flags.ts";

const COMMON = {
  debug: { help: "show the stack of an error" },
  help: { short: "h", help: "show this help" },
} as const satisfies Record<string, Flag>;

const DATA = {
  value: "DIR",
  default: "./confab-data",
  env: "CONFAB_DATA",
  aka: ["dir", "db", "database", "folder", "path"],
} as const;

/** The variables of what may be in no flag, where the list of processes would show it. */
export const HOOK_SECRET_ENV = "CONFAB_HOOK_SECRET";
export const METRICS_TOKEN_ENV = "CONFAB_METRICS_TOKEN";
export const PASSWORD_ENV = "CONFAB_PASSWORD";
export const OPERATOR_KEY_ENV = "CONFAB_OPERATOR_KEY";

const PASSWORD_FILE = {
  value: "FILE",
  env: "CONFAB_PASSWORD_FILE",
  aka: ["password", "pass", "auth"],
} as const;

const OPERATOR_FILE = {
  value: "FILE",
  env: "CONFAB_OPERATOR_FILE",
  aka: ["operator", "operator-key", "admin"],
} as const;

/** What lets a client in. */
const BEARER = {
  "password-file": {
    ...PASSWORD_FILE,
    help: `file with the password of the server; or the\npassword in ${PASSWORD_ENV}`,
  },
  "operator-file": {
    ...OPERATOR_FILE,
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
      addr: {
        value: "HOST:PORT",
        default: ":8080",
        env: "CONFAB_ADDR",
        aka: ["port", "p", "listen", "bind", "address"],
        help:
          "address to listen on: without HOST every IPv4\naddress of this machine, with [::] IPv6 as well;\nport 0 is any free port",
      },
      cert: {
        value: "FILE",
        env: "CONFAB_CERT",
        aka: ["tls", "https", "ssl", "certificate", "tls-cert"],
        help:
          "certificate, to serve https: PEM, with those\nbetween; SIGHUP reads it and its key again",
      },
      key: {
        value: "FILE",
        env: "CONFAB_KEY",
        aka: ["private-key", "tls-key"],
        help: "the key of the certificate: PEM, no passphrase",
      },
      host: {
        value: "NAME",
        env: "CONFAB_HOST",
        aka: ["hostname", "domain", "server-name"],
        help: "name that the server goes by, others get 421;\nseveral with commas; else any name",
      },
      base: {
        value: "PATH",
        env: "CONFAB_BASE",
        aka: ["base-path", "prefix", "root", "base-url"],
        help: "path that everything is below, such as /chat",
      },
      data: { ...DATA, help: "folder of the journal; made when it is missing" },
      keep: {
        value: "N",
        default: "10000",
        env: "CONFAB_KEEP",
        aka: ["retention", "history", "limit"],
        help: "messages kept in each room, 0 for all",
      },
      "max-message": {
        value: "BYTES",
        default: "16384",
        env: "CONFAB_MAX_MESSAGE",
        aka: ["max-size", "max-length"],
        help: "largest text of a message; as below, 0 is no\nlimit",
      },
      queue: {
        value: "BATCHES",
        default: "256",
        env: "CONFAB_QUEUE",
        aka: ["buffer"],
        help: "what waits for one reader before it falls behind",
      },
      stall: {
        value: "SECONDS",
        env: "CONFAB_STALL",
        aka: ["write-timeout", "timeout"],
        help:
          "close a reader that takes nothing for so long;\nelse 10, and more where it takes longer to see",
      },
      ping: {
        value: "SECONDS",
        default: "15",
        env: "CONFAB_PING",
        aka: ["heartbeat", "ping-interval"],
        help: "silence before a ping; twice that and 3 s more\nis the end",
      },
      rate: {
        value: "N",
        default: "5",
        env: "CONFAB_RATE",
        aka: ["rate-limit", "throttle"],
        help: "messages a second of a connection, twice as\nmany at once",
      },
      "max-connections": {
        value: "N",
        default: "10000",
        env: "CONFAB_MAX_CONNECTIONS",
        aka: ["max-clients", "connections", "clients"],
        help: "connections at a time",
      },
      "per-address": {
        value: "N",
        default: "50",
        env: "CONFAB_PER_ADDRESS",
        aka: ["per-ip", "max-per-ip"],
        help: "connections of one IP address, or IPv6 /64",
      },
      "trust-proxy": {
        value: "ADDR",
        env: "CONFAB_TRUST_PROXY",
        aka: ["proxy", "proxies", "trusted-proxies"],
        help:
          "addresses or CIDRs of proxies whose\nX-Forwarded-For and -Proto count; several with\ncommas",
      },
      journal: {
        value: "KIND",
        choices: ["sqlite", "memory"],
        default: "sqlite",
        env: "CONFAB_JOURNAL",
        aka: ["storage", "store"],
        help: "sqlite, on disk, or memory, which a restart\nforgets",
      },
      transport: {
        value: "KIND",
        choices: ["deno", "ws"],
        env: "CONFAB_TRANSPORT",
        help:
          "deno, or ws, which is faster and bounds what\nhostile clients can do; else ws with --cert,\ndeno without",
      },
      "log-format": {
        value: "KIND",
        choices: ["text", "json"],
        env: "CONFAB_LOG_FORMAT",
        aka: ["log", "logs", "json", "format"],
        help: "text or json; else text on a terminal, json\nelsewhere",
      },
      "log-level": {
        value: "LEVEL",
        choices: ["error", "warn", "info", "debug"],
        default: "info",
        env: "CONFAB_LOG_LEVEL",
        aka: ["level", "verbose", "quiet", "verbosity"],
        help: "least that is logged: error, warn, info or debug",
      },
      "allow-origin": {
        value: "ORIGIN",
        env: "CONFAB_ALLOW_ORIGIN",
        aka: ["cors", "origin", "origins"],
        help:
          "site whose pages may use this server, such as\nhttps://example.org; several with commas",
      },
      hook: {
        value: "[ROOM=]URL",
        env: "CONFAB_HOOK",
        aka: ["webhook"],
        help: "address that is sent every message, or those of\none room; repeat it for several",
      },
      "hook-secret-file": {
        value: "FILE",
        env: "CONFAB_HOOK_SECRET_FILE",
        aka: ["secret", "hook-secret"],
        help:
          `file with the secret that signs what hooks are\nsent; or the secret in ${HOOK_SECRET_ENV}`,
      },
      "metrics-token-file": {
        value: "FILE",
        env: "CONFAB_METRICS_TOKEN_FILE",
        aka: ["metrics", "metrics-token"],
        help:
          `file with the token that opens /metrics to other\nmachines; or the token in ${METRICS_TOKEN_ENV}`,
      },
      "password-file": {
        ...PASSWORD_FILE,
        help: `file with the password that everybody needs; or\nthe password in ${PASSWORD_ENV}`,
      },
      "operator-file": {
        ...OPERATOR_FILE,
        help:
          `file with the key that makes an operator, of 16\nbytes or more; or the key in ${OPERATOR_KEY_ENV}`,
      },
      qr: { aka: ["qrcode"], help: "show the Network address as a QR code" },
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
      data: { ...DATA, help: "folder of the journal" },
      ...BEARER,
      ...COMMON,
    },
  },
  backup: {
    args: ["FILE"],
    summary: "copy the journal into a file, also while it is used",
    details: "FILE must not be there yet. It holds everything that was acknowledged before.",
    examples: [["confab backup chat-1.db --data /srv/chat", ""]],
    flags: { data: { ...DATA, help: "folder of the journal" }, ...COMMON },
  },
  restore: {
    args: ["FILE"],
    summary: "make a backup the journal of a new folder",
    details: "The folder must not have a journal yet. Clients notice that it is another\n" +
      "history, and start over.",
    examples: [["confab restore chat-1.db --data /srv/chat-again", ""]],
    flags: { data: { ...DATA, help: "folder of the journal; made when it is missing" }, ...COMMON },
  },
  health: {
    args: ["[URL]"],
    summary: "whether a server works: exit code 0 or 1",
    details: "Without URL it is the server on this machine, where CONFAB_ADDR, CONFAB_BASE,\n" +
      "CONFAB_CERT and the first name of CONFAB_HOST say that it is.",
    examples: [["confab health https://chat.example.org/", ""]],
    flags: { ...COMMON },
  },
  invite: {
    args: ["[URL]"],
    summary: "a link that lets somebody in without the password",
    details: "Without URL it is for the server on this machine, on the port of CONFAB_ADDR.\n" +
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
