// Where and how the server listens: the limits of its sockets, why it cannot where it cannot, and where others find it.
import type { ServeConfig } from "../cli/config/config.ts";
import { ChatError } from "../protocol/errors.ts";
import type { Proxies } from "./client_address.ts";
import { ConnectionLimit } from "./connection_limit.ts";
import { type Limits, maxMessageBytes, pongWaitMs } from "../base/limits.ts";
import type { Handler, Listen, Listener, ListenOptions } from "../transport/transport.ts";

/** Time for a request's head to arrive. */
const HEAD_WAIT_MS = 5_000;

/** TCP connections for each that may be open in a room: a page loads its files, a script comes and goes. */
const SOCKETS_PER_CONNECTION = 2;

/** Where another one of us runs already, its address says more than its data folder, which is in use as well. */
export function checkAddress(config: ServeConfig): void {
  const { hostname, port } = config;
  if (port === 0) return;
  try {
    Deno.listen({ hostname: hostname || "0.0.0.0", port }).close();
  } catch (cause) {
    throw explainListening(config, cause);
  }
}

/** Lets TCP connections in, of which a transport may see those that only wait. */
export function makeSocketLimit(
  limits: Limits,
  proxies: Proxies,
): (remoteAddress: string) => () => void {
  const sockets = new ConnectionLimit({
    connections: SOCKETS_PER_CONNECTION * limits.connections,
    connectionsPerAddress: SOCKETS_PER_CONNECTION * limits.connectionsPerAddress,
  });
  return (remoteAddress) => sockets.acquire(proxies.keyOf(remoteAddress));
}

export async function listen(
  config: ServeConfig,
  { listenOn, handler, ...rest }: Pick<ListenOptions, "certificate" | "acquire" | "log"> & {
    readonly listenOn: Listen;
    readonly handler: Handler;
  },
): Promise<Listener> {
  const { hostname, port, limits } = config;
  try {
    return await listenOn(handler, {
      hostname,
      port,
      pongWaitMs: pongWaitMs(limits),
      maxMessageBytes: maxMessageBytes(limits),
      headWaitMs: HEAD_WAIT_MS,
      ...rest,
    });
  } catch (cause) {
    throw explainListening(config, cause);
  }
}

function explainListening({ hostname, port }: ServeConfig, cause: unknown): ChatError {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const where = `${hostname || "all addresses"}, port ${port}`;
  const reason = cause instanceof Deno.errors.AddrInUse
    ? `it is in use. Stop the other program, or choose another port with --addr ${host}:PORT`
    : (cause as Error).message;
  const message = `Cannot listen on ${where}: ${reason}`;
  return new ChatError("address_unavailable", { cause, message });
}

/** Where others on the network find this machine. */
export function lanAddresses(): string[] {
  return Deno.networkInterfaces()
    .filter(({ family, address }) => family === "IPv4" && !address.startsWith("127."))
    .map(({ address }) => address);
}
