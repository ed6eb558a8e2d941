// Opens the server's port: limits the sockets of each address, and explains why a port cannot be used.
import type { LimitLog } from "../base/address_budget.ts";
import { type Limits, maxMessageBytes, pongWaitMs } from "../base/limits.ts";
import type { WaitingBytes } from "../base/waiting_bytes.ts";
import { ChatError } from "../protocol/errors.ts";
import type { Handler, Listen, Listener, ListenOptions } from "../transport/transport.ts";
import type { Proxies } from "./client_address.ts";
import { ConnectionLimit } from "./connection_limit.ts";

/** Time for a request's head to arrive. */
const HEAD_WAIT_MS = 5_000;

/** Open TCP connections for each connection of a room: a page loads its files, a script connects for one request. */
const SOCKETS_PER_CONNECTION = 2;

/** Address to listen on: an empty host name is every IPv4 address, port 0 any free port. */
type ListenAddress = Pick<ListenOptions, "hostname" | "port">;

/**
 * Checks that the port is free. Called before the data folder is opened: if Confab already runs, "address in use" is a
 * better error than a locked folder.
 * @throws {ChatError} `address_unavailable`
 */
export function checkAddress(address: ListenAddress): void {
  const { hostname, port } = address;
  if (port === 0) return;
  try {
    Deno.listen({ hostname: hostname || "0.0.0.0", port }).close();
  } catch (cause) {
    throw explainListening(address, cause);
  }
}

/**
 * Listens with the transport `listenOn`, bounded by `limits`.
 * @throws {ChatError} `address_unavailable`
 */
export async function listen(
  { hostname, port, limits }: ListenAddress & { readonly limits: Limits },
  { listenOn, handler, proxies, waiting, limitLog, certificate, log }:
    & Pick<ListenOptions, "certificate" | "log">
    & {
      readonly listenOn: Listen;
      readonly handler: Handler;
      readonly proxies: Proxies;
      readonly waiting: WaitingBytes;
      readonly limitLog: LimitLog;
    },
): Promise<Listener> {
  try {
    return await listenOn(handler, {
      hostname,
      port,
      pongWaitMs: pongWaitMs(limits),
      maxMessageBytes: maxMessageBytes(limits),
      headWaitMs: HEAD_WAIT_MS,
      acquire: makeSocketLimit(limits, { proxies, limitLog }),
      isProxy: (address) => proxies.trusts(address),
      hold: (address, answer) => waiting.hold(proxies.keyOf(address), answer),
      certificate,
      log,
    });
  } catch (cause) {
    throw explainListening({ hostname, port }, cause);
  }
}

/** Makes the limit of TCP connections. A transport acquires one for each socket that it sees, also for idle ones. */
function makeSocketLimit(
  limits: Limits,
  { proxies, limitLog }: { readonly proxies: Proxies; readonly limitLog: LimitLog },
): (remoteAddress: string) => () => void {
  const sockets = new ConnectionLimit({
    connections: SOCKETS_PER_CONNECTION * limits.connections,
    connectionsPerAddress: SOCKETS_PER_CONNECTION * limits.connectionsPerAddress,
  }, { limitLog });
  return (remoteAddress) => sockets.acquire(proxies.keyOf(remoteAddress));
}

function explainListening({ hostname, port }: ListenAddress, cause: unknown): ChatError {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const where = `${hostname || "all addresses"}, port ${port}`;
  const reason = cause instanceof Deno.errors.AddrInUse
    ? `it is in use. Stop the other program, or choose another port with --addr ${host}:PORT`
    : (cause as Error).message;
  const message = `Cannot listen on ${where}: ${reason}`;
  return new ChatError("address_unavailable", { cause, message });
}
