// Parses the values of flags and variables. Pure. All parsers throw `bad_usage`, with the source of the value and what was
// expected.
import ipaddr from "ipaddr.js";
import { parseRoomName } from "../../protocol/names.ts";
import type { ServerAddress, WebhookConfig } from "./config.ts";
import { badUsage, type ConfigValue, listChoices } from "./flags.ts";

/** Parses `HOST:PORT`, `:PORT` or `[IPV6]:PORT`. */
export function parseAddr(
  { value: addr, source }: ConfigValue,
): { hostname: string; port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(addr);
  const port = Number(match?.[3]);
  if (!match || port > 65535) {
    throw badUsage(`Cannot parse ${source}: expected HOST:PORT, received "${addr}"`);
  }
  return { hostname: match[1] ?? match[2] ?? "", port };
}

/** Returns the URL of the server for this machine: with its first name, or with `localhost` if it listens everywhere. */
export function serverUrl({ hostname, port, hosts, base, certificate }: ServerAddress): string {
  const host = hosts[0] ?? (isWildcardHost(hostname) ? "localhost" : hostname);
  const authority = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  return `http${certificate ? "s" : ""}://${authority}:${port}${base}/`;
}

/** Reports whether the host name stands for every address of the machine. */
export function isWildcardHost(hostname: string): boolean {
  return ["", "0.0.0.0", "::"].includes(hostname);
}

export function parseChoice<T extends string>(
  { value, source }: ConfigValue,
  choices: readonly T[],
): T {
  const choice = choices.find((choice) => choice === value);
  if (choice) return choice;
  throw badUsage(`Cannot parse ${source}: expected ${listChoices(choices)}, received "${value}"`);
}

export function parseCount({ value, source }: ConfigValue): number {
  const count = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
  if (count >= 0) return count;
  throw badUsage(`Cannot parse ${source}: expected a whole number, 0 or more, received "${value}"`);
}

/** Parses a limit: 0 is no limit. */
export function parseLimit(value: ConfigValue): number {
  return parseCount(value) || Infinity;
}

/** Bytes of each unit of a size. */
const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** Minimum limit of a data folder: what an empty journal and its write-ahead log need, and some. */
const MIN_DATA_BYTES = 20 * UNITS["M"]!;

/** Parses the limit of a data folder, in bytes or with a unit: 0 is no limit. */
export function parseDataBytes({ value, source }: ConfigValue): number {
  const [, digits, unit] = /^(\d{1,15})(?:([KMGT])(?:i?B)?)?$/i.exec(value) ?? [];
  const bytes = Number(digits) * (unit ? UNITS[unit.toUpperCase()]! : 1);
  if (bytes === 0) return Infinity;
  if (bytes >= MIN_DATA_BYTES) return bytes;
  throw badUsage(
    `Cannot parse ${source}: expected a size of at least 20M, such as 500M or 10G, or 0, received "${value}"`,
  );
}

/** Parses addresses, and networks in CIDR notation, separated by commas. */
export function parseNetworks({ value, source }: ConfigValue): string[] {
  const networks = value.split(",").map((network) => network.trim());
  const wrong = networks.find((network) => !ipaddr.isValidCIDR(network) && !isAddress(network));
  if (wrong === undefined) return networks;
  throw badUsage(
    `Cannot parse ${source}: expected an IP address or a CIDR range such as 10.0.0.0/8, received "${wrong}"`,
  );
}

/** Reports whether the text is an address in full. The old short forms, in which `1` is an address, are not. */
function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);
}

export function parseOrigins({ value, source }: ConfigValue): string[] {
  const origins = value.split(",").map((origin) => origin.trim());
  const wrong = origins.find((origin) =>
    !/^https?:/.test(origin) || !URL.canParse(origin) || new URL(origin).origin !== origin
  );
  if (wrong === undefined) return origins;
  throw badUsage(
    `Cannot parse ${source}: expected an origin such as https://example.org, received "${wrong}"`,
  );
}

/** Parses host names into the form in which they are compared: in lower case, in ASCII (Punycode), without a dot at the end. */
export function parseHosts({ value, source }: ConfigValue): string[] {
  return value.split(",").map((part) => {
    const name = part.trim();
    const url = URL.parse(`http://${name}`);
    if (url && !/[/?#@\\]|:\d*$/.test(name.replace(/^\[.*\]$/, ""))) {
      return url.hostname.replace(/\.$/, "");
    }
    throw badUsage(
      `Cannot parse ${source}: expected a host name without a port, such as chat.example.org, ` +
        `received "${name}"`,
    );
  });
}

/** Parses a path, with or without slashes around it. Returns an empty string for `/`. */
export function parseBase({ value, source }: ConfigValue): string {
  const path = value.replace(/^\//, "").replace(/\/$/, "");
  if (path === "") return "";
  const isPlain = path.split("/").every((part) => /^(?!\.\.?$)[\w.~-]+$/.test(part));
  if (isPlain) return `/${path}`;
  throw badUsage(
    `Cannot parse ${source}: expected a path of letters, digits and - . _ ~, such as /chat, ` +
      `received "${value}"`,
  );
}

/** Parses webhooks, `[ROOM=]URL`, separated by commas. No error shows a URL, because it may contain a secret. */
export function parseHooks({ value, source }: ConfigValue): WebhookConfig[] {
  return value.split(",").map((part, i) => {
    const [, name, url] = /^(?:([^:/?#=]*)=)?(.*)$/s.exec(part.trim())!;
    const room = name === undefined ? undefined : parseRoomName(name);
    if (name !== undefined && room === undefined) {
      throw badUsage(`Cannot parse ${source}: expected a room name, received "${name}"`);
    }
    if (/^https?:\/\/\S+$/i.test(url!) && URL.canParse(url!)) return { room, url: url! };
    throw badUsage(
      `Cannot parse ${source}: expected [ROOM=]URL with http:// or https://, ` +
        `received another value in item ${i + 1}. Write a comma within a URL as %2C`,
    );
  });
}
