// /healthz reports to monitoring whether the hub's loop responds, not only the listener.
import type { Hub } from "../hub.ts";
import { LOBBY } from "../protocol/names.ts";
import { isRead, refuseMethod, respond } from "./respond.ts";

/** Time for the loop to respond before it is reported as down. */
const HEALTH_WAIT_MS = 2_000;

/** Responds 200 if the hub responds in time, otherwise 503. */
export async function serveHealth(request: Request, hub: Hub): Promise<Response> {
  if (!isRead(request)) return refuseMethod("GET, HEAD");
  const isAlive = await isResponding(hub);
  const body = `${JSON.stringify({ status: isAlive ? "ok" : "down" })}\n`;
  return respond(request, body, {
    status: isAlive ? 200 : 503,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
}

async function isResponding(hub: Hub): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), HEALTH_WAIT_MS);
  hub.read(LOBBY, { after: 0 }, { entries: 1, chars: 1 })
    .then(() => resolve(true), () => resolve(false));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
