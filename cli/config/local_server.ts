// Finds the server of this machine by the environment variables, for commands that are run without a URL. Pure. All
// functions throw `bad_usage` for a variable that is wrong.
import { isLoopback } from "../../base/ip_address.ts";
import { COMMANDS } from "./command_table.ts";
import type { ServerAddress } from "./config.ts";
import { badUsage, type Env, parseCommand } from "./flags.ts";
import { parseServerAddress } from "./serve.ts";
import { isWildcardHost, serverUrl } from "./values.ts";

/**
 * Returns the URL of the health check. It uses the address that the server listens on, unless the server accepts only its
 * names there. A host name without a certificate may lead to a reverse proxy, and in a container nowhere.
 */
export function healthUrl(env: Env): string {
  const address = readAddress(env);
  const isByName = address.certificate || !isLocal(address.hostname);
  return `${serverUrl(isByName ? address : { ...address, hosts: [] })}healthz`;
}

/**
 * Returns the URL of the server for guests.
 * @throws {ChatError} `bad_usage` if a reverse proxy may be in front, because only the proxy knows the URL.
 */
export function guestUrl(env: Env): string {
  const address = readAddress(env);
  const [name] = address.hosts;
  if (name === undefined || address.certificate) return serverUrl(address);
  throw badUsage(
    "Cannot determine the URL for guests: CONFAB_HOST is set without CONFAB_CERT, " +
      `so a reverse proxy may be in front. Pass the URL: confab invite https://${name}${address.base}/`,
  );
}

/** Reports whether this machine reaches the server by its loopback address. */
function isLocal(hostname: string): boolean {
  return isWildcardHost(hostname) || hostname === "localhost" || isLoopback(hostname);
}

function readAddress(env: Env): ServerAddress {
  return parseServerAddress(parseCommand(COMMANDS.serve, [], env));
}
