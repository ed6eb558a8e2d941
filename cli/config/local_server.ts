// The server of this machine, as its environment says: for a command that is given no URL. Pure. All throw `bad_usage` for a
// variable that is wrong.
import { isLoopback } from "../../base/ip_address.ts";
import { COMMANDS } from "./command_table.ts";
import type { ServerAddress } from "./config.ts";
import { badUsage, type Env, parseCommand } from "./flags.ts";
import { parseServerAddress } from "./serve.ts";
import { isEverywhere, urlAt } from "./values.ts";

/**
 * Where to ask for its health. By the address that it listens on, wherever it answers by any name: a name without a
 * certificate may lead to a proxy, and in a container nowhere.
 */
export function healthUrl(env: Env): string {
  const place = placeOf(env);
  const isByName = place.certificate || !isHere(place.hostname);
  return `${urlAt(isByName ? place : { ...place, hosts: [] })}healthz`;
}

/** Where guests find it. @throws {ChatError} `bad_usage` where only the proxy in front knows that. */
export function guestUrl(env: Env): string {
  const place = placeOf(env);
  const [name] = place.hosts;
  if (name === undefined || place.certificate) return urlAt(place);
  throw badUsage(
    "Cannot determine the URL for guests: CONFAB_HOST is set without CONFAB_CERT, " +
      `so a reverse proxy may be in front. Pass the URL: confab invite https://${name}${place.base}/`,
  );
}

/** Whether this machine gets there by its loopback address. */
function isHere(hostname: string): boolean {
  return isEverywhere(hostname) || hostname === "localhost" || isLoopback(hostname);
}

function placeOf(env: Env): ServerAddress {
  return parseServerAddress(parseCommand(COMMANDS.serve, [], env));
}
