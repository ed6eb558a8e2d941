// Sends an HTTP request to a server that may be restarting, retries it, and explains failures and refusals to the user.
import { delay } from "@std/async/delay";
import { ChatError, type ErrorCode, ERRORS } from "../../protocol/errors.ts";
import { backOffMs, parseRetryAfterMs } from "../../base/retry.ts";
import { escapeForTerminal } from "../../protocol/terminal_safe.ts";

/** Maximum pauses before a retry, after failures in a row. */
const BACK_OFF = { firstMs: 600, maxMs: 20_000 };

/** Maximum attempts of a request that a user waits for. The pauses between them are 4.5 to 9 s: a restart takes less. */
const MAX_ATTEMPTS = 5;

/** Maximum Retry-After of such a request, and of any other. */
const MAX_PAUSE_MS = 5_000;
const MAX_RETRY_AFTER_MS = 10 * 60_000;

/** Time for the head of a response to arrive, and for all of it. */
const HEAD_WAIT_MS = 10_000;
const RESPONSE_WAIT_MS = 60_000;

const TOO_MANY_REQUESTS = 429;

/** Statuses below 500 of refusals that may be temporary. The others are 408 Request Timeout and 425 Too Early. */
const TEMPORARY = [408, 425, TOO_MANY_REQUESTS];

/** Default port of the server. */
const DEFAULT_PORT = 8080;

/** The server is unavailable now, but a retry may succeed. */
export class UnavailableError extends Error {
  /** Minimum pause before a retry. */
  readonly retryAfterMs: number;

  /** Whether the server is available, but limits the rate of requests. */
  readonly isBusy: boolean;

  constructor(
    message: string,
    options: ErrorOptions & { readonly retryAfterMs?: number; readonly isBusy?: boolean } = {},
  ) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs ?? 0;
    this.isBusy = options.isBusy ?? false;
  }
}

/** A successful response, with its whole body. */
export interface HttpResult {
  readonly status: number;
  /** Media type of the body. */
  readonly type: string;
  /** Body parsed as JSON; undefined if it is not JSON. */
  readonly json: unknown;
}

export interface RequestOptions
  extends Pick<RequestInit, "method" | "headers" | "body" | "redirect"> {
  /** Called when the server becomes unavailable. With it, the request is retried until the server responds. */
  readonly onLost?: (error: Error) => void;
  /** Called when the server responds again. */
  readonly onFound?: () => void;
  /** Waits for a number of milliseconds. */
  readonly pause?: (ms: number) => Promise<void>;
  /** Time for all of a response to arrive. Default: {@linkcode RESPONSE_WAIT_MS}. */
  readonly responseMs?: number;
}

/**
 * Sends an idempotent request, and retries it after each {@linkcode UnavailableError}.
 * @throws {ChatError} if the server refuses with a code of the error table.
 * @throws {Error} with a sentence in any other case.
 */
export async function request(url: string, options: RequestOptions = {}): Promise<HttpResult> {
  const { onLost, onFound, pause = delay, responseMs = RESPONSE_WAIT_MS, ...init } = options;
  const startedAt = performance.now();
  let isLost = false;
  for (let failures = 0;; failures++) {
    try {
      const result = await sendOnce(url, init, responseMs);
      if (isLost) onFound?.();
      return result;
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      const isLast = failures + 1 === MAX_ATTEMPTS || performance.now() - startedAt >= responseMs;
      if (!onLost && isLast) throw error;
      if (!isLost && !error.isBusy) {
        isLost = true;
        onLost?.(error);
      }
      const minPauseMs = onLost ? error.retryAfterMs : Math.min(error.retryAfterMs, MAX_PAUSE_MS);
      await pause(Math.max(minPauseMs, backOffMs(failures + 1, BACK_OFF, Math.random())));
    }
  }
}

/** Returns the pause that a server requests, within bounds; 0 if it is not a number. */
export function boundRetryAfter(ms: unknown): number {
  return Math.min(Math.max(Number(ms) || 0, 0), MAX_RETRY_AFTER_MS);
}

/** Sends the request once. */
async function sendOnce(url: string, init: RequestInit, responseMs: number): Promise<HttpResult> {
  return await within(responseMs, "the response did not end", async (signal) => {
    const response = await fetchHead(url, { ...init, signal });
    const text = await response.text().catch((error) => {
      throw explainFailure(url, error);
    });
    const type = response.headers.get("content-type") ?? "no type";
    return { status: response.status, type, json: parseJson(text) };
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not JSON
  }
}

/**
 * Calls `fetch` with a deadline for the head of the response. The body may take any time.
 * @throws {UnavailableError} if the server does not respond, or its refusal may be temporary.
 * @throws {ChatError} or another error, as {@linkcode request} does, if the refusal is permanent.
 */
export async function fetchHead(url: string, init: RequestInit): Promise<Response> {
  const response = await within(HEAD_WAIT_MS, "no response", (late) => {
    const signal = init.signal ? AbortSignal.any([init.signal, late]) : late;
    return fetch(url, { ...init, signal });
  }).catch((error) => {
    throw explainFailure(url, error);
  });
  if (response.ok) return response;
  throw await explainRefusal(url, response);
}

/** Runs `act` with a deadline, after which its signal is aborted with `failure`. */
async function within<T>(
  ms: number,
  failure: string,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new DOMException(`${failure} within ${ms / 1_000} s`, "TimeoutError")),
    ms,
  );
  try {
    return await act(late.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** Formats a URL for messages: without a password, which must not be shown, and without the query, which we have added. */
export function showUrl(url: string): string {
  return url.replace(/^(\w+:\/\/)[^/@]*@/, "$1").replace(/\?.*/s, "");
}

/** Makes the error for a response that does not come from Confab. */
export function notConfab(url: string, reason: string): Error {
  return new Error(
    `Cannot use ${showUrl(url)}: ${escapeForTerminal(reason)}. Is it a Confab room?`,
  );
}

/** Makes the error for a server that did not respond. */
export function explainFailure(url: string, error: unknown): UnavailableError {
  const { message, cause } = error as Error;
  const reason = cause instanceof Error ? cause.message : message;
  const explanation = /refused/.test(reason)
    ? `connection refused. ${hasNoPort(url) ? suggestPort(url) : "Is the server running?"}`
    : /dns error/.test(reason)
    ? "host not found"
    // Deno's messages repeat the URL, and end with the reason.
    : reason.split("): ").at(-1)?.replace(/\.$/, "");
  return new UnavailableError(`Cannot reach ${showUrl(url)}: ${explanation}`, { cause: error });
}

/** Reports whether the URL is `http` without a port, which is usually a mistake. */
function hasNoPort(url: string): boolean {
  const { protocol, port } = new URL(url);
  return protocol === "http:" && port === "";
}

function suggestPort(url: string): string {
  return `Did you mean ${new URL(url).hostname}:${DEFAULT_PORT}?`;
}

/** Makes the error for a refusal. Reads the body of the response. */
async function explainRefusal(url: string, response: Response): Promise<Error> {
  const { status, headers } = response;
  const problem = await response.json().catch(() => undefined) ?? {};
  const { detail, title, code } = problem as Partial<Record<string, unknown>>;
  const reason = [detail, title].find((text) => typeof text === "string");
  const location = status < 400 ? headers.get("location") : null;
  const message = location !== null && URL.canParse(location, url)
    ? showMove(url, new URL(location, url).href)
    : reason === undefined
    ? notConfab(url, `the server responded with status ${status}`).message
    : `Cannot use ${showUrl(url)}: ${escapeForTerminal(String(reason))}${hintFor(code)}`;
  if (status >= 500 || TEMPORARY.includes(status)) {
    const bounds = { nowMs: Date.now(), maxMs: MAX_RETRY_AFTER_MS };
    const retryAfterMs = parseRetryAfterMs(headers.get("retry-after"), bounds);
    return new UnavailableError(message, { retryAfterMs, isBusy: status === TOO_MANY_REQUESTS });
  }
  return typeof code === "string" && Object.hasOwn(ERRORS, code)
    ? new ChatError(code as ErrorCode, { message })
    : new Error(message);
}

function hintFor(code: unknown): string {
  if (code !== "sign_in_first") return "";
  return `. Add --password-file FILE or set CONFAB_PASSWORD`;
}

function showMove(from: string, to: string): string {
  return `Cannot use ${showUrl(from)}: it has moved. Use ${escapeForTerminal(showUrl(to))}`;
}
