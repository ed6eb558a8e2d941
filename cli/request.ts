// One HTTP request to a server that may just be restarting, and what its answer means for whoever ran the command.
import { delay } from "@std/async/delay";
import { ChatError, type ErrorCode, ERRORS } from "../errors.ts";
import { harmless } from "./output.ts";

/** Waits between tries, each with as much again at random at most. A restart takes less than all of them together. */
const RETRY_DELAYS_MS = [250, 500, 1_000, 2_000];

/** Longest time that a server may ask us to wait, in this many steps at most. */
const MAX_RETRY_AFTER_MS = 5_000;

/** Time for the head of an answer to come. */
const ANSWER_WAIT_MS = 10_000;

/**
 * The answer to a request that may be made more than once: again where nobody answers, and after a 503.
 * @throws {ChatError} with the server's code, where it refuses with one that is known here.
 * @throws {Error} with a sentence in any other case.
 */
export async function request(url: string, init: RequestInit = {}): Promise<Response> {
  for (const wait of [...RETRY_DELAYS_MS, undefined]) {
    let response: Response;
    try {
      response = await fetchHead(url, init);
    } catch (error) {
      if (wait === undefined) throw explainFailure(url, error);
      await delay(spread(wait));
      continue;
    }
    if (response.ok) return response;
    const error = await explainRefusal(url, response);
    if (response.status !== 503 || wait === undefined) throw error;
    const askedMs = Number(response.headers.get("retry-after") ?? 0) * 1_000 || 0;
    await delay(Math.max(spread(wait), Math.min(askedMs, MAX_RETRY_AFTER_MS)));
  }
  throw new Error("unreachable");
}

/** `fetch` that gives up when the head of the answer does not come. Its body may take any time. */
export async function fetchHead(url: string, init: RequestInit): Promise<Response> {
  const late = new AbortController();
  const signal = init.signal ? AbortSignal.any([init.signal, late.signal]) : late.signal;
  const timer = setTimeout(
    () => late.abort(new DOMException(`no answer in ${ANSWER_WAIT_MS / 1_000} s`, "TimeoutError")),
    ANSWER_WAIT_MS,
  );
  try {
    return await fetch(url, { ...init, signal });
  } finally {
    clearTimeout(timer);
  }
}

/** An address for people: a password in it is not theirs to see. */
export function showUrl(url: string): string {
  return url.replace(/^(\w+:\/\/)[^/@]*@/, "$1");
}

/** What to tell about a server that did not answer. */
export function explainFailure(url: string, error: unknown): Error {
  const { message, cause } = error as Error;
  const reason = cause instanceof Error ? cause.message : message;
  const told = /refused/.test(reason)
    ? "nothing listens there. Is the server running?"
    : /dns error/.test(reason)
    ? "there is no such host"
    // Deno's messages repeat the URL, and end with what it comes to.
    : reason.split("): ").at(-1)?.replace(/\.$/, "");
  return new Error(`Cannot reach ${showUrl(url)}: ${told}`, { cause: error });
}

/** What to tell about an answer that is a refusal. Reads its body. */
export async function explainRefusal(url: string, response: Response): Promise<Error> {
  const problem = await response.json().catch(() => undefined) ?? {};
  const { detail, title, code } = problem as Partial<Record<string, unknown>>;
  const reason = [detail, title].find((text) => typeof text === "string") ??
    `it answered ${response.status}. Is it a Confab server?`;
  const message = `Cannot use ${showUrl(url)}: ${harmless(String(reason))}`;
  return typeof code === "string" && Object.hasOwn(ERRORS, code)
    ? new ChatError(code as ErrorCode, { message })
    : new Error(message);
}

function spread(ms: number): number {
  return ms * (1 + Math.random());
}
