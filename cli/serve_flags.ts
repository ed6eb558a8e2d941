// The flags of the server, each with its variable. Commands that share one take it from here.
import { LOG_LEVELS } from "../log.ts";
import { type Flag, listChoices } from "./flags.ts";

/** The variables of what may be in no flag, where the list of processes would show it. */
export const HOOK_SECRET_ENV = "CONFAB_HOOK_SECRET";
export const METRICS_TOKEN_ENV = "CONFAB_METRICS_TOKEN";
export const PASSWORD_ENV = "CONFAB_PASSWORD";
export const OPERATOR_KEY_ENV = "CONFAB_OPERATOR_KEY";

export const SERVE_FLAGS = {
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
  data: {
    value: "DIR",
    default: "./confab-data",
    env: "CONFAB_DATA",
    aka: ["dir", "db", "database", "folder", "path"],
    help: "folder of the journal; made when it is missing",
  },
  keep: {
    value: "N",
    default: "10000",
    env: "CONFAB_KEEP",
    aka: ["retention", "history", "limit"],
    help: "entries kept in each room, 0 for all",
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
    help: "silence before a ping, about; gone after twice that\nand 3 s",
  },
  rate: {
    value: "N",
    default: "5",
    env: "CONFAB_RATE",
    aka: ["rate-limit", "throttle"],
    help: "messages a second of a connection, or posts of an\naddress; twice as many at once",
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
    choices: LOG_LEVELS,
    default: "info",
    env: "CONFAB_LOG_LEVEL",
    aka: ["level", "verbose", "quiet", "verbosity"],
    help: `least that is logged: ${listChoices(LOG_LEVELS)}`,
  },
  "allow-origin": {
    value: "ORIGIN",
    env: "CONFAB_ALLOW_ORIGIN",
    aka: ["cors", "origin", "origins"],
    help: "site whose pages may use this server, such as\nhttps://example.org; several with commas",
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
    value: "FILE",
    env: "CONFAB_PASSWORD_FILE",
    aka: ["password", "pass", "auth"],
    help: `file with the password that everybody needs; or\nthe password in ${PASSWORD_ENV}`,
  },
  "operator-file": {
    value: "FILE",
    env: "CONFAB_OPERATOR_FILE",
    aka: ["operator", "operator-key", "admin"],
    help:
      `file with the key that makes an operator, of 16\nbytes or more; or the key in ${OPERATOR_KEY_ENV}`,
  },
  qr: { aka: ["qrcode"], help: "show the Network address as a QR code" },
} as const satisfies Record<string, Flag>;
