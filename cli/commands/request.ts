// One HTTP request to a server that may just be restarting, and what its answer means for whoever ran the command.
import { delay } from "@std/async/delay";
import { ChatError, type ErrorCode, ERRORS } from "../../protocol/errors.ts";
import { backOffMs, parseRetryAfterMs } from "../../base/retry.ts";
import { escapeForTerminal } from "../../protocol/terminal_safe.ts";

/** Waits after failures in a row. */
const BACK_OFF = { firstMs: 600, maxMs: 20_000 };

/** Tries of a request that somebody waits for. The waits between them are 4.5 to 9 s: a restart takes less. */
const MAX_TRIES = 5;

/** Longest time that a server may ask such a request to wait, and any other. */
const MAX_PAUSE_MS = 5_000;
const MAX_RETRY_AFTER_MS = 10 * 60_000;

/** Time for the head of an answer to come, and for all of it. */
const HEAD_WAIT_MS = 10_000;
const ANSWER_WAIT_MS = 60_000;

/** Refusals below 500 that may be none later: a body that came too late, too early, too many requests. */
const TOO_MANY_REQUESTS = 429;
const PASSING = [408, 425, TOO_MANY_REQUESTS];

/** Where a server of ours listens unless it is told otherwise. */
const USUAL_PORT = 8080;

/** There is no answer now, but there may be one later. */
export class AwayError extends Error {
  /** How long it makes no sense to ask again. */
  readonly retryAfterMs: number;

  /** The server is there, and only wants less at a time. */
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

/** An answer that is no refusal. */
export interface Answer {
  readonly status: number;
  /** The media type, as the server tells it. */
  readonly type: string;
  /** What the body is in JSON; undefined where it is none. */
  readonly json: unknown;
}

export interface RequestOptions
  extends Pick<RequestInit, "method" | "headers" | "body" | "redirect"> {
  /** Told when it begins to wait. Where it is given, the request waits for as long as the server is away. */
  readonly onLost?: (error: Error) => void;
  /** Told when it has waited, and has its answer. */
  readonly onFound?: () => void;
  /** What it waits with, in milliseconds. */
  readonly pause?: (ms: number) => Promise<void>;
  /** Time for all of an answer to come. {@linkcode ANSWER_WAIT_MS} unless told otherwise. */
  readonly answerMs?: number;
}

/**
 * The answer to a request that may be made more than once: again while {@linkcode AwayError} says that it may help.
 * @throws {ChatError} with the server's code, where it refuses with one that is known here.
 * @throws {Error} with a sentence in any other case.
 */
export async function request(url: string, options: RequestOptions = {}): Promise<Answer> {
  const { onLost, onFound, pause = delay, answerMs = ANSWER_WAIT_MS, ...init } = options;
  const startedAt = performance.now();
  let isLost = false;
  for (let failures = 0;; failures++) {
    try {
      const answer = await ask(url, init, answerMs);
      if (isLost) onFound?.();
      return answer;
    } catch (error) {
      if (!(error instanceof AwayError)) throw error;
      const isLast = failures + 1 === MAX_TRIES || performance.now() - startedAt >= answerMs;
      if (!onLost && isLast) throw error;
      if (!isLost && !error.isBusy) {
        isLost = true;
        onLost?.(error);
      }
      const askedMs = onLost ? error.retryAfterMs : Math.min(error.retryAfterMs, MAX_PAUSE_MS);
      await pause(Math.max(askedMs, backOffMs(failures + 1, BACK_OFF, Math.random())));
    }
  }
}

/** A time to wait as a server asks for it, within reason; none where it is no number. */
export function boundRetryAfter(ms: unknown): number {
  return Math.min(Math.max(Number(ms) || 0, 0), MAX_RETRY_AFTER_MS);
}

/** Tries once. */
async function ask(url: string, init: RequestInit, answerMs: number): Promise<Answer> {
  return await within(answerMs, "the response did not end", async (signal) => {
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
    return undefined; // told as being none
  }
}

/**
 * `fetch` that gives up when the head of the answer does not come. Its body may take any time.
 * @throws {AwayError} when nobody answers, or a refusal may be none later.
 * @throws {ChatError} or another error as {@linkcode request} does, when it is refused for good.
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

async function within<T>(
  ms: number,
  what: string,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new DOMException(`${what} within ${ms / 1_000} s`, "TimeoutError")),
    ms,
  );
  try {
    return await act(late.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** An address for people: without a password, which is not theirs to see, and without a query, which is not theirs. */
export function showUrl(url: string): string {
  return url.replace(/^(\w+:\/\/)[^/@]*@/, "$1").replace(/\?.*/s, "");
}

/** What to tell about an answer that no Confab gives. */
export function notConfab(url: string, answer: string): Error {
  return new Error(
    `Cannot use ${showUrl(url)}: ${escapeForTerminal(answer)}. Is it a Confab room?`,
  );
}

/** What to tell about a server that did not answer. */
export function explainFailure(url: string, error: unknown): AwayError {
  const { message, cause } = error as Error;
  const reason = cause instanceof Error ? cause.message : message;
  const told = /refused/.test(reason)
    ? `connection refused. ${isUsualWeb(url) ? suggestPort(url) : "Is the server running?"}`
    : /dns error/.test(reason)
    ? "host not found"
    // Deno's messages repeat the URL, and end with what it comes to.
    : reason.split("): ").at(-1)?.replace(/\.$/, "");
  return new AwayError(`Cannot reach ${showUrl(url)}: ${told}`, { cause: error });
}

/** Whether it is `http` without a port, which is hardly ever meant. */
function isUsualWeb(url: string): boolean {
  const { protocol, port } = new URL(url);
  return protocol === "http:" && port === "";
}

function suggestPort(url: string): string {
  return `Did you mean ${new URL(url).hostname}:${USUAL_PORT}?`;
}

/** What to tell about an answer that is a refusal. Reads its body. */
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
  if (status >= 500 || PASSING.includes(status)) {
    const bounds = { nowMs: Date.now(), maxMs: MAX_RETRY_AFTER_MS };
    const retryAfterMs = parseRetryAfterMs(headers.get("retry-after"), bounds);
    return new AwayError(message, { retryAfterMs, isBusy: status === TOO_MANY_REQUESTS });
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
