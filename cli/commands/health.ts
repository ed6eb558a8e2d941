// `confab health`: whether a server works, for whatever restarts it.
import { escapeForTerminal } from "../../protocol/terminal_safe.ts";
import { writeLine } from "../stdio.ts";
import { explainFailure, showUrl } from "./request.ts";

const HEALTH_WAIT_MS = 5_000;

/**
 * Asks once. Gives 0 when it works.
 * @throws {Error} when it does not, with the reason.
 */
export async function checkHealth(url: string): Promise<number> {
  const response = await ask(url);
  const body = await response.json().catch(() => undefined);
  if (response.ok && body?.status === "ok") {
    writeLine("ok");
    return 0;
  }
  const told = [body?.detail, body?.title, body?.status].find((text) => typeof text === "string");
  const reason = told === undefined ? "" : `: ${escapeForTerminal(told)}`;
  throw new Error(
    `${showUrl(url)} is not healthy: it responded with status ${response.status}${reason}`,
  );
}

async function ask(url: string): Promise<Response> {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(HEALTH_WAIT_MS) });
  } catch (error) {
    throw explainFailure(url, error);
  }
}
