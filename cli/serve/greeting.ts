// Formats the greeting that the server prints on standard output once it listens.
import { encode } from "uqr";
import deno from "../../deno.json" with { type: "json" };
import type { ServeConfig } from "../config/config.ts";
import { isWildcardHost, serverUrl } from "../config/values.ts";

/** Facts of the greeting. */
export interface Greeting {
  readonly version: string;
  /** Time since the process started. */
  readonly startupMs: number;
  /** URL for this machine. */
  readonly localUrl: string;
  /** URLs for other machines on the network. */
  readonly networkUrls: readonly string[];
  readonly journal: "sqlite" | "memory";
  readonly data: string;
  readonly keep: number;
  /** Whether the server accepts no other names than those of the local network. */
  readonly isLocal: boolean;
  /** Whether the server requires a password. */
  readonly hasPassword: boolean;
  readonly hasQr: boolean;
  /** Whether the output is a terminal, rather than a file or a pipe. */
  readonly isTerminal: boolean;
  /** Whether colors are allowed on a terminal. */
  readonly hasColor: boolean;
}

/** White modules around a code. The standard requires four, but two are enough for scanners. */
const QR_BORDER = 2;

/** Characters for an upper and a lower module. A block is drawn for a light module. */
const HALF_BLOCKS = [" ", "▄", "▀", "█"];

/** Returns the greeting of a server that listens on `port`. Reads the terminal and, if needed, the network interfaces. */
export function describeServer(config: ServeConfig, port: number): string {
  const isOpenToNetwork = isWildcardHost(config.hostname) && config.hosts.length === 0;
  return greet({
    ...config,
    isLocal: config.hosts.length === 0 && !config.certificate,
    hasPassword: config.password !== undefined,
    version: deno.version,
    startupMs: performance.now(),
    localUrl: serverUrl({ ...config, port }),
    networkUrls: isOpenToNetwork
      ? lanAddresses().map((hostname) => serverUrl({ ...config, hostname, port }))
      : [],
    isTerminal: Deno.stdout.isTerminal(),
    hasColor: !Deno.noColor,
  });
}

/** Returns the addresses under which others on the network reach this machine. */
function lanAddresses(): string[] {
  return Deno.networkInterfaces()
    .filter(({ family, address }) => family === "IPv4" && !address.startsWith("127."))
    .map(({ address }) => address);
}

/** Formats the greeting. Pure. */
export function greet(greeting: Greeting): string {
  const { version, startupMs, localUrl, networkUrls } = greeting;
  const paint = (code: number, text: string) =>
    greeting.isTerminal && greeting.hasColor ? `\x1b[${code}m${text}\x1b[0m` : text;
  const row = (label: string, text: string) => `  ${paint(2, label.padEnd(8))} ${text}`;
  return [
    `${paint(1, `confab ${version}`)}   ${paint(2, `ready in ${Math.round(startupMs)} ms`)}`,
    "",
    row("Local", localUrl),
    ...networkUrls.map((url) => row("Network", url)),
    ...(greeting.isLocal ? [row("Names", "local ones; for any other, add --host NAME")] : []),
    row("Data", dataLine(greeting)),
    "",
    ...(greeting.hasQr ? [qrLines(greeting), ""] : []),
    ...(greeting.hasPassword ? lockedLines(localUrl) : openLines(localUrl)),
    "  Ctrl-C to stop, --help for options",
    "",
  ].join("\n");
}

function openLines(localUrl: string): string[] {
  return [
    "  Anyone who can reach this address can join. Lock it with --password-file.",
    `  Try   curl -d "hello" ${localUrl}r/lobby`,
  ];
}

function lockedLines(localUrl: string): string[] {
  return [
    "  Joining requires the password or an invite.",
    `  Try   confab invite ${localUrl}`,
  ];
}

function dataLine({ journal, data, keep }: Greeting): string {
  const where = journal === "memory" ? "in memory, until this program ends" : data;
  const kept = keep === 0 ? "every message" : `the last ${keep.toLocaleString("en")} messages`;
  return `${where}   (${kept} of each room)`;
}

function qrLines({ networkUrls, localUrl, isTerminal, hasColor }: Greeting): string {
  if (!isTerminal) return "  No QR code: this is not a terminal";
  const lines = drawQr(networkUrls[0] ?? localUrl);
  // Scanners need dark modules on a light ground, whatever the colors of the terminal are.
  return lines.map((line) => `  ${hasColor ? `\x1b[97;40m${line}\x1b[0m` : line}`).join("\n");
}

/** Draws a QR code in half blocks. Each character is two modules, one above the other; light ones are drawn. */
export function drawQr(text: string): string[] {
  const { data } = encode(text, { border: QR_BORDER });
  const lines: string[] = [];
  for (let y = 0; y < data.length; y += 2) {
    const row = data[y]!.map((isDark, x) => {
      const isLowerDark = data[y + 1]?.[x] ?? true; // nothing is drawn below the last row
      return HALF_BLOCKS[(isDark ? 0 : 2) + (isLowerDark ? 0 : 1)]!;
    });
    lines.push(row.join(""));
  }
  return lines;
}
