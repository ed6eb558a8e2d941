// `confab health` checks whether a server is healthy, for supervisors that restart it.
import { escapeForTerminal } from "../../protocol/terminal_safe.ts";
import { writeLine } from "../stdio.ts";
import { explainFailure, showUrl } from "./request.ts";

const HEALTH_WAIT_MS = 5_000;

/**
 * Requests the health check once. Returns 0 if the server is healthy.
 * @throws {Error} with the reason, if it is not.
 */
export async function checkHealth(url: string): Promise<number> {
  const response = await fetchHealth(url);
  const body = await response.json().catch(() => undefined);
  if (response.ok && body?.status === "ok") {
    writeLine("ok");
    return 0;
  }
  const explanation = [body?.detail, body?.title, body?.status].find((text) =>
    typeof text === "string"
  );
  const reason = explanation === undefined ? "" : `: ${escapeForTerminal(explanation)}`;
  throw new Error(
    `${showUrl(url)} is not healthy: it responded with status ${response.status}${reason}`,
  );
}

async function fetchHealth(url: string): Promise<Response> {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(HEALTH_WAIT_MS) });
  } catch (error) {
    throw explainFailure(url, error);
  }
}
