// Runs a server while it is used.
import { Unavailable } from "./peers.ts";
import type { RunningServer } from "./servers.ts";

/** Starts a server, uses it and ends it. An error meanwhile is reported with the server's last output. */
export async function serve<T>(
  start: () => Promise<RunningServer>,
  use: (running: RunningServer) => Promise<T>,
): Promise<T> {
  await using running = await start();
  try {
    return await use(running);
  } catch (error) {
    if (error instanceof Unavailable) throw error;
    const lastWords = running.log().trim().split("\n").at(-1);
    if (!lastWords) throw error;
    const { message } = error as Error;
    throw new Error(`${message}; the server said last: ${lastWords}`, { cause: error });
  }
}
