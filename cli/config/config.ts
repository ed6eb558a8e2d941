// Defines the configuration of each command, as types. parse.ts makes it from the command line and the environment.
import type { Limits } from "../../base/limits.ts";
import type { LogFormat, LogLevel } from "../../base/log.ts";
import type { CommandName, COMMANDS } from "./command_table.ts";

/** Configuration of a run of the program: one command, with all that the command needs. */
export type Config =
  | { readonly command: "help"; readonly about: CommandName | undefined }
  | { readonly command: "version" }
  | ServeConfig
  | SendConfig
  | TailConfig
  | ChatConfig
  | ExportConfig
  | BackupConfig
  | { readonly command: "health"; readonly url: string }
  | InviteConfig
  | { readonly command: "completions"; readonly shell: Shell };

/** Address of a server: the socket that it listens on, and the URLs that it accepts. */
export interface ServerAddress {
  readonly hostname: string;
  readonly port: number;
  /** Host names that the server accepts. Empty: IP addresses and local names; with a certificate, any name. */
  readonly hosts: readonly string[];
  /** Path prefix of all URLs, without a slash at its end. Empty: no prefix. */
  readonly base: string;
  /** Defined if the server uses https. */
  readonly certificate: CertificateFiles | undefined;
}

/** Paths of the TLS certificate chain and its private key, both PEM. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** Configuration of the server. An empty host name is every IPv4 address of the machine, port 0 any free port. */
export interface ServeConfig extends ServerAddress {
  readonly command: "serve";
  /** Kind of journal. */
  readonly journal: "sqlite" | "memory";
  /** Kind of HTTP server. */
  readonly transport: "deno" | "ws";
  /** Folder of the journal. */
  readonly data: string;
  /** Entries to keep in each room; 0 keeps all. */
  readonly keep: number;
  readonly limits: Limits;
  /** Addresses and networks of trusted reverse proxies. */
  readonly trustProxy: readonly string[];
  readonly logFormat: LogFormat;
  readonly logLevel: LogLevel;
  /** Whether to print the address as a QR code. */
  readonly hasQr: boolean;
  /** Origins whose web pages may use the server. */
  readonly allowOrigins: readonly string[];
  /** Webhooks that messages are posted to. */
  readonly hooks: readonly WebhookConfig[];
  /** Secret that signs webhook requests. Defined if there are webhooks. */
  readonly hookSecret: SecretSource | undefined;
  /** Secret that signs payloads of GitHub. Undefined accepts payloads without a signature. */
  readonly githubSecret: SecretSource | undefined;
  /** Bearer token for access to /metrics from other machines. */
  readonly metricsToken: SecretSource | undefined;
  /** Password that protects the server. */
  readonly password: SecretSource | undefined;
  /** Key that operators sign in with. */
  readonly operatorKey: SecretSource | undefined;
}

/** A webhook. */
export interface WebhookConfig {
  /** Room whose messages are posted. Undefined: every room. */
  readonly room: string | undefined;
  readonly url: string;
}

/** Source of a secret: a file, or the value of a variable. Only the value is secret itself. */
export type SecretSource = { readonly file: string } | { readonly value: string };

/** Secret that a command authenticates with. */
export interface Bearer {
  readonly kind: "password" | "operator";
  readonly from: SecretSource;
}

export interface ChatConfig {
  readonly command: "chat";
  readonly url: string;
  readonly name: string | undefined;
  readonly bearer: Bearer | undefined;
}

export interface InviteConfig {
  readonly command: "invite";
  /** URL of the server. Ends with a slash. */
  readonly base: string;
  readonly bearer: Bearer | undefined;
  readonly action:
    | { readonly type: "create"; readonly room: string | undefined; readonly hours: number }
    | { readonly type: "list" }
    | { readonly type: "revoke"; readonly id: number };
}

export interface SendConfig {
  readonly command: "send";
  /** URL of the room. */
  readonly url: string;
  /** Undefined: read standard input. */
  readonly text: string | undefined;
  readonly name: string | undefined;
  /** Idempotency key. */
  readonly id: string | undefined;
  /** Whether each line of standard input is a message. */
  readonly hasLines: boolean;
  readonly bearer: Bearer | undefined;
}

export interface TailConfig {
  readonly command: "tail";
  readonly url: string;
  /** Sequence number to start after. Undefined: the last few messages. */
  readonly since: number | undefined;
  readonly name: string | undefined;
  readonly isJson: boolean;
  readonly bearer: Bearer | undefined;
}

export interface ExportConfig {
  readonly command: "export";
  /** Room in the data folder, or URL of a room. */
  readonly from: { readonly room: string } | { readonly url: string };
  readonly format: "ndjson" | "text" | "json";
  /** Folder of the journal. */
  readonly data: string;
  readonly bearer: Bearer | undefined;
}

export interface BackupConfig {
  readonly command: "backup" | "restore";
  readonly file: string;
  /** Folder of the journal. */
  readonly data: string;
}

export type Shell = typeof COMMANDS.completions.choices[number];
