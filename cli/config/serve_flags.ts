// Defines the flags of the server, each with its variable. Other commands share some of them.
import { LOG_LEVELS } from "../../base/log.ts";
import { type Flag, listChoices } from "./flags.ts";

/** Variables of secrets. No flag takes a secret, because the list of processes would show it. */
export const HOOK_SECRET_ENV = "CONFAB_HOOK_SECRET";
export const GITHUB_SECRET_ENV = "CONFAB_GITHUB_SECRET";
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
      "Address to listen on. Without HOST: all IPv4\naddresses of this machine. [::]:PORT: IPv6 as well.\nPort 0: any free port",
  },
  cert: {
    value: "FILE",
    env: "CONFAB_CERT",
    aka: ["tls", "https", "ssl", "certificate", "tls-cert"],
    help:
      "TLS certificate chain (PEM). Enables https.\nRequires --key. Both are reloaded on SIGHUP",
  },
  key: {
    value: "FILE",
    env: "CONFAB_KEY",
    aka: ["private-key", "tls-key"],
    help: "Private key of the certificate (PEM, unencrypted)",
  },
  host: {
    value: "NAME",
    env: "CONFAB_HOST",
    aka: ["hostname", "domain", "server-name"],
    help:
      "Host name to accept; requests for other names get\nstatus 421. Separate several with commas.\nWithout it: IP addresses, localhost and local names;\nwith --cert any name",
  },
  base: {
    value: "PATH",
    env: "CONFAB_BASE",
    aka: ["base-path", "prefix", "root", "base-url"],
    help: "Path prefix of all URLs, such as /chat",
  },
  data: {
    value: "DIR",
    default: "./confab-data",
    env: "CONFAB_DATA",
    aka: ["dir", "db", "database", "folder", "path"],
    help: "Data folder; created if missing",
  },
  keep: {
    value: "N",
    default: "10000",
    env: "CONFAB_KEEP",
    aka: ["retention", "history", "limit"],
    help: "Entries to keep in each room; 0 keeps all",
  },
  "max-message": {
    value: "BYTES",
    default: "16384",
    env: "CONFAB_MAX_MESSAGE",
    aka: ["max-size", "max-length"],
    help:
      "Maximum size of a message text, in bytes of UTF-8.\nHere and in the limits below, 0 means no limit",
  },
  queue: {
    value: "BATCHES",
    default: "256",
    env: "CONFAB_QUEUE",
    aka: ["buffer"],
    help: "Maximum batches to queue for one client. A slower\nclient catches up from the journal",
  },
  stall: {
    value: "SECONDS",
    env: "CONFAB_STALL",
    aka: ["write-timeout", "timeout"],
    help:
      "Close a connection with queued data that has made\nno progress for this time. Without it: about\n23 minutes, since progress shows in steps of 1.4 MB",
  },
  ping: {
    value: "SECONDS",
    default: "15",
    env: "CONFAB_PING",
    aka: ["heartbeat", "ping-interval"],
    help:
      "Approximate idle time before a ping. The connection\nis closed after twice this time plus 3 s of silence",
  },
  rate: {
    value: "N",
    default: "5",
    env: "CONFAB_RATE",
    aka: ["rate-limit", "throttle"],
    help:
      "Messages per second for each connection, and POSTs\nper second for each author. Bursts: 2 x N. An IP\naddress may send 5 x N in all. Bursts: 50 x N",
  },
  "max-connections": {
    value: "N",
    default: "10000",
    env: "CONFAB_MAX_CONNECTIONS",
    aka: ["max-clients", "connections", "clients"],
    help: "Maximum open connections",
  },
  "per-address": {
    value: "N",
    default: "256",
    env: "CONFAB_PER_ADDRESS",
    aka: ["per-ip", "max-per-ip"],
    help: "Maximum open connections per IPv4 address or\nIPv6 /64 network",
  },
  "max-rooms": {
    value: "N",
    default: "100000",
    env: "CONFAB_MAX_ROOMS",
    aka: ["rooms"],
    help: "Maximum number of rooms with messages",
  },
  "max-data": {
    value: "SIZE",
    default: "10G",
    env: "CONFAB_MAX_DATA",
    aka: ["max-disk", "disk", "quota"],
    help:
      "Maximum size of the data folder: 500M, 10G. Above\n70% new rooms are refused, above 85% new messages.\nAt least 20M",
  },
  "trust-proxy": {
    value: "ADDR",
    env: "CONFAB_TRUST_PROXY",
    aka: ["proxy", "proxies", "trusted-proxies"],
    help:
      "IP address or CIDR range of a reverse proxy whose\nX-Forwarded-For and X-Forwarded-Proto headers are\ntrusted. Separate several with commas",
  },
  journal: {
    value: "KIND",
    choices: ["sqlite", "memory"],
    default: "sqlite",
    env: "CONFAB_JOURNAL",
    aka: ["storage", "store"],
    help: "Message store: sqlite (on disk) or memory (lost on\nrestart)",
  },
  transport: {
    value: "KIND",
    choices: ["deno", "ws"],
    env: "CONFAB_TRANSPORT",
    help:
      "HTTP server: deno or ws. ws is faster and has\nstricter limits against hostile clients.\nWithout it: ws with --cert, otherwise deno",
  },
  "log-format": {
    value: "KIND",
    choices: ["text", "json"],
    env: "CONFAB_LOG_FORMAT",
    aka: ["log", "logs", "json", "format"],
    help: "Log format: text or json. Without it: text on a\nterminal, otherwise json",
  },
  "log-level": {
    value: "LEVEL",
    choices: LOG_LEVELS,
    default: "info",
    env: "CONFAB_LOG_LEVEL",
    aka: ["level", "verbose", "quiet", "verbosity"],
    help: `Minimum level to log: ${listChoices(LOG_LEVELS)}`,
  },
  "allow-origin": {
    value: "ORIGIN",
    env: "CONFAB_ALLOW_ORIGIN",
    aka: ["cors", "origin", "origins"],
    help:
      "Origin whose web pages may use the server, such\nas https://example.org. Separate several with commas",
  },
  hook: {
    value: "[ROOM=]URL",
    env: "CONFAB_HOOK",
    aka: ["webhook"],
    help:
      "Webhook: POST every message, or every message of\nROOM, to this URL. Repeat the flag for several.\nRequires a hook secret",
  },
  "hook-secret-file": {
    value: "FILE",
    env: "CONFAB_HOOK_SECRET_FILE",
    aka: ["secret", "hook-secret"],
    help:
      `File with the secret that signs webhook requests\n(16 bytes or more); or set ${HOOK_SECRET_ENV}`,
  },
  "github-secret-file": {
    value: "FILE",
    env: "CONFAB_GITHUB_SECRET_FILE",
    aka: ["github", "github-secret"],
    help:
      `File with the secret of GitHub webhooks (16 bytes\nor more), whose signature payloads then need; or\nset ${GITHUB_SECRET_ENV}`,
  },
  "metrics-token-file": {
    value: "FILE",
    env: "CONFAB_METRICS_TOKEN_FILE",
    aka: ["metrics", "metrics-token"],
    help:
      `File with the bearer token that lets other machines\nread /metrics (16 bytes or more); or set\n${METRICS_TOKEN_ENV}`,
  },
  "password-file": {
    value: "FILE",
    env: "CONFAB_PASSWORD_FILE",
    aka: ["password", "pass", "auth"],
    help: `File with the password that protects the server; or\nset ${PASSWORD_ENV}`,
  },
  "operator-file": {
    value: "FILE",
    env: "CONFAB_OPERATOR_FILE",
    aka: ["operator", "operator-key", "admin"],
    help:
      `File with the key that operators sign in with (16\nbytes or more); or set ${OPERATOR_KEY_ENV}`,
  },
  qr: { aka: ["qrcode"], help: "Print the network URL as a QR code" },
} as const satisfies Record<string, Flag>;
