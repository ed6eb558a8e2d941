// Describes a parsed command line: the command, and all that it needs to know. Types only; parse.ts makes them.
import type { Limits } from "../../base/limits.ts";
import type { LogFormat, LogLevel } from "../../base/log.ts";
import type { CommandName, COMMANDS } from "./command_table.ts";

/** What the program was asked to do. */
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

/** Where a server is, as far as its address says. */
export interface ServerAddress {
  readonly hostname: string;
  readonly port: number;
  /** Names that it goes by; none for any name. */
  readonly hosts: readonly string[];
  /** The path that everything is below, without a slash at its end; empty for none. */
  readonly base: string;
  /** There is one where it speaks https. */
  readonly certificate: CertificateFiles | undefined;
}

/** Where the certificate and its key are, both as PEM. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** An empty host name means every IPv4 address of the machine, port 0 any free one. */
export interface ServeConfig extends ServerAddress {
  readonly command: "serve";
  /** Where the journal is. */
  readonly journal: "sqlite" | "memory";
  /** What accepts connections. */
  readonly transport: "deno" | "ws";
  /** The journal's folder. */
  readonly data: string;
  /** Entries kept in each room; 0 for all. */
  readonly keep: number;
  readonly limits: Limits;
  /** Addresses and networks of proxies that are believed. */
  readonly trustProxy: readonly string[];
  readonly logFormat: LogFormat;
  readonly logLevel: LogLevel;
  /** Whether to show the address as a QR code. */
  readonly hasQr: boolean;
  /** Sites whose pages may use this server. */
  readonly allowOrigins: readonly string[];
  /** Where to post what is said. */
  readonly hooks: readonly WebhookConfig[];
  /** There is one where there are hooks. */
  readonly hookSecret: SecretSource | undefined;
  /** Who has it may see the metrics from elsewhere. */
  readonly metricsToken: SecretSource | undefined;
  /** Of everybody. */
  readonly password: SecretSource | undefined;
  readonly operatorKey: SecretSource | undefined;
}

/** Where to post what is said in a room, or in any. */
export interface WebhookConfig {
  readonly room: string | undefined;
  readonly url: string;
}

/** Where a secret is: nothing in it is a secret but the value. */
export type SecretSource = { readonly file: string } | { readonly value: string };

/** What a command shows to be let in. */
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
  /** Of the server; ends in a slash. */
  readonly base: string;
  readonly bearer: Bearer | undefined;
  readonly wish:
    | { readonly type: "make"; readonly room: string | undefined; readonly hours: number }
    | { readonly type: "list" }
    | { readonly type: "revoke"; readonly id: number };
}

export interface SendConfig {
  readonly command: "send";
  readonly url: string;
  /** Undefined: what standard input holds. */
  readonly text: string | undefined;
  readonly name: string | undefined;
  readonly id: string | undefined;
  /** Whether each line of standard input is a message. */
  readonly hasLines: boolean;
  readonly bearer: Bearer | undefined;
}

export interface TailConfig {
  readonly command: "tail";
  readonly url: string;
  /** The `seq` to begin behind. */
  readonly since: number | undefined;
  readonly name: string | undefined;
  readonly isJson: boolean;
  readonly bearer: Bearer | undefined;
}

export interface ExportConfig {
  readonly command: "export";
  /** A room in the data folder, or the URL of one. */
  readonly from: { readonly room: string } | { readonly url: string };
  readonly format: "ndjson" | "text" | "json";
  /** The journal's folder. */
  readonly data: string;
  readonly bearer: Bearer | undefined;
}

export interface BackupConfig {
  readonly command: "backup" | "restore";
  readonly file: string;
  /** The journal's folder. */
  readonly data: string;
}

export type Shell = typeof COMMANDS.completions.choices[number];
